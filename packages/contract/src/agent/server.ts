/** What is known of the server as a whole: one cluster of PostgreSQL, one MySQL. */
import { z } from "zod";
import {
  counter,
  maybeCounter,
  maybeMeasure,
  maybeTime,
  objectName,
  serverTime,
} from "./values.ts";

/**
 * Marks that tell whether counters were lost between two payloads. Tables, indexes and databases:
 * (archiver_stats_reset, bgwriter_stats_reset, database_stats_reset); statements: statements_stats_reset. The start of
 * the postmaster is for the timeline alone: it changes without a loss and stays the same with one. MySQL loses all
 * counters when it starts: its start is database_stats_reset as well.
 */
export const Epochs = z.object({
  archiver_stats_reset: maybeTime,
  bgwriter_stats_reset: maybeTime,
  database_stats_reset: maybeTime,
  statements_stats_reset: maybeTime,
  timeline: z.int().nullable(),
  postmaster_start: maybeTime,
  /** The server's clock when it was asked, to find steps of the agent's. */
  server_time: maybeTime,
});
export type Epochs = z.infer<typeof Epochs>;

/** Null: an engine that does not count it, or not for each database. */
export const DatabaseCounters = z.object({
  name: objectName,
  size_bytes: maybeCounter,
  backends: maybeCounter,
  connection_limit: z.int(),
  xact_commit: maybeCounter,
  xact_rollback: maybeCounter,
  blks_read: maybeCounter,
  blks_hit: maybeCounter,
  tup_returned: maybeCounter,
  tup_fetched: maybeCounter,
  tup_inserted: maybeCounter,
  tup_updated: maybeCounter,
  tup_deleted: maybeCounter,
  conflicts: maybeCounter,
  temp_files: maybeCounter,
  temp_bytes: maybeCounter,
  deadlocks: maybeCounter,
  checksum_failures: maybeCounter,
  blk_read_time_ms: maybeMeasure,
  blk_write_time_ms: maybeMeasure,
  session_time_ms: maybeMeasure,
  active_time_ms: maybeMeasure,
  idle_in_transaction_time_ms: maybeMeasure,
  sessions: maybeCounter,
  sessions_abandoned: maybeCounter,
  sessions_fatal: maybeCounter,
  sessions_killed: maybeCounter,
  frozen_xid_age: maybeCounter,
  min_mxid_age: maybeCounter,
  stats_reset: maybeTime,
});
export type DatabaseCounters = z.infer<typeof DatabaseCounters>;

export const Replica = z.object({
  application_name: z.string().max(64).nullable().describe("Only a replica's name of itself"),
  state: z.string().max(40).nullable(),
  sync_state: z.string().max(40).nullable(),
  sent_lag_bytes: maybeCounter,
  write_lag_bytes: maybeCounter,
  flush_lag_bytes: maybeCounter,
  replay_lag_bytes: maybeCounter,
  write_lag_ms: maybeMeasure,
  flush_lag_ms: maybeMeasure,
  replay_lag_ms: maybeMeasure,
  backend_xmin_age: maybeCounter,
});

export const ReplicationSlot = z.object({
  name: objectName,
  type: z.enum(["physical", "logical"]),
  plugin: objectName.nullable(),
  database: objectName.nullable(),
  active: z.boolean(),
  temporary: z.boolean(),
  retained_bytes: maybeCounter,
  wal_status: z.string().max(40).nullable(),
  safe_wal_bytes: maybeCounter,
  xmin_age: maybeCounter,
  catalog_xmin_age: maybeCounter,
  inactive_since: maybeTime,
  invalidation_reason: z.string().max(80).nullable(),
  conflicting: z.boolean().nullable(),
});

/** Who keeps old row versions from being removed. */
export const HorizonHolder = z.object({
  type: z.enum(["backend", "slot", "slot_catalog", "prepared", "standby"]),
  name: z
    .string()
    .max(256)
    .nullable()
    .describe("Of the slot, of the replica; the pid of a backend"),
  database: objectName.nullable(),
  user_name: objectName.nullable(),
  age_xids: counter,
  since: maybeTime,
});

