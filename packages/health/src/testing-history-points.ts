/** Points of the shop's history: a rhythm of days and weeks, and a statement that got slow. Only tests may import this file. */
import type { Database } from "@quern/store/db";
import { type RawBuilder, sql } from "kysely";
import { ensurePartitionsOf, type PointResolution } from "./partitions.ts";
import { TABLE_SUFFIX } from "./point-families.ts";
import { FAMILIES, sumFamily } from "./rollup-sums.ts";
import { TABLES } from "./testing-history-shop.ts";

type Watched = { id: string; server_id: string; name: string; main: boolean };
type Times = { from: Date; to: Date; raw_hours: number };

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Minutes of the last hours, hours before them, and days of those. */
export async function fillPoints(
  db: Database,
  watched: Watched,
  { from, to, raw_hours }: Times,
): Promise<void> {
  const raw_from = new Date(Math.floor((to.getTime() - raw_hours * HOUR_MS) / HOUR_MS) * HOUR_MS);
  const hours_from = new Date(Math.floor(from.getTime() / HOUR_MS) * HOUR_MS);
  const spans = [
    { resolution: "hour", from: hours_from, to: raw_from, seconds: 3_600 },
    { resolution: "raw", from: raw_from, to: new Date(to.getTime() - 1), seconds: 60 },
  ] as const;
  for (const span of spans) {
    for (let at = span.from.getTime(); at <= span.to.getTime() + HOUR_MS; at += DAY_MS / 2)
      await ensurePartitionsOf(db, span.resolution, new Date(at));
    await ensurePartitionsOf(db, span.resolution, span.to);
    await fillStatements(db, watched, span);
    await fillRelations(db, watched, span);
    await fillMetrics(db, watched, span);
    if (watched.main) await fillLoad(db, watched, span);
  }
  const day = (at: Date) => new Date(Math.floor(at.getTime() / DAY_MS) * DAY_MS);
  const whole = { from: day(hours_from), to: day(raw_from) };
  for (let at = whole.from.getTime(); at <= whole.to.getTime(); at += 14 * DAY_MS)
    await ensurePartitionsOf(db, "day", new Date(at));
  await ensurePartitionsOf(db, "day", whole.to);
  for (const family of FAMILIES)
    for (const subject_id of [watched.id, watched.server_id])
      await sumFamily(db, family, "day", { subject_id, ...whole });
  await sql`
    insert into health_rollups (what, until) values ('hour', ${raw_from}), ('day', ${whole.to}), ('late', now())
    on conflict (what) do update set until = least(health_rollups.until, excluded.until)`.execute(
    db,
  );
}

type Filled = { resolution: PointResolution; from: Date; to: Date; seconds: number };

const tableOf = (family: string, { resolution }: Filled) =>
  sql.table(`health_${family}_${TABLE_SUFFIX[resolution]}`);

/** The instants of a span with `wave`, how busy the shop is: more by day, less at weekends. */
function instants({ from, to, seconds }: Filled): RawBuilder<unknown> {
  return sql`(
    select at, (0.55 + 0.45 * sin((extract(epoch from at)::float8 / 3600 - 9) / 24 * 2 * pi()))
      * case when extract(isodow from at at time zone 'UTC') > 5 then 0.6 else 1 end as wave
    from generate_series(${from}::timestamptz + ${seconds} * interval '1 second', ${to}::timestamptz,
      ${seconds} * interval '1 second') as at
  ) as instants`;
}

/** From 0.8 to 1.2, the same each time for the same instant and thing. */
const NOISE = sql`(0.8 + 0.4 * (hashint8(thing * 7919 + extract(epoch from at)::bigint) & 1023) / 1023)`;

