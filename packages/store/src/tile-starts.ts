/**
 * Showing a dashboard: what is kept at once, and runs for what is too old or missing. Any number of viewers at once make one
 * run of equal work; a tile whose run goes on is not started again; a tile that fails does not hold up the others.
 */
import type { TileRun } from "@quern/contract/dashboards";
import type { RunStarted, RunStatus } from "@quern/contract/run-started";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { type Database, inTransaction, sqlstate } from "./db.ts";
import { insertRun, queueRoom } from "./runs.ts";
import { lockWork } from "./shared-runs.ts";
import { noteTileRuns, type PreparedTile, type TileNote } from "./tile-runs.ts";
import {
  type KeptRun,
  type RunnableTile,
  readTileStates,
  type SeenRun,
  type TileState,
} from "./tile-states.ts";

export type Freshness = {
  refresh: "none" | "stale" | "all";
  /** What is older is stale. */
  max_age_s: number;
};

/** What the runs say of the request that made them. */
type Request = { request_id: string; traceparent: string | null };

export type Started = {
  items: TileRun[];
  /** How many runs were made, and how many of others were joined. */
  made: number;
  joined: number;
};

/** Who asks for everything anew within so long asks at the same time. */
const SAME_TIME_MS = 1_000;
/** A run that failed is not tried again within so long, unless somebody asks for everything anew. */
const FAILURE_ANSWERS_MS = 10_000;
const DEADLOCK = "40P01";

/** Results for prepared tiles; runs are made for the actor, with this request's id and trace. `none` writes nothing. */
export async function startTileRuns(
  db: Database,
  actor: Actor,
  tiles: readonly PreparedTile[],
  freshness: Freshness,
  request: Request,
): Promise<Started> {
  const runnable = tiles.filter((tile): tile is RunnableTile => "run" in tile);
  const states = await readTileStates(db, actor, runnable);
  const started: Outcome = { items: new Map(), made: 0, joined: 0 };
  const open: RunnableTile[] = [];
  const notes: TileNote[] = [];
  for (const tile of runnable) {
    const shown = kept(tile, states.get(tile.tile_id), freshness);
    if (!shown) open.push(tile);
    else {
      started.items.set(tile.tile_id, shown.item);
      if (shown.note && freshness.refresh !== "none") notes.push(shown.note);
    }
  }
  if (notes.length > 0) await withoutDeadlock(() => noteTileRuns(db, notes));
  if (open.length > 0) {
    await withoutDeadlock(() => startOpen(db, actor, open, freshness, request, started));
  }
  const items = tiles.map((tile) => started.items.get(tile.tile_id) ?? withProblem(tile));
  return { items, made: started.made, joined: started.joined };
}

type Outcome = { items: Map<string, TileRun>; made: number; joined: number };

function withProblem(tile: PreparedTile): TileRun {
  const gone = { code: "not_found" as const, detail: "The datasource of this tile was deleted." };
  const problem = "problem" in tile ? tile.problem : gone;
  return { tile_id: tile.tile_id, run: null, last_good: null, problem, on: tile.on };
}

/** What is shown without a new run; undefined when one is needed, or one that goes on is to be shared. */
function kept(
  tile: RunnableTile,
  state: TileState | undefined,
  { refresh, max_age_s }: Freshness,
): { item: TileRun; note?: TileNote } | undefined {
  if (!state) return { item: withProblem(tile) };
  const { latest, same, good } = state;
  if (refresh === "none") return { item: itemOf(tile, state, good) };
  if (same !== null && isFresh(state, same, refresh, max_age_s)) {
    const item = itemOf(tile, state, same);
    if (same.noted) return { item };
    return { item, note: { tile_id: tile.tile_id, run_id: same.id, values: tile.values } };
  }
  const answers =
    latest !== null &&
    ((goesOn(latest) && latest.mine) || hasJustFailed(latest, refresh, max_age_s));
  return answers ? { item: itemOf(tile, state, good) } : undefined;
}

/** Else every viewer of a tile that fails would run it again at each refresh, one after the other. */
function hasJustFailed(
  { status, age_ms, queued_ago_ms }: SeenRun,
  refresh: "stale" | "all",
  max_age_s: number,
): boolean {
  if (status !== "failed" || age_ms === null) return false;
  return refresh === "all"
    ? queued_ago_ms < SAME_TIME_MS
    : age_ms <= Math.min(max_age_s * 1000, FAILURE_ANSWERS_MS);
}

function isFresh(
  { good }: TileState,
  same: KeptRun,
  refresh: "stale" | "all",
  max_age_s: number,
): boolean {
  // What the tile noted since then is newer, if of other work by the clock.
  if (!same.noted && good !== null && good.id > same.id) return false;
  return refresh === "all" ? same.queued_ago_ms < SAME_TIME_MS : same.age_ms <= max_age_s * 1000;
}

