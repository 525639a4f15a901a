/** Single numbers of servers and databases that points keep, by name. The one list: ingest, roll-up, API and pages use it. */

export type HealthMetric = {
  subject: "server" | "database";
  /** counter: the difference over the point's seconds. gauge: as it was at the end. */
  kind: "counter" | "gauge";
  unit: "count" | "bytes" | "ms" | "seconds" | "ratio" | "xids";
  /** How several points become one. Counters are summed. */
  rollup: "sum" | "avg" | "max" | "last";
};

const counter = (
  subject: HealthMetric["subject"],
  unit: HealthMetric["unit"] = "count",
): HealthMetric => ({ subject, kind: "counter", unit, rollup: "sum" });
const gauge = (
  subject: HealthMetric["subject"],
  unit: HealthMetric["unit"] = "count",
  rollup: HealthMetric["rollup"] = "avg",
): HealthMetric => ({ subject, kind: "gauge", unit, rollup });

export const HEALTH_METRICS = {
  // Of a database, from pg_stat_database.
  xact_commit: counter("database"),
  xact_rollback: counter("database"),
  blks_read: counter("database"),
  blks_hit: counter("database"),
  tup_returned: counter("database"),
  tup_fetched: counter("database"),
  tup_inserted: counter("database"),
  tup_updated: counter("database"),
  tup_deleted: counter("database"),
  conflicts: counter("database"),
  temp_files: counter("database"),
  temp_bytes: counter("database", "bytes"),
  deadlocks: counter("database"),
  checksum_failures: counter("database"),
  blk_read_time_ms: counter("database", "ms"),
  blk_write_time_ms: counter("database", "ms"),
  session_time_ms: counter("database", "ms"),
  active_time_ms: counter("database", "ms"),
  idle_in_transaction_time_ms: counter("database", "ms"),
  sessions: counter("database"),
  sessions_abandoned: counter("database"),
  sessions_fatal: counter("database"),
  sessions_killed: counter("database"),
  size_bytes: gauge("database", "bytes", "last"),
  backends: gauge("database"),
  frozen_xid_age: gauge("database", "xids", "max"),
  min_mxid_age: gauge("database", "xids", "max"),
  // Sums over pg_stat_statements.
  statement_calls: counter("database"),
  statement_time_ms: counter("database", "ms"),
  statement_rows: counter("database"),

  // Of a server.
  connections_active: gauge("server"),
  connections_idle: gauge("server"),
  connections_idle_in_transaction: gauge("server"),
  connections_total: gauge("server", "count", "max"),
  connections_limit: gauge("server", "count", "last"),
  wal_bytes: counter("server", "bytes"),
  wal_records: counter("server"),
  wal_fpi: counter("server"),
  wal_buffers_full: counter("server"),
  checkpoints_timed: counter("server"),
  checkpoints_requested: counter("server"),
  /** From 18 on: the two above count those that were skipped because nothing had changed, too. */
  checkpoints_done: counter("server"),
  checkpoint_write_time_ms: counter("server", "ms"),
  checkpoint_sync_time_ms: counter("server", "ms"),
  buffers_checkpoint: counter("server"),
  buffers_clean: counter("server"),
  buffers_backend: counter("server"),
  buffers_backend_fsync: counter("server"),
  archived: counter("server"),
  archive_failed: counter("server"),
  slots_retained_bytes: gauge("server", "bytes", "max"),
  replay_lag_bytes: gauge("server", "bytes", "max"),
  replay_lag_ms: gauge("server", "ms", "max"),
  horizon_age: gauge("server", "xids", "max"),
  locks_held: gauge("server", "count", "max"),
  vacuum_workers: gauge("server", "count", "max"),
  /** Average active sessions of the samples, and those of them that waited for a lock. */
  load: gauge("server"),
  load_lock: gauge("server"),
  blocked_sessions: gauge("server", "count", "max"),
  /** Of the sessions that waited for a lock; absent when none did. */
  longest_wait_s: gauge("server", "seconds", "max"),
  // What the agent costs.
  agent_database_time_ms: counter("server", "ms"),
  agent_rss_bytes: gauge("server", "bytes", "max"),
} as const satisfies Record<string, HealthMetric>;
export type HealthMetricName = keyof typeof HEALTH_METRICS;

/** Whose points have a number: MySQL and MariaDB count deadlocks for the whole server. */
export function metricSubject(
  name: HealthMetricName,
  engine: "postgres" | "mysql" | "mariadb",
): HealthMetric["subject"] {
  return name === "deadlocks" && engine !== "postgres" ? "server" : HEALTH_METRICS[name].subject;
}
