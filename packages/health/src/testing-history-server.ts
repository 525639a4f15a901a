/** The server of the shop's history, as an agent sends it. Only tests may import this file. */
import type { DatabaseCounters, ServerStats, SettingDetail } from "@quern/contract/agent/server";

/** A primary with two replicas, an idle slot, a vacuum at work, and a transaction that holds the horizon back. */
export function serverOf(databases: readonly string[], turn: number, at: Date): ServerStats {
  const ago = (seconds: number) => new Date(at.getTime() - seconds * 1000).toISOString();
  const replica = (application_name: string, lag_bytes: number, lag_ms: number) => ({
    ...{ application_name, state: "streaming", sync_state: "async", sent_lag_bytes: 0 },
    ...{
      write_lag_bytes: lag_bytes / 4,
      flush_lag_bytes: lag_bytes / 2,
      replay_lag_bytes: lag_bytes,
    },
    ...{
      write_lag_ms: lag_ms / 4,
      flush_lag_ms: lag_ms / 2,
      replay_lag_ms: lag_ms,
      backend_xmin_age: 12,
    },
  });
  return {
    ...{ in_recovery: false, max_connections: 200, reserved_connections: 3 },
    connections: { active: 6, idle: 14, "idle in transaction": 1 },
    connections_by_role: [{ user_name: "app", connections: 20, connection_limit: -1 }],
    databases: [...new Set(databases)].map((name) => databaseCountersOf(name, turn)),
    bgwriter: { buffers_clean: turn * 20, maxwritten_clean: 0, buffers_alloc: turn * 9_000 },
    checkpointer: {
      ...{ num_timed: 4_000 + turn, num_requested: 90, write_time: 400_000 + turn * 900 },
      ...{ sync_time: 4_000 + turn, buffers_written: 900_000 + turn * 2_000 },
    },
    wal: { wal_records: turn * 90_000, wal_fpi: turn * 400, wal_buffers_full: 0 },
    wal_position_bytes: 900_000_000_000 + turn * 12_000_000,
    archiver: {
      ...{ archived_count: 40_000 + turn, failed_count: 0, last_archived_time: ago(40) },
      last_failed_time: null,
    },
    replicas: [replica("replica_1", 40_000, 12), replica("replica_2", 9_000_000, 2_400)],
    receiver: null,
    slots: [
      {
        ...{
          name: "replica_1",
          type: "physical" as const,
          plugin: null,
          database: null,
          active: true,
        },
        ...{
          temporary: false,
          retained_bytes: 16_000_000,
          wal_status: "reserved",
          safe_wal_bytes: null,
        },
        ...{
          xmin_age: 12,
          catalog_xmin_age: null,
          inactive_since: null,
          invalidation_reason: null,
        },
        conflicting: null,
      },
      {
        ...{ name: "warehouse", type: "logical" as const, plugin: "pgoutput", database: "shop" },
        ...{
          active: false,
          temporary: false,
          retained_bytes: 6_200_000_000,
          wal_status: "extended",
        },
        ...{ safe_wal_bytes: 4_000_000_000, xmin_age: null, catalog_xmin_age: 90_000 },
        ...{ inactive_since: ago(7_200), invalidation_reason: null, conflicting: false },
      },
    ],
    horizon: [
      {
        ...{ type: "backend" as const, name: "4101", database: "shop", user_name: "app" },
        ...{ age_xids: 52_000, since: ago(900) },
      },
      {
        ...{ type: "slot_catalog" as const, name: "warehouse", database: "shop", user_name: null },
        ...{ age_xids: 90_000, since: null },
      },
    ],
    vacuum_progress: [
      {
        ...{
          pid: 4200,
          database: "shop",
          schema: "public",
          table: "carts",
          phase: "scanning heap",
        },
        ...{ heap_blks_total: 90_000, heap_blks_scanned: 41_000, heap_blks_vacuumed: 0 },
        ...{ index_vacuum_count: 0, delay_time_ms: 400, autovacuum: true, started_at: ago(60) },
      },
    ],
    prepared_transactions: [],
    locks: { held: 140, fast_path: 90, capacity: 12_800 },
    superusers: 2,
    agent_role: {
      ...{
        name: "quern_agent",
        superuser: false,
        pg_monitor: true,
        reads_tables: false,
        helper: false,
      },
    },
  };
}

export function settingsOf({ work_mem }: { work_mem: string }): SettingDetail[] {
  const setting = (
    name: string,
    value: string,
    unit: string | null,
    default_value: string,
    category: string,
  ) => ({
    ...{ name, value, unit, default_value, category, pending_restart: name === "shared_buffers" },
    ...{ source: value === default_value ? "default" : "configuration file", context: "sighup" },
  });
  return [
    setting("work_mem", work_mem, "kB", "4096", "Resource Usage / Memory"),
    setting("shared_buffers", "1048576", "8kB", "16384", "Resource Usage / Memory"),
    setting("max_connections", "200", null, "100", "Connections and Authentication"),
    setting("max_wal_size", "4096", "MB", "1024", "Write-Ahead Log / Checkpoints"),
    setting("random_page_cost", "4", null, "4", "Query Tuning / Planner Cost Constants"),
    setting("track_io_timing", "off", null, "off", "Statistics / Monitoring"),
    setting("autovacuum", "on", null, "on", "Autovacuum"),
    setting("autovacuum_vacuum_threshold", "50", null, "50", "Autovacuum"),
    setting("autovacuum_vacuum_scale_factor", "0.2", null, "0.2", "Autovacuum"),
    setting("autovacuum_vacuum_max_threshold", "100000000", null, "100000000", "Autovacuum"),
    setting("autovacuum_freeze_max_age", "200000000", null, "200000000", "Autovacuum"),
  ];
}

function databaseCountersOf(name: string, turn: number): DatabaseCounters {
  return {
    ...{ name, size_bytes: 28_000_000_000, backends: 24, connection_limit: -1 },
    ...{
      xact_commit: 9_000_000 + turn * 18_000,
      xact_rollback: 4_000 + turn * 9,
      blks_read: turn * 4_000,
    },
    ...{ blks_hit: turn * 900_000, tup_returned: turn * 400_000, tup_fetched: turn * 90_000 },
    ...{
      tup_inserted: turn * 2_000,
      tup_updated: turn * 1_500,
      tup_deleted: turn * 60,
      conflicts: 0,
    },
    ...{ temp_files: turn, temp_bytes: turn * 1_000_000, deadlocks: 0, checksum_failures: 0 },
    ...{ blk_read_time_ms: turn * 400, blk_write_time_ms: 0, session_time_ms: turn * 900_000 },
    ...{
      active_time_ms: turn * 90_000,
      idle_in_transaction_time_ms: turn * 2_000,
      sessions: turn * 4,
    },
    ...{ sessions_abandoned: 0, sessions_fatal: 0, sessions_killed: 0, frozen_xid_age: 61_000_000 },
    ...{ min_mxid_age: 1_000, stats_reset: null },
  };
}