/** A good result, and the tile's newest run where that is newer: it goes on, or did not end well. */
function itemOf(
  tile: RunnableTile,
  { latest, last_good }: TileState,
  good: KeptRun | null,
): TileRun {
  const isNews = latest !== null && (good === null || latest.id > good.id);
  return {
    tile_id: tile.tile_id,
    run: isNews ? { id: latest.id, status: latest.status, reused: true } : null,
    last_good: good ? last_good[good.id]! : null,
    problem: null,
    on: tile.on,
  };
}

function goesOn({ status, canceling }: SeenRun): boolean {
  return (status === "queued" || status === "running") && !canceling;
}

/** Two requests that wait for each other: the one that PostgreSQL gave up has changed nothing and does it again. */
async function withoutDeadlock<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (sqlstate(error) !== DEADLOCK) throw error;
    return work();
  }
}

async function startOpen(
  db: Database,
  actor: Actor,
  open: readonly RunnableTile[],
  freshness: Freshness,
  request: Request,
  outcome: Outcome,
): Promise<void> {
  const items = new Map<string, TileRun>();
  const counts = await inTransaction(db, async (trx) => {
    items.clear();
    await lockWork(
      trx,
      actor.org_id,
      open.map(({ run }) => run),
    );
    const states = await readTileStates(trx, actor, open);
    const notes: TileNote[] = [];
    const needed: [RunnableTile, TileState][] = [];
    for (const tile of open) {
      const state = states.get(tile.tile_id);
      const shown = kept(tile, state, freshness);
      if (shown) {
        items.set(tile.tile_id, shown.item);
        if (shown.note) notes.push(shown.note);
      } else needed.push([tile, state!]);
    }
    const joined = await joinRuns(trx, actor, needed);
    const room = await queueRoom(trx, actor);
    const made = new Map<string, RunStarted>();
    for (const [tile, state] of needed) {
      let run = joined.get(tile.tile_id) ?? made.get(state.key);
      if (!run && made.size < room) {
        run = await make(trx, actor, tile, request);
        made.set(state.key, { ...run, reused: true });
      }
      const item = itemOf(tile, state, state.good);
      items.set(tile.tile_id, run ? { ...item, run } : { ...item, problem: FULL });
      if (run) notes.push({ tile_id: tile.tile_id, run_id: run.id, values: tile.values });
    }
    await noteTileRuns(trx, notes);
    return { made: made.size, joined: new Set([...joined.values()].map(({ id }) => id)).size };
  });
  for (const [id, item] of items) outcome.items.set(id, item);
  outcome.made += counts.made;
  outcome.joined += counts.joined;
}

const FULL = {
  code: "rate_limited" as const,
  detail:
    "You have as many runs in the queue as you may have. Wait until some have ended, or cancel them; an admin can allow more.",
};

function make(
  trx: Database,
  actor: Actor,
  { run }: RunnableTile,
  request: Request,
): Promise<RunStarted> {
  return insertRun(trx, actor, { ...run, ...request, priority: "dashboard", trigger: "tile" });
}

/** By tile, the run of its work that goes on: the actor shares it from now on. */
async function joinRuns(
  trx: Database,
  actor: Actor,
  needed: readonly (readonly [RunnableTile, TileState])[],
): Promise<Map<string, RunStarted>> {
  const going = needed.flatMap(([{ tile_id }, { latest, going }]) => {
    const run = latest !== null && goesOn(latest) ? latest : going;
    return run ? [{ tile_id, run }] : [];
  });
  if (going.length === 0) return new Map();
  const ids = [...new Set(going.map(({ run }) => run.id))];
  await shareRuns(trx, actor, ids);
  // Looked at after that, and not locked: a locked run is passed over by the runners, and many viewers come at once.
  const { rows } = await sql<{ id: string; status: RunStatus }>`
    select id, status from runs
    where id = any (${ids}::uuid[]) and cancel_requested_at is null and status in ('queued', 'running', 'succeeded')`.execute(
    trx,
  );
  const held = new Map(rows.map(({ id, status }) => [id, status]));
  return new Map(
    going.flatMap(({ tile_id, run: { id } }) =>
      held.has(id) ? [[tile_id, { id, status: held.get(id)!, reused: true }]] : [],
    ),
  );
}

/** Makes the actor a caller of these runs, which may be in less of a hurry than a dashboard is. */
async function shareRuns(trx: Database, actor: Actor, ids: readonly string[]): Promise<void> {
  await sql`
    insert into run_callers (run_id, user_id)
    select runs.id, people.id
    from runs
    cross join lateral (select distinct unnest(array[runs.created_by, ${actor.user_id}::uuid]) as id) as people
    where runs.id = any (${ids}::uuid[]) and people.id is not null
      and (runs.created_by is distinct from ${actor.user_id}::uuid
        or exists (select from run_callers where run_callers.run_id = runs.id))
    order by runs.id, people.id
    on conflict (run_id, user_id) do update set detached_at = null
      where run_callers.user_id = ${actor.user_id} and run_callers.detached_at is not null`.execute(
    trx,
  );
  await sql`
    update runs set priority = 'dashboard'
    where id = any (${ids}::uuid[]) and status = 'queued' and priority = 'schedule'`.execute(trx);
}
