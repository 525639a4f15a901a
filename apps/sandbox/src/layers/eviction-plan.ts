/**
 * Which layers go first: GreedyDual-Size-Frequency (Cherkasova, HP Labs 1998), priority = L + frequency · cost / size,
 * with the time of a rebuild from the nearest surviving ancestor as cost. L is the priority of what went last, so that
 * what was used long ago ages against what is used now.
 */
import type { EvictionRow } from "@quern/store/layer-evictions";

export type Victim = { id: string; bytes: number; priority: number };

export type EvictionPlan = {
  victims: Victim[];
  freed_bytes: number;
  /** Bytes that could not be planned, by what keeps them. */
  kept: { in_use: number; pinned: number; too_young: number };
};

export type EvictionGoal = { free_bytes: number; min_age_s: number; max_victims: number };

/** The cheapest layers to lose, until so many bytes are free or nothing more may go. */
export function planEviction(rows: readonly EvictionRow[], goal: EvictionGoal): EvictionPlan {
  const byKey = new Map(rows.map((row) => [keyOf(row.org_id, row.state_key), row]));
  const children = childrenOf(rows);
  const gone = new Set<string>();
  const costs = new Map<string, number>();
  const kept = { in_use: 0, pinned: 0, too_young: 0 };
  const candidates: EvictionRow[] = [];
  for (const row of rows) {
    if (row.status !== "ready") continue;
    const why = keptBecause(row, goal.min_age_s);
    if (why === null) candidates.push(row);
    else kept[why] += row.own_bytes;
  }
  const costOf = (row: EvictionRow): number => {
    const known = costs.get(row.id);
    if (known !== undefined) return known;
    const cost = rebuildMs(row, byKey, gone);
    costs.set(row.id, cost);
    return cost;
  };
  /** Of all whose nearest ancestor this one was. */
  const forgetCosts = (row: EvictionRow, seen = new Set<string>()) => {
    if (seen.has(row.id)) return;
    seen.add(row.id);
    for (const child of children.get(keyOf(row.org_id, row.state_key)) ?? []) {
      costs.delete(child.id);
      if (child.status !== "ready" || gone.has(child.id)) forgetCosts(child, seen);
    }
  };

  const victims: Victim[] = [];
  let freed_bytes = 0;
  while (freed_bytes < goal.free_bytes && victims.length < goal.max_victims) {
    const next = cheapest(candidates, gone, costOf);
    if (next === null) break;
    gone.add(next.row.id);
    forgetCosts(next.row);
    victims.push({ id: next.row.id, bytes: next.row.own_bytes, priority: next.priority });
    freed_bytes += next.row.own_bytes;
  }
  return { victims, freed_bytes, kept };
}

/** Milliseconds to build the state again from its nearest ancestor that is still there. */
export function rebuildMs(
  row: EvictionRow,
  byKey: ReadonlyMap<string, EvictionRow>,
  gone: ReadonlySet<string> = new Set(),
): number {
  let total = row.build_ms;
  const seen = new Set([row.id]);
  for (let at = parentOf(row, byKey); at !== undefined; at = parentOf(at, byKey)) {
    if ((at.status === "ready" && !gone.has(at.id)) || seen.has(at.id)) break;
    seen.add(at.id);
    total += at.build_ms;
  }
  return total;
}

/** `frequency` counts the build as the first use. */
export function priorityOf(row: EvictionRow, rebuild_ms: number): number {
  return row.inflation + ((row.hits + 1) * rebuild_ms) / Math.max(row.own_bytes, 1);
}

export function keyOf(org_id: string, state_key: Buffer): string {
  return `${org_id}/${state_key.toString("hex")}`;
}

function keptBecause(row: EvictionRow, min_age_s: number): keyof EvictionPlan["kept"] | null {
  if (row.leased) return "in_use";
  if (row.pinned) return "pinned";
  return row.age_s < min_age_s && !row.expired ? "too_young" : null;
}

function parentOf(
  { org_id, parent_key }: EvictionRow,
  byKey: ReadonlyMap<string, EvictionRow>,
): EvictionRow | undefined {
  return parent_key === null ? undefined : byKey.get(keyOf(org_id, parent_key));
}

function childrenOf(rows: readonly EvictionRow[]): Map<string, EvictionRow[]> {
  const children = new Map<string, EvictionRow[]>();
  for (const row of rows) {
    if (row.parent_key === null) continue;
    const parent = keyOf(row.org_id, row.parent_key);
    const siblings = children.get(parent);
    if (siblings) siblings.push(row);
    else children.set(parent, [row]);
  }
  return children;
}

function cheapest(
  candidates: readonly EvictionRow[],
  gone: ReadonlySet<string>,
  costOf: (row: EvictionRow) => number,
): { row: EvictionRow; priority: number } | null {
  let best: { row: EvictionRow; priority: number } | null = null;
  for (const row of candidates) {
    if (gone.has(row.id)) continue;
    // What has expired is worth nothing, whatever it cost.
    const priority = row.expired ? -1 : priorityOf(row, costOf(row));
    if (best === null || priority < best.priority) best = { row, priority };
  }
  return best;
}