async function fillStatements(db: Database, { id }: Watched, span: Filled): Promise<void> {
  const { seconds } = span;
  await sql`
    insert into ${tableOf("statement", span)} (database_id, at, seconds, statement_ids, calls, total_time_ms, rows,
      shared_blks_hit, shared_blks_read, shared_blks_dirtied, shared_blks_written, temp_blks_read, temp_blks_written,
      blk_read_time_ms, blk_write_time_ms, plan_time_ms, wal_bytes, other_calls, other_time_ms)
    select ${id}::uuid, at, ${seconds}, array_agg(thing), array_agg(calls), array_agg(calls * mean), array_agg(calls * returned),
      array_agg(calls * (8 + place)), array_agg(calls * (place % 5)), array_agg(case when kind = 'select' then 0 else calls end),
      array_agg(0::bigint), array_agg(0::bigint), array_agg(case when place % 50 = 6 then calls * 900 else 0 end),
      array_agg(calls * (place % 5) * 0.02), array_agg(0::float8), array_agg(null::float8),
      array_agg(case when kind = 'select' then 0 else calls * 300 end), 900, 400.5
    from ${instants(span)}, (
      select id as thing, row_number() over (order by id) as place, kind, kind not in ('select') as writes
      from health_statements where database_id = ${id}
    ) as statements, lateral (
      select round(40.0 / (1 + place) * ${seconds} * wave * ${NOISE})::bigint as calls, case when writes then 1 else 1 + place % 9 end as returned,
        (0.2 + (place * 37 % 100) / 20.0) * ${NOISE}
          * case when place = 5 and at > ${span.to}::timestamptz - interval '1 day' then 3.6 else 1 end as mean
    ) as did
    where calls > 0 group by at
    on conflict do nothing`.execute(db);
}

async function fillRelations(db: Database, { id }: Watched, span: Filled): Promise<void> {
  const { seconds } = span;
  // As large and as busy as what the agent read last says; what nobody scans has no points.
  const place = sql`array_position(${TABLES.map(({ name }) => name)}::text[], table_name)`;
  const relations = (kind: "table" | "index") => sql`(
    select id as thing, ${place} as place from health_relations
    where database_id = ${id} and kind = ${kind} and not exists (
      select from health_documents, jsonb_array_elements(body) as each
      where database_id = ${id} and section = 'indexes' and each ->> 'index' = name and each ->> 'idx_scan' = '0')
    ) as relations`;
  // A table grows towards what the agent read last.
  const grown = sql`(1 - 0.002 * extract(epoch from ${span.to}::timestamptz - at)::float8 / 86400)`;
  await sql`
    insert into ${tableOf("table", span)} (database_id, at, seconds, relation_ids, seq_scan, seq_tup_read, idx_scan,
      idx_tup_fetch, n_tup_ins, n_tup_upd, n_tup_del, n_tup_hot_upd, n_tup_newpage_upd, heap_blks_read, heap_blks_hit, vacuums,
      analyzes, n_live_tup, n_dead_tup, n_mod_since_analyze, n_ins_since_vacuum, size_bytes, heap_bytes, toast_bytes,
      index_bytes, reltuples, frozen_xid_age, min_mxid_age)
    select ${id}::uuid, at, ${seconds}, array_agg(thing), array_agg(case when place % 7 = 3 then did / 9 else 0 end),
      array_agg(case when place % 7 = 3 then did * 4000 else 0 end), array_agg(did * 9), array_agg(did * 9), array_agg(did),
      array_agg(did / 2), array_agg(did / 20), array_agg(did / 3), array_agg(did / 9), array_agg(did * 2),
      array_agg(did * 90), array_agg(0::bigint), array_agg(0::bigint), array_agg(rows), array_agg(rows / 25),
      array_agg(did), array_agg(did), array_agg(size), array_agg(size * 7 / 10), array_agg(size / 20), array_agg(size / 4),
      array_agg(rows::float8), array_agg(60000000 + place), array_agg(1000::bigint)
    from ${instants(span)}, ${relations("table")}, lateral (
      select round(3.0 / place * ${seconds} * wave * ${NOISE})::bigint as did,
        round(9e9 / place ^ 1.5 * ${grown})::bigint as size, round(4e7 / place ^ 1.6 * ${grown})::bigint as rows
    ) as work
    where did > 0 group by at
    on conflict do nothing`.execute(db);
  await sql`
    insert into ${tableOf("index", span)} (database_id, at, seconds, relation_ids, idx_scan, idx_tup_read, idx_tup_fetch,
      idx_blks_read, idx_blks_hit, size_bytes, reltuples)
    select ${id}::uuid, at, ${seconds}, array_agg(thing), array_agg(did), array_agg(did * 2), array_agg(did), array_agg(did / 9),
      array_agg(did * 5), array_agg(round(9e9 / place ^ 1.5 / 12 * ${grown})::bigint), array_agg(1e6::float8)
    from ${instants(span)}, ${relations("index")}, lateral (
      select round(9.0 / place * ${seconds} * wave * ${NOISE})::bigint as did) as work
    where did > 0 group by at
    on conflict do nothing`.execute(db);
}

