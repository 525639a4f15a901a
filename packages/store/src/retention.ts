/** What is deleted when its time is up: the rows of results. The history of their runs stays. */
import { type RawBuilder, sql } from "kysely";
import { type Database, inTransaction } from "./db.ts";

/**
 * Deletes the results whose time is up, at most `limit`, except those that a dashboard tile still shows. Says how many
 * and which runs had parts outside PostgreSQL: the caller deletes these files. A crash in between leaves files that belong to
 * nothing, which `runsWithoutFiles` finds.
 */
export async function expireResults(
  db: Database,
  limit = 100,
): Promise<{ expired: number; with_files: string[] }> {
  return inTransaction(db, async (trx) => {
    const { rows: expired } = await sql<{ id: string }>`
      with expired as (
        select id from runs
        where result_expires_at < now() and result_deleted_at is null
          and not ${shownByTile()}
        order by result_expires_at
        limit ${limit}
        for update skip locked
      )
      update runs set result_deleted_at = now(), cache_key = null from expired where runs.id = expired.id
      returning runs.id`.execute(trx);
    const ids = expired.map(({ id }) => id);
    const { rows: parts } = await sql<{ run_id: string; store: string }>`
      delete from result_parts where run_id = any (${ids}::uuid[]) returning run_id, store`.execute(
      trx,
    );
    const outside = parts.filter(({ store }) => store !== "postgres");
    return { expired: ids.length, with_files: [...new Set(outside.map(({ run_id }) => run_id))] };
  });
}

/** Whether a row of `runs` is the newest good one of a tile, for the values that its dashboard opens with: one for each tile. */
function shownByTile(): RawBuilder<boolean> {
  return sql`exists (
    select from tile_runs
    join tiles on tiles.id = tile_runs.tile_id
    join dashboards on dashboards.id = tiles.dashboard_id and dashboards.deleted_at is null
    where tile_runs.run_id = runs.id and tile_runs.is_default and runs.status = 'succeeded'
      and not exists (
        select from tile_runs as later join runs as later_runs on later_runs.id = later.run_id
        where later.tile_id = tile_runs.tile_id and later.values_key = tile_runs.values_key
          and later.run_id > tile_runs.run_id
          and later_runs.status = 'succeeded' and later_runs.result_deleted_at is null))`;
}

/** Which of these runs have no part outside PostgreSQL and are not at work: what a store holds for them is nobody's. */
export async function runsWithoutFiles(db: Database, runIds: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select candidates.id
    from unnest(${runIds}::uuid[]) as candidates (id)
    where not exists (
        select from result_parts
        where result_parts.run_id = candidates.id and result_parts.store <> 'postgres')
      and not exists (select from runs where runs.id = candidates.id and runs.status = 'running')`.execute(
    db,
  );
  return rows.map(({ id }) => id);
}

/** Parts that are kept outside PostgreSQL in such a store: up to `limit`, from a random run on. */
export async function somePartsOutside(
  db: Database,
  store: "file" | "s3",
  limit: number,
): Promise<{ run_id: string; location: string }[]> {
  const { rows } = await sql<{ run_id: string; location: string }>`
    with ends as (
      select min(id::text) as low, max(id::text) as high from (
        (select id from runs order by id limit 1) union all (select id from runs order by id desc limit 1)) as ends (id)
    ),
    start as (
      -- Ids are ordered by time, in their first 48 bits.
      select lpad(to_hex((
        bits.low + floor(random() * (bits.high - bits.low)))::bigint), 12, '0') as prefix
      from (select ('x' || lpad(left(replace(low, '-', ''), 12), 16, '0'))::bit(64)::bigint as low,
          ('x' || lpad(left(replace(high, '-', ''), 12), 16, '0'))::bit(64)::bigint as high from ends) as bits
    )
    select run_id, location from result_parts
    where store = ${store} and location is not null
      and run_id >= (select (rpad(prefix, 32, '0'))::uuid from start)
    order by run_id limit ${limit}`.execute(db);
  return rows;
}
