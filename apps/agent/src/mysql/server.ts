/** The server as a whole. What MySQL counts otherwise than PostgreSQL stays under its own name, in `status`. */
import type { DatabaseCounters, ServerStats } from "@quern/contract/agent/server";
import type { Counter } from "@quern/contract/agent/values";
import { counter, numbers, type Row, whole } from "../engine/values.ts";
import type { Facts } from "./facts.ts";
import type { Memory } from "./memory.ts";
import type { Session } from "./session.ts";

const SIZES_EVERY_MS = 5 * 60_000;

/** What of `show global status` is sent: what servers are judged by, not the hundreds of the rest. */
const STATUS =
  /^(?:aborted_|bytes_|com_(?:select|insert|update|delete|replace|commit|rollback|begin)$|connections$|connection_errors_|created_tmp_|binlog_(?:bytes|cache|commits|stmt)|handler_|innodb_(?:rows_|buffer_pool_(?:pages_(?:data|dirty|free|total|flushed)|read|wait|write)|data_|os_log_|log_|lsn_current|redo_log_|row_lock|deadlocks|history_list|page_size|pages_|checkpoint_)|key_(?:read|write)|max_used_connections$|open(?:ed)?_|queries$|questions$|select_|slow_queries$|sort_|table_locks_|table_open_cache_|threads_|uptime)/;

/** What every payload with `server` has. */
export async function readServer(
  session: Session,
  facts: Facts,
  databases: readonly string[],
  memory: Memory,
  now: number,
): Promise<ServerStats> {
  const status = await readStatus(session, facts);
  const [limits] = await session.query("select @@max_connections as max_connections");
  const users = await session.query(
    `select p.user as user_name, coalesce(p.db, '') as db, count(*) as connections,
       sum(case when p.command = 'Sleep' then 0 else 1 end) as active
       from information_schema.processlist as p
      where p.command not in ('Daemon', 'Binlog Dump', 'Binlog Dump GTID') and p.user not in ('system user', 'event_scheduler')
      group by p.user, coalesce(p.db, '')`,
  );
  const [inTransaction] = await openTransactions(session);
  if (now - memory.sizes.at >= SIZES_EVERY_MS) await refreshSizes(session, databases, memory, now);
  const usage = facts.performance_schema ? await readUsage(session) : null;
  return {
    in_recovery: false,
    max_connections: whole(limits?.max_connections),
    // One more than these is kept for an administrator.
    reserved_connections: 0,
    connections: statesOf(users, whole(inTransaction?.sleeping)),
    connections_by_role: byUser(users),
    databases: databases.map((name) => ({
      ...NOT_COUNTED,
      name,
      size_bytes: counter(memory.sizes.bytes.get(name)),
      backends: sumOf(users.filter(({ db }) => db === name)),
      connection_limit: -1,
      ...usageOf(name, usage),
    })),
    // The redo log is what the WAL is to PostgreSQL.
    wal: defined({ wal_buffers_full: status.innodb_log_waits, wal_bytes: redoBytes(status) }),
    ...defined({
      wal_position_bytes: status.innodb_lsn_current ?? status.innodb_redo_log_current_lsn,
    }),
    status,
  };
}

type Status = Record<string, Counter | number | null>;

/** MySQL keeps two of these that MariaDB has in its status among InnoDB's metrics. */
async function readStatus(session: Session, facts: Facts): Promise<Status> {
  const rows = await session.query("show global status");
  const found = numbers(
    Object.fromEntries(
      rows.map((row) => [(row.Variable_name ?? "").toLowerCase(), row.Value ?? null]),
    ),
  );
  const status = Object.fromEntries(
    Object.entries(found).filter(([name]) => STATUS.test(name) && name.length <= 64),
  );
  if (facts.type === "mariadb") return status;
  const metrics = await session.query(
    `select m.name as name, m.count as total from information_schema.innodb_metrics as m
      where m.name in ('lock_deadlocks', 'trx_rseg_history_len') and m.status = 'enabled'`,
  );
  const names: Record<string, string> = {
    lock_deadlocks: "innodb_deadlocks",
    trx_rseg_history_len: "innodb_history_list_length",
  };
  for (const { name, total } of metrics) status[names[name ?? ""] ?? ""] = counter(total);
  return status;
}

