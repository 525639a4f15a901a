/** From raw rows of pg_stat_statements to what happened in an interval. */
import type { StatementStats, StatementsState } from "@quern/contract/agent/statements";
import type { Counter } from "@quern/contract/agent/values";
import type { HealthMark } from "@quern/contract/health/ranges";
import { grownBy, measureGrownBy } from "./differences.ts";
import type { Verdict } from "./epochs.ts";

/** Counters of a statement that points keep, in the order of their columns. */
export const STATEMENT_COUNTERS = [
  "calls",
  "rows",
  "shared_blks_hit",
  "shared_blks_read",
  "shared_blks_dirtied",
  "shared_blks_written",
  "temp_blks_read",
  "temp_blks_written",
  "wal_bytes",
] as const;
export const STATEMENT_MEASURES = [
  "total_time_ms",
  "blk_read_time_ms",
  "blk_write_time_ms",
  "plan_time_ms",
] as const;
type CounterName = (typeof STATEMENT_COUNTERS)[number];
type MeasureName = (typeof STATEMENT_MEASURES)[number];

export type StatementDifference = { key: string } & Record<
  CounterName | MeasureName,
  number | null
>;

type Raw = { since: string | null; seen: string } & Partial<
  Record<CounterName, Counter | null> & Record<MeasureName, number | null>
>;
/** What is kept between two readings: raw counters by key, and whether all statements of the server were among them. */
export type StatementMemory = {
  complete: boolean;
  entries: number | null;
  dealloc: number | null;
  statements: Record<string, Raw>;
  /** Over all statements of the database, those beyond the agent's limit as well. */
  total: { calls: number; total_time_ms: number };
};

/** Statements that were not sent for so long are forgotten: whatever they do next begins anew. */
const FORGOTTEN_MS = 7 * 24 * 60 * 60 * 1000;
const SHRUNK = 0.5;

/** The same statement of the same role in the same database. */
export function keyOf({
  query_hash,
  user_name,
}: Pick<StatementStats, "query_hash" | "user_name">): string {
  return `${query_hash}\u0001${user_name ?? ""}`;
}

/** Whether far fewer statements are known to the server than before: somebody reset them, where nothing else tells. */
export function hasShrunk(before: StatementMemory, state: StatementsState | undefined): boolean {
  const entries = state?.entries == null ? null : Number(state.entries);
  return before.entries !== null && entries !== null && entries < before.entries * SHRUNK;
}

/**
 * What each statement did since `before`. From version 17 on every entry says since when it counts, which decides before
 * all else: an entry that began within the interval is counted from zero, one that goes on by its difference. Elsewhere a
 * statement that was not sent before is new if the agent says so, which saw it or did not; where it does not say, only
 * if all statements were sent then: otherwise it may have been among those beyond its limit, and what it did is not known.
 */
export function statementDifferences(
  before: StatementMemory,
  before_at: Date,
  rows: readonly StatementStats[],
  verdict: Verdict,
): StatementDifference[] {
  return rows.flatMap((row) => {
    const key = keyOf(row);
    const known = before.statements[key];
    const counters = countedFrom(known, row, before, before_at, verdict);
    if (counters === null) return [];
    const difference = { key } as StatementDifference;
    for (const name of STATEMENT_COUNTERS)
      difference[name] = grownBy(known?.[name], row[name], counters);
    for (const name of STATEMENT_MEASURES)
      difference[name] = measureGrownBy(known?.[name], row[name], counters);
    // One counter alone may be at rest; a statement whose calls fell began anew in all of them.
    if (fell(known, row) && counters !== "lost") return [fromZero(row, key)];
    return (difference.calls ?? 0) > 0 || (difference.total_time_ms ?? 0) > 0 ? [difference] : [];
  });
}

function countedFrom(
  known: Raw | undefined,
  { stats_since: since = null, new_entry }: StatementStats,
  before: StatementMemory,
  before_at: Date,
  verdict: Verdict,
): Verdict["counters"] | null {
  if (since !== null) {
    if (known !== undefined && known.since === since) return "kept";
    return new Date(since) >= before_at || verdict.counters === "lost" ? "lost" : null;
  }
  if (verdict.counters === "other") return null;
  if (new_entry || verdict.counters === "lost") return "lost";
  if (known !== undefined) return verdict.counters;
  return new_entry === undefined && before.complete ? "lost" : null;
}

function fell(known: Raw | undefined, row: StatementStats): boolean {
  if (known?.calls == null) return false;
  return BigInt(row.calls) < BigInt(known.calls);
}

function fromZero(row: StatementStats, key: string): StatementDifference {
  const difference = { key } as StatementDifference;
  for (const name of STATEMENT_COUNTERS) difference[name] = grownBy(null, row[name], "lost");
  for (const name of STATEMENT_MEASURES) difference[name] = measureGrownBy(null, row[name], "lost");
  return difference;
}

/** What to keep for the next time: the rows of now over those of before. */
export function nextMemory(
  before: StatementMemory | undefined,
  rows: readonly StatementStats[],
  state: StatementsState | undefined,
  verdict: Verdict | undefined,
  at: Date,
): StatementMemory {
  const statements: Record<string, Raw> = {};
  if (before !== undefined && verdict?.counters !== "lost" && verdict?.counters !== "other") {
    const oldest = at.getTime() - FORGOTTEN_MS;
    for (const [key, raw] of Object.entries(before.statements)) {
      if (Date.parse(raw.seen) > oldest) statements[key] = raw;
    }
  }
  for (const row of rows) {
    const raw: Raw = { since: row.stats_since ?? null, seen: at.toISOString() };
    for (const name of STATEMENT_COUNTERS) if (row[name] != null) raw[name] = row[name];
    for (const name of STATEMENT_MEASURES) if (row[name] != null) raw[name] = row[name];
    statements[keyOf(row)] = raw;
  }
  return {
    // The original agent sends at most a hundred and does not say how many there are.
    complete: state !== undefined && (state.other === null || state.other.statements === 0),
    entries: state?.entries == null ? null : Number(state.entries),
    dealloc: state?.dealloc == null ? null : Number(state.dealloc),
    statements,
    total: totalOf(rows, state),
  };
}

export function totalOf(
  rows: readonly StatementStats[],
  state: StatementsState | undefined,
): StatementMemory["total"] {
  const total = {
    calls: Number(state?.other?.calls ?? 0),
    total_time_ms: state?.other?.total_time_ms ?? 0,
  };
  for (const row of rows) {
    total.calls += Number(row.calls);
    total.total_time_ms += row.total_time_ms;
  }
  return total;
}

/** What the statements did that were not sent one by one: what all did, less those. */
export function otherDifference(
  before: StatementMemory["total"],
  after: StatementMemory["total"],
  differences: readonly StatementDifference[],
  verdict: Verdict,
): { calls: number; total_time_ms: number } {
  const rest = { calls: 0, total_time_ms: 0 };
  for (const name of ["calls", "total_time_ms"] as const) {
    const all = measureGrownBy(before[name], after[name], verdict.counters) ?? 0;
    const sent = differences.reduce((sum, each) => sum + (each[name] ?? 0), 0);
    rest[name] = Math.max(0, all - sent);
  }
  return { ...rest, calls: Math.round(rest.calls) };
}

/** Entries were thrown out since: sums are lower bounds. */
export function evictionMark(
  before: StatementMemory,
  state: StatementsState | undefined,
): HealthMark[] {
  const dealloc = state?.dealloc == null ? null : Number(state.dealloc);
  return before.dealloc !== null && dealloc !== null && dealloc > before.dealloc ? ["evicted"] : [];
}
