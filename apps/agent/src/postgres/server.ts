/** The server as a whole: parts that are read and may fail one by one. */
import type { DatabaseCounters, ServerStats } from "@quern/contract/agent/server";
import { count, counter, counters, measures, type Row, whole } from "../engine/values.ts";
import { columnsOf, type Facts } from "./facts.ts";
import { selectList, type Wanted } from "./select-list.ts";
import type { Session } from "./session.ts";
import { time } from "./values.ts";

type Core = Pick<
  ServerStats,
  | "in_recovery"
  | "max_connections"
  | "reserved_connections"
  | "connections"
  | "connections_by_role"
  | "databases"
>;

/** Sizes of databases are sums over all their files: asked for less often than the rest, by name. */
export type DatabaseSizes = { at: number; bytes: Map<string, string | null> };

const SIZES_EVERY_MS = 5 * 60_000;

/** What every payload with `server` has. */
export async function readServerCore(
  session: Session,
  facts: Facts,
  sizes: DatabaseSizes,
  now: number,
): Promise<Core> {
  const [limits] = await session.query(
    `select current_setting('max_connections') as max_connections,
       current_setting('superuser_reserved_connections')::int
         + coalesce(current_setting('reserved_connections', true), '0')::int as reserved_connections`,
  );
  const states = await session.query(
    `select coalesce(a.state, 'unknown') as state, count(*) as connections from pg_stat_activity as a
      where coalesce(a.backend_type, 'client backend') = 'client backend' group by 1`,
  );
  const roles = await session.query(
    `select r.rolname as user_name, count(*) as connections, r.rolconnlimit as connection_limit
       from pg_stat_activity as a join pg_roles as r on r.oid = a.usesysid
      where coalesce(a.backend_type, 'client backend') = 'client backend'
      group by r.rolname, r.rolconnlimit order by 2 desc limit 1000`,
  );
  if (now - sizes.at >= SIZES_EVERY_MS) await refreshSizes(session, sizes, now);
  return {
    in_recovery: facts.in_recovery,
    max_connections: whole(limits?.max_connections),
    reserved_connections: whole(limits?.reserved_connections),
    connections: Object.fromEntries(
      states.map(({ state, connections }) => [state ?? "unknown", whole(connections) ?? 0]),
    ),
    connections_by_role: roles.map((row) => ({
      user_name: row.user_name ?? "",
      connections: whole(row.connections) ?? 0,
      connection_limit: whole(row.connection_limit) ?? -1,
    })),
    databases: await readDatabases(session, facts, sizes),
  };
}

async function refreshSizes(session: Session, sizes: DatabaseSizes, now: number): Promise<void> {
  const rows = await session.query(
    `select d.datname as name, case when has_database_privilege(d.oid, 'connect')
         or pg_has_role('pg_read_all_stats', 'usage') then pg_database_size(d.oid) end as bytes
       from pg_database as d`,
  );
  sizes.bytes = new Map(rows.map(({ name, bytes }) => [name ?? "", bytes ?? null]));
  sizes.at = now;
}

const REQUIRED = [
  ...["xact_commit", "xact_rollback", "blks_read", "blks_hit", "tup_returned", "tup_fetched"],
  ...["tup_inserted", "tup_updated", "tup_deleted", "temp_files", "temp_bytes", "deadlocks"],
] as const;
const OPTIONAL = [
  ...["conflicts", "checksum_failures", "sessions"],
  ...["sessions_abandoned", "sessions_fatal", "sessions_killed"],
] as const;
const TIMES: Wanted[] = [
  ["blk_read_time_ms", "blk_read_time"],
  ["blk_write_time_ms", "blk_write_time"],
  ["session_time_ms", "session_time"],
  ["active_time_ms", "active_time"],
  ["idle_in_transaction_time_ms", "idle_in_transaction_time"],
];

async function readDatabases(
  session: Session,
  facts: Facts,
  sizes: DatabaseSizes,
): Promise<DatabaseCounters[]> {
  const has = columnsOf(facts, "pg_stat_database");
  const rows = await session.query(
    `select d.datname as name, d.datconnlimit as connection_limit, s.numbackends as backends,
       age(d.datfrozenxid) as frozen_xid_age, mxid_age(d.datminmxid) as min_mxid_age,
       ${selectList("s", has, [...REQUIRED, ...OPTIONAL, ...TIMES, "stats_reset"])}
       from pg_database as d left join pg_stat_database as s on s.datid = d.oid
      order by d.oid limit 10000`,
  );
  return rows.map((row) => ({
    ...databaseOf(row),
    size_bytes: counter(sizes.bytes.get(row.name ?? "")),
  }));
}

function databaseOf(row: Row): DatabaseCounters {
  return {
    name: row.name ?? "",
    size_bytes: null,
    backends: counter(row.backends),
    connection_limit: whole(row.connection_limit) ?? -1,
    xact_commit: count(row.xact_commit),
    xact_rollback: count(row.xact_rollback),
    blks_read: count(row.blks_read),
    blks_hit: count(row.blks_hit),
    tup_returned: count(row.tup_returned),
    tup_fetched: count(row.tup_fetched),
    tup_inserted: count(row.tup_inserted),
    tup_updated: count(row.tup_updated),
    tup_deleted: count(row.tup_deleted),
    temp_files: count(row.temp_files),
    temp_bytes: count(row.temp_bytes),
    deadlocks: count(row.deadlocks),
    ...counters(row, ["conflicts", "checksum_failures", "sessions"]),
    ...counters(row, ["sessions_abandoned", "sessions_fatal", "sessions_killed"]),
    ...measures(row, ["blk_read_time_ms", "blk_write_time_ms"]),
    ...measures(row, ["session_time_ms", "active_time_ms", "idle_in_transaction_time_ms"]),
    frozen_xid_age: count(row.frozen_xid_age),
    min_mxid_age: count(row.min_mxid_age),
    stats_reset: time(row.stats_reset),
  };
}
