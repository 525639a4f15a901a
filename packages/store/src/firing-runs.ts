/** Puts the runs of a firing into the queue. Equal work that was queued since the firing was due answers for it, too. */
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import type { Database } from "./db.ts";
import { insertRun } from "./runs.ts";
import { newRunOf, type PreparedRun } from "./schedule-target.ts";
import { addCaller, queryKey, workOf } from "./shared-runs.ts";
import { noteTileRuns, type TileNote } from "./tile-runs.ts";

/** In the transaction of the firing. Returns how many runs it has. */
export async function enqueueRuns(
  trx: Database,
  owner: Actor,
  firingId: string,
  prepared: readonly PreparedRun[],
  since: Date,
): Promise<number> {
  const keys = await lockKeys(trx, owner, prepared);
  const known = await equalRuns(trx, owner, keys, since);
  const made: (PreparedRun & { id: string })[] = [];
  // In the order of their lanes: a run's place in the queue locks its lane, and two firings of a person must not wait for each other.
  const ordered = prepared
    .map((each, index) => ({ ...each, key: keys[index]! }))
    .sort((one, other) => (one.run.datasource_id! < other.run.datasource_id! ? -1 : 1));
  for (const { key, ...each } of ordered) {
    const id = known.get(key) ?? (await insertRun(trx, owner, newRunOf(each, firingId))).id;
    known.set(key, id);
    made.push({ ...each, id });
  }
  await sql`
    insert into firing_runs (firing_id, run_id, tile_id, title)
    select ${firingId}, run_id, tile_id, title
    from unnest(${made.map(({ id }) => id)}::uuid[], ${made.map(({ tile_id }) => tile_id)}::uuid[],
      ${made.map(({ title }) => title)}::text[]) as made (run_id, tile_id, title)`.execute(trx);
  await noteTileRuns(
    trx,
    made.flatMap(({ tile_id, id, values }): TileNote[] =>
      tile_id !== null && values ? [{ tile_id, run_id: id, values }] : [],
    ),
  );
  return new Set(made.map(({ id }) => id)).size;
}

/** What decides what each run gives, in hexadecimal. Whoever else has such work waits from now on. */
async function lockKeys(
  trx: Database,
  owner: Actor,
  prepared: readonly PreparedRun[],
): Promise<string[]> {
  // As `joinRun` locks; in order, so that two who lock several never wait for each other.
  const { rows } = await sql<{ key: string; place: number }>`
    select pg_advisory_xact_lock(hashtextextended(keys.key, 0)), keys.key, keys.place from (
      select encode(${queryKey(owner.org_id, sql`asked.work`)}, 'hex') as key, asked.place::integer as place
      from unnest(${prepared.map(({ run }) => run.datasource_id)}::uuid[], ${prepared.map(({ run }) => workOf(run))}::text[])
        with ordinality as asked (datasource_id, work, place)
      join datasources on datasources.id = asked.datasource_id
      order by key offset 0
    ) as keys`.execute(trx);
  return rows.sort((one, other) => one.place - other.place).map(({ key }) => key);
}

/** Runs of the same work that were queued since then, by key; they are shared from now on. */
async function equalRuns(
  trx: Database,
  owner: Actor,
  keys: readonly string[],
  since: Date,
): Promise<Map<string, string>> {
  const { rows } = await sql<{ id: string; key: string; created_by: string | null }>`
    select id, encode(cache_key, 'hex') as key, created_by from runs
    where cache_key in (select decode(keys.key, 'hex') from unnest(${keys}::text[]) as keys (key))
      and org_id = ${owner.org_id} and queued_at >= ${since} and (finished_at is null or status = 'succeeded')
      and cancel_requested_at is null and result_deleted_at is null
    order by id
    for no key update`.execute(trx);
  for (const { id, created_by } of rows)
    if (created_by !== owner.user_id) await addCaller(trx, id, created_by, owner.user_id);
  return new Map(rows.map(({ key, id }) => [key, id]));
}
