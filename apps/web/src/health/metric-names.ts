/** What the numbers of HEALTH_METRICS are called, as titles and lines of charts. */
import { HEALTH_METRICS, type HealthMetricName } from "@quern/contract/health/metrics";
import { t } from "../i18n/language.ts";

const NAMES: Record<HealthMetricName, string> = {
  xact_commit: t("Commits"),
  xact_rollback: t("Rollbacks"),
  blks_read: t("Blocks read"),
  blks_hit: t("Blocks found in the cache"),
  tup_returned: t("Rows read"),
  tup_fetched: t("Rows fetched by index"),
  tup_inserted: t("Rows inserted"),
  tup_updated: t("Rows updated"),
  tup_deleted: t("Rows deleted"),
  conflicts: t("Conflicts with recovery"),
  temp_files: t("Temporary files"),
  temp_bytes: t("Temporary bytes"),
  deadlocks: t("Deadlocks"),
  checksum_failures: t("Checksum failures"),
  blk_read_time_ms: t("Time reading blocks"),
  blk_write_time_ms: t("Time writing blocks"),
  session_time_ms: t("Time of sessions"),
  active_time_ms: t("Time at work"),
  idle_in_transaction_time_ms: t("Time idle in a transaction"),
  sessions: t("New sessions"),
  sessions_abandoned: t("Sessions that clients left"),
  sessions_fatal: t("Sessions ended by an error"),
  sessions_killed: t("Sessions ended by an admin"),
  size_bytes: t("Size"),
  backends: t("Sessions"),
  frozen_xid_age: t("Age of the oldest transaction id"),
  min_mxid_age: t("Age of the oldest multixact"),
  statement_calls: t("Statements"),
  statement_time_ms: t("Time of statements"),
  statement_rows: t("Rows of statements"),
  connections_active: t("Active"),
  connections_idle: t("Idle"),
  connections_idle_in_transaction: t("Idle in a transaction"),
  connections_total: t("Connections"),
  connections_limit: t("Limit of connections"),
  wal_bytes: t("WAL"),
  wal_records: t("WAL records"),
  wal_fpi: t("Full-page images"),
  wal_buffers_full: t("WAL buffers full"),
  checkpoints_timed: t("Checkpoints by time"),
  checkpoints_requested: t("Checkpoints on demand"),
  checkpoints_done: t("Checkpoints done"),
  checkpoint_write_time_ms: t("Checkpoints writing"),
  checkpoint_sync_time_ms: t("Checkpoints syncing"),
  buffers_checkpoint: t("Buffers written by checkpoints"),
  buffers_clean: t("Buffers written by the background writer"),
  buffers_backend: t("Buffers written by sessions"),
  buffers_backend_fsync: t("Fsyncs by sessions"),
  archived: t("WAL files archived"),
  archive_failed: t("Failed to archive"),
  slots_retained_bytes: t("WAL that slots keep"),
  replay_lag_bytes: t("Replica behind, in bytes"),
  replay_lag_ms: t("Replica behind, in time"),
  horizon_age: t("Age of the horizon"),
  locks_held: t("Locks held"),
  vacuum_workers: t("Vacuums at work"),
  load: t("Load"),
  load_lock: t("Load waiting for locks"),
  blocked_sessions: t("Blocked sessions"),
  longest_wait_s: t("Longest wait for a lock"),
  agent_database_time_ms: t("Time of the agent’s statements"),
  agent_rss_bytes: t("Memory of the agent"),
};

/** The name of a metric in words; that of another series as it is. */
export function metricName(name: string): string {
  return isMetric(name) ? NAMES[name] : name;
}

/** The unit of a metric's mean over time: counters are per second. */
export function metricUnit(name: string): string {
  if (!isMetric(name)) return "count";
  const { kind, unit } = HEALTH_METRICS[name];
  if (kind === "gauge") return unit;
  return unit === "bytes" || unit === "ms" ? `${unit}_per_second` : "per_second";
}

const isMetric = (name: string): name is HealthMetricName => Object.hasOwn(HEALTH_METRICS, name);