async function fillMetrics(
  db: Database,
  { id, server_id, main }: Watched,
  span: Filled,
): Promise<void> {
  const { seconds } = span;
  const n = (per_second: number) =>
    sql`round(${per_second * seconds}::float8 * wave * (0.8 + 0.4 * (hashint8(extract(epoch from at)::bigint + ${Math.round(per_second * 100)}::bigint) & 1023) / 1023))`;
  await sql`
    insert into ${tableOf("metric", span)} (subject_id, at, seconds, values)
    select ${id}::uuid, at, ${seconds}, jsonb_build_object('xact_commit', ${n(300)}, 'xact_rollback', ${n(0.4)},
      'blks_read', ${n(90)}, 'blks_hit', ${n(9000)}, 'tup_returned', ${n(7000)}, 'tup_fetched', ${n(2000)},
      'tup_inserted', ${n(40)}, 'tup_updated', ${n(25)}, 'tup_deleted', ${n(1)}, 'conflicts', 0, 'temp_files', ${n(0.02)},
      'temp_bytes', ${n(90000)}, 'deadlocks', 0, 'active_time_ms', ${n(900)}, 'session_time_ms', ${n(20000)}, 'sessions', ${n(0.1)},
      'blk_read_time_ms', ${n(4)}, 'statement_calls', ${n(400)}, 'statement_time_ms', ${n(1400)}, 'statement_rows', ${n(900)},
      'size_bytes', round(28e9 * (1 - 0.002 * extract(epoch from ${span.to}::timestamptz - at) / 86400)), 'backends', round(24 * wave),
      'frozen_xid_age', 61000000, 'min_mxid_age', 1000)
    from ${instants(span)} on conflict do nothing`.execute(db);
  if (!main) return;
  await sql`
    insert into ${tableOf("metric", span)} (subject_id, at, seconds, values)
    select ${server_id}::uuid, at, ${seconds}, jsonb_build_object('connections_active', round(6 * wave), 'connections_idle', 14,
      'connections_idle_in_transaction', 1, 'connections_total', 15 + round(6 * wave), 'connections_limit', 200,
      'wal_bytes', ${n(200000)}, 'wal_records', ${n(1500)}, 'wal_fpi', ${n(7)}, 'checkpoints_timed', ${n(0.0033)},
      'checkpoints_requested', 0, 'checkpoint_write_time_ms', ${n(40)}, 'checkpoint_sync_time_ms', ${n(0.4)},
      'buffers_checkpoint', ${n(30)}, 'buffers_clean', ${n(1)}, 'archived', ${n(0.02)}, 'archive_failed', 0,
      'slots_retained_bytes', round(6.2e9 * wave), 'replay_lag_bytes', round(9e6 * wave), 'replay_lag_ms', round(2400 * wave),
      'horizon_age', round(52000 * wave), 'locks_held', round(140 * wave), 'vacuum_workers', 1, 'load', 4 * wave,
      'load_lock', wave, 'blocked_sessions', round(3 * wave), 'longest_wait_s', 44 * wave, 'agent_database_time_ms', ${n(2)}, 'agent_rss_bytes', 71000000)
    from ${instants(span)} on conflict do nothing`.execute(db);
}

async function fillLoad(
  db: Database,
  { id, server_id, name }: Watched,
  span: Filled,
): Promise<void> {
  await sql`
    insert into ${tableOf("load", span)} (server_id, at, seconds, samples, databases, query_hashes, users, wait_types,
      wait_events, sessions)
    select ${server_id}::uuid, at, ${span.seconds}, ${span.seconds / 10}, array_agg(${name}::text), array_agg(query_hash), array_agg(user_name),
      array_agg(wait[1]), array_agg(wait[2]), array_agg(n)
    from ${instants(span)}, (
      select id as thing, row_number() over (order by id) as place, query_hash, user_name from health_statements
      where database_id = ${id}
    ) as statements, lateral (
      select (array[array['CPU', ''], array['IO', 'DataFileRead'], array['Lock', 'relation'], array['LWLock', 'WALWrite'],
          array['CPU', ''], array['Client', 'ClientRead']])[place % 6 + 1 : place % 6 + 1] as waits
    ) as waiting, lateral (
      select array[waits[1][1], waits[1][2]] as wait, round(1.6 / place * ${span.seconds / 10} * wave * ${NOISE})::integer as n
    ) as did
    where n > 0 group by at
    on conflict do nothing`.execute(db);
}