export const VacuumProgress = z.object({
  pid: z.int(),
  database: objectName.nullable(),
  schema: objectName.nullable(),
  table: objectName.nullable(),
  phase: z.string().max(80),
  heap_blks_total: counter,
  heap_blks_scanned: counter,
  heap_blks_vacuumed: counter,
  index_vacuum_count: counter,
  delay_time_ms: maybeMeasure,
  autovacuum: z.boolean(),
  started_at: maybeTime,
});

export const SettingDetail = z.object({
  name: z.string().max(128),
  value: z.string().max(1_000).nullable().describe("null: hidden, because it may hold a secret"),
  unit: z.string().max(20).nullable(),
  category: z.string().max(120).nullable(),
  source: z.string().max(80).nullable(),
  default_value: z.string().max(1_000).nullable(),
  pending_restart: z.boolean(),
  context: z.string().max(40).nullable(),
});
export type SettingDetail = z.infer<typeof SettingDetail>;

/** Counters of one part of the server by the names of its columns; what a version does not have is absent. */
const columns = z.record(z.string().max(64), z.union([counter, z.number(), z.null()]));

export const ServerStats = z.object({
  in_recovery: z.boolean(),
  max_connections: z.int().nullable(),
  reserved_connections: z.int().nullable(),
  connections: z
    .record(z.string().max(64), z.int())
    .describe("Client backends by state, at this moment"),
  connections_by_role: z
    .array(z.object({ user_name: objectName, connections: z.int(), connection_limit: z.int() }))
    .max(1_000)
    .optional(),
  databases: z.array(DatabaseCounters).max(10_000),
  bgwriter: columns.optional(),
  checkpointer: columns.optional(),
  wal: columns.optional(),
  wal_position_bytes: maybeCounter.optional().describe("The current LSN as a number"),
  archiver: z
    .object({
      archived_count: counter,
      failed_count: counter,
      last_archived_time: maybeTime,
      last_failed_time: maybeTime,
    })
    .nullable()
    .optional(),
  io: z
    .array(
      z.object({
        backend_type: z.string().max(64),
        object: z.string().max(40),
        context: z.string().max(40),
        counters: columns,
      }),
    )
    .max(500)
    .optional(),
  replicas: z.array(Replica).max(500).optional(),
  receiver: z
    .object({
      status: z.string().max(40).nullable(),
      replay_lag_bytes: maybeCounter,
      replay_lag_ms: maybeMeasure,
      slot_name: objectName.nullable(),
    })
    .nullable()
    .optional(),
  slots: z.array(ReplicationSlot).max(1_000).optional(),
  conflicts: columns.optional().describe("Of this standby, by reason"),
  horizon: z.array(HorizonHolder).max(100).optional(),
  vacuum_progress: z.array(VacuumProgress).max(200).optional(),
  index_builds: z
    .array(
      z.object({
        schema: objectName.nullable(),
        index: objectName.nullable(),
        phase: z.string().max(80),
      }),
    )
    .max(200)
    .optional(),
  prepared_transactions: z
    .array(z.object({ database: objectName, user_name: objectName, prepared_at: serverTime }))
    .max(1_000)
    .optional(),
  locks: z.object({ held: counter, fast_path: counter, capacity: maybeCounter }).optional(),
  superusers: z.int().nullable().optional(),
  status: columns
    .optional()
    .describe("MySQL and MariaDB: of SHOW GLOBAL STATUS, by its names in lower case"),
  /** What the agent's own role may do beyond what it needs. */
  agent_role: z
    .object({
      name: objectName,
      superuser: z.boolean(),
      pg_monitor: z.boolean(),
      reads_tables: z.boolean(),
      helper: z.boolean(),
    })
    .optional(),
});
export type ServerStats = z.infer<typeof ServerStats>;
