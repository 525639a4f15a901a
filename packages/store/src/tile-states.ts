/** What is there for tiles: runs that go on, good results that are kept. One statement for a whole dashboard. */
import type { TileRun } from "@quern/contract/dashboards";
import type { RunStatus } from "@quern/contract/run-started";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import type { Database } from "./db.ts";
import { onOwnDatasource } from "./grants.ts";
import { newestOf, queryKey, workOf } from "./shared-runs.ts";
import type { PreparedTile } from "./tile-runs.ts";

export type RunnableTile = Extract<PreparedTile, { run: unknown }>;

export type SeenRun = {
  id: string;
  status: RunStatus;
  canceling: boolean;
  /** Whether the actor made it or shares it. */
  mine: boolean;
  queued_ago_ms: number;
  /** null while it goes on. */
  age_ms: number | null;
};
export type KeptRun = { id: string; noted: boolean; age_ms: number; queued_ago_ms: number };

export type TileState = {
  tile_id: string;
  /** What decides what the run gives, in hexadecimal: `runs.cache_key` of equal runs. */
  key: string;
  /** Of this tile for these values: the newest run that it noted, however it went. */
  latest: SeenRun | null;
  /** A run of the same work that goes on, whoever wanted it. */
  going: SeenRun | null;
  /** The newest good run of the same work that still has its result. */
  same: KeptRun | null;
  /** The newest good run that this tile noted for these values: the work may have been another then, by the clock. */
  good: KeptRun | null;
  last_good: { [id in string]: NonNullable<TileRun["last_good"]> };
};

/**
 * Runs that whoever sees the tile may see: of saved queries where they are saved. Who has another datasource in the place of
 * a tile's own may write SQL for that, and so see whatever ran on it.
 */
const SHARED = sql`runs.query_id is not null and (asked.swapped or ${onOwnDatasource})`;

/** A state for each tile whose datasource is there. */
export async function readTileStates(
  db: Database,
  actor: Actor,
  tiles: readonly RunnableTile[],
): Promise<Map<string, TileState>> {
  if (tiles.length === 0) return new Map();
  const { rows } = await sql<TileState>`
    with asked as materialized (
      select asked.tile_id, asked.values_key, asked.swapped, ${queryKey(actor.org_id, sql`asked.work`)} as cache_key
      from unnest(
        ${tiles.map(({ tile_id }) => tile_id)}::uuid[], ${tiles.map(({ values }) => values.key)}::bytea[],
        ${tiles.map(({ run }) => run.datasource_id)}::uuid[], ${tiles.map(({ run }) => workOf(run))}::text[],
        ${tiles.map(({ on }) => on !== null)}::boolean[]
      ) as asked (tile_id, values_key, datasource_id, work, swapped)
      join datasources on datasources.id = asked.datasource_id
    )
    select asked.tile_id, encode(asked.cache_key, 'hex') as key,
      latest.json as latest, going.json as going,
      ${keptJson(
        "same",
        sql`exists (
        select from tile_runs where tile_runs.tile_id = asked.tile_id
          and tile_runs.values_key = asked.values_key and tile_runs.run_id = same.id)`,
      )} as same,
      ${keptJson("good", sql`true`)} as good,
      jsonb_strip_nulls(jsonb_build_object(
        coalesce(same.id::text, '-'), ${lastGoodJson("same")},
        coalesce(good.id::text, '+'), ${lastGoodJson("good")})) as last_good
    from asked
    left join lateral (
      select ${seenJson(actor)} as json
      from tile_runs join runs on runs.id = tile_runs.run_id
      where tile_runs.tile_id = asked.tile_id and tile_runs.values_key = asked.values_key
      order by tile_runs.run_id desc limit 1
    ) as latest on true
    left join lateral (
      select ${seenJson(actor)} as json
      from (${newestOf(sql`asked.cache_key`)}) as runs
      where ${SHARED} and runs.finished_at is null and runs.cancel_requested_at is null
      order by runs.id desc limit 1
    ) as going on true
    left join lateral (
      select runs.*
      from (${newestOf(sql`asked.cache_key`)}) as runs
      where ${SHARED} and runs.status = 'succeeded' and runs.result_deleted_at is null
      order by runs.id desc limit 1
    ) as same on true
    left join lateral (
      select runs.* from tile_runs join runs on runs.id = tile_runs.run_id
      where tile_runs.tile_id = asked.tile_id and tile_runs.values_key = asked.values_key
        and runs.status = 'succeeded' and runs.result_deleted_at is null
      order by tile_runs.run_id desc limit 1
    ) as good on true`.execute(db);
  return new Map(rows.map((row) => [row.tile_id, row]));
}

function seenJson(actor: Actor) {
  return sql`jsonb_build_object(
    'id', runs.id, 'status', runs.status, 'canceling', runs.cancel_requested_at is not null,
    'mine', case when exists (select from run_callers where run_callers.run_id = runs.id)
      then exists (
        select from run_callers
        where run_callers.run_id = runs.id and run_callers.user_id = ${actor.user_id} and run_callers.detached_at is null)
      else runs.created_by is not distinct from ${actor.user_id}::uuid end,
    'queued_ago_ms', extract(epoch from clock_timestamp() - runs.queued_at) * 1000,
    'age_ms', extract(epoch from clock_timestamp() - runs.finished_at) * 1000)`;
}

function keptJson(run: "same" | "good", noted: ReturnType<typeof sql>) {
  const column = (name: string) => sql.ref(`${run}.${name}`);
  return sql`case when ${column("id")} is not null then jsonb_build_object(
    'id', ${column("id")}, 'noted', ${noted},
    'age_ms', extract(epoch from clock_timestamp() - ${column("finished_at")}) * 1000,
    'queued_ago_ms', extract(epoch from clock_timestamp() - ${column("queued_at")}) * 1000) end`;
}

function lastGoodJson(run: "same" | "good") {
  const column = (name: string) => sql.ref(`${run}.${name}`);
  return sql`(
    select case when ${column("id")} is not null then jsonb_build_object(
      'run_id', ${column("id")}, 'statement', coalesce(max(run_statements.index), 0),
      'finished_at', to_char(${column("finished_at")} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
      'rows', coalesce((array_agg(run_statements.rows order by run_statements.index desc))[1], 0)) end
    from run_statements
    where run_statements.run_id = ${column("id")} and run_statements.columns is not null)`;
}