/** Only where the position in the log is not known, which tells the same and outlives the server. */
function redoBytes(status: Status): Counter | number | null | undefined {
  const position = status.innodb_lsn_current ?? status.innodb_redo_log_current_lsn;
  return position === undefined ? status.innodb_os_log_written : undefined;
}

function defined<T>(all: Record<string, T | null | undefined>): Record<string, Counter> {
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) => {
      const known = counter(value === null || value === undefined ? null : String(value));
      return known === null ? [] : [[name, known]];
    }),
  );
}

/** InnoDB does not count what these count in PostgreSQL, or not for each database. */
const NOT_COUNTED = {
  ...{ xact_commit: null, xact_rollback: null, blks_read: null, blks_hit: null },
  ...{ tup_returned: null, tup_fetched: null, tup_inserted: null, tup_updated: null },
  ...{ tup_deleted: null, conflicts: null, temp_files: null, temp_bytes: null, deadlocks: null },
  ...{ checksum_failures: null, blk_read_time_ms: null, blk_write_time_ms: null },
  ...{ session_time_ms: null, active_time_ms: null, idle_in_transaction_time_ms: null },
  ...{ sessions: null, sessions_abandoned: null, sessions_fatal: null, sessions_killed: null },
  ...{ frozen_xid_age: null, min_mxid_age: null, stats_reset: null },
} satisfies Omit<DatabaseCounters, "name" | "size_bytes" | "backends" | "connection_limit">;

/** Needs PROCESS, without which all transactions of others are hidden. */
async function openTransactions(session: Session): Promise<Row[]> {
  return await session.query(
    `select count(*) as sleeping from information_schema.innodb_trx as t
       join information_schema.processlist as p on p.id = t.trx_mysql_thread_id where p.command = 'Sleep'`,
  );
}

function statesOf(users: readonly Row[], inTransaction: number | null): Record<string, number> {
  const all = sumOf(users);
  const active = users.reduce((sum, row) => sum + (whole(row.active) ?? 0), 0);
  const open = Math.min(inTransaction ?? 0, all - active);
  return { active, idle: all - active - open, "idle in transaction": open };
}

function sumOf(rows: readonly Row[]): number {
  return rows.reduce((sum, { connections }) => sum + (whole(connections) ?? 0), 0);
}

function byUser(rows: readonly Row[]): NonNullable<ServerStats["connections_by_role"]> {
  const users = new Map<string, number>();
  for (const { user_name, connections } of rows) {
    const name = (user_name ?? "").slice(0, 256);
    users.set(name, (users.get(name) ?? 0) + (whole(connections) ?? 0));
  }
  return [...users]
    .map(([user_name, connections]) => ({ user_name, connections, connection_limit: -1 }))
    .toSorted((a, b) => b.connections - a.connections)
    .slice(0, 1_000);
}

async function refreshSizes(
  session: Session,
  databases: readonly string[],
  memory: Memory,
  now: number,
): Promise<void> {
  const bytes = new Map<string, string | null>();
  for (const name of databases) {
    const [row] = await session.query(
      `select sum(t.data_length + t.index_length) as bytes from information_schema.tables as t
        where t.table_schema = ?`,
      [name],
    );
    bytes.set(name, row?.bytes ?? "0");
  }
  memory.sizes = { at: now, bytes };
}

/** Rows by the name of a database, as the storage engines were asked for them. */
async function readUsage(session: Session): Promise<Map<string, Row>> {
  const rows = await session.query(
    `select u.object_schema as name, sum(u.count_fetch) as returned, sum(u.count_insert) as inserted,
       sum(u.count_update) as updated, sum(u.count_delete) as deleted
       from performance_schema.table_io_waits_summary_by_table as u
      where u.object_type = 'TABLE' group by u.object_schema`,
  );
  return new Map(rows.map((row) => [row.name ?? "", row]));
}

/** A database that is not in it was not used since the server started, or is not counted. */
function usageOf(name: string, usage: ReadonlyMap<string, Row> | null) {
  if (usage === null) return {};
  const row = usage.get(name);
  return {
    tup_returned: counter(row?.returned),
    tup_inserted: counter(row?.inserted),
    tup_updated: counter(row?.updated),
    tup_deleted: counter(row?.deleted),
  };
}
