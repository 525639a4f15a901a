/**
 * What an agent sends for one monitored database. The fields without a note are those of the original agent, so that its
 * payloads are taken, too; all of ours are optional beside them. Counters are raw: the server computes differences.
 */
import { z } from "zod";
import { text } from "../text.ts";
import { ActivitySample } from "./activity.ts";
import { StatisticsSnapshot } from "./column-statistics.ts";
import { BloatEstimate, IndexStats, SequenceStats, TableStats } from "./relations.ts";
import { SchemaSnapshot } from "./schema.ts";
import { Epochs, ServerStats, SettingDetail } from "./server.ts";
import { StatementPlan, StatementStats, StatementsState } from "./statements.ts";
import { json, maybeMeasure, objectName, smallCount } from "./values.ts";

export const DatabaseType = z.enum(["postgres", "mysql", "mariadb"]);
export type DatabaseType = z.infer<typeof DatabaseType>;

/** How the reading of one section went. One that fails costs that section alone. */
export const CollectorResult = z.object({
  name: z.string().max(64).describe("statements, tables, indexes, schema, …"),
  status: z.enum(["ok", "skipped", "error"]),
  code: z
    .string()
    .max(64)
    .nullable()
    .describe("extension_missing, not_preloaded, no_permission, locked, timeout, not_supported, …"),
  sqlstate: z.string().max(8).nullable(),
  hint: z
    .string()
    .max(2_000)
    .nullable()
    .describe("What to do about it; the statement to run, where there is one"),
  duration_ms: z.number(),
  rows: z.int().nullable(),
  truncated: z.boolean(),
});
export type CollectorResult = z.infer<typeof CollectorResult>;

/** What the agent itself costs and how it does. */
export const AgentStats = z.object({
  started_at: z.string().max(40),
  rss_bytes: z.int(),
  cpu_ms: z.number().describe("Since it started"),
  database_time_ms: z
    .number()
    .describe("What its statements took at the server since the last payload"),
  connections: z.int(),
  spool_payloads: z.int(),
  spool_bytes: z.int(),
  dropped_payloads: z.int().describe("Since it started: the spool was full"),
  dead_letters: z.int(),
  upload_errors: z.int().describe("Since the last payload that arrived"),
});

export type AgentStats = z.infer<typeof AgentStats>;

export const CustomMetric = z.object({
  name: z.string().regex(/^[a-z][a-z0-9_]{0,62}$/),
  labels: z.record(z.string().max(64), z.string().max(200)),
  value: z.number().nullable(),
  type: z.enum(["gauge", "counter"]),
});

export const AgentPayload = z.object({
  agent_version: z.string().max(64),
  timestamp: z.iso.datetime({ offset: true }),
  instance_id: text(128)
    .min(1)
    .describe("Of the original agent a hash; ours sends node_id and the database's name"),
  database: z.object({
    type: DatabaseType,
    version: z.string().max(500),
    provider: z.string().max(64),
    provider_metadata: z.record(z.string().max(64), json).optional(),
    name: objectName.optional(),
    version_num: smallCount.optional().describe("server_version_num: 180004"),
  }),
  query_stats: z.array(StatementStats).max(20_000).nullish(),
  table_stats: z.array(TableStats).max(200_000).nullish(),
  index_stats: z.array(IndexStats).max(500_000).nullish(),
  settings: z.record(z.string().max(128), z.string().max(1_000).nullable()).nullish(),
  schema: SchemaSnapshot.nullish(),

  snapshot_uuid: z.uuid().optional().describe("The same on every attempt to send it: stored once"),
  sequence: z.int().min(0).optional(),
  cluster_id: z
    .string()
    .max(64)
    .nullish()
    .describe("A hash of the system identifier: the same on replicas"),
  node_id: z
    .string()
    .max(64)
    .optional()
    .describe("A hash of cluster, host and port, or the configured name"),
  node_name: text(200).optional().describe("Host and port, or the configured name"),
  epochs: Epochs.optional(),
  collectors: z.array(CollectorResult).max(200).optional(),
  agent: AgentStats.optional(),
  statements: StatementsState.optional(),
  plans: z.array(StatementPlan).max(200).optional(),
  sequences: z.array(SequenceStats).max(100_000).optional(),
  bloat: z.array(BloatEstimate).max(100_000).optional(),
  schema_hash: z
    .string()
    .max(64)
    .optional()
    .describe("Of the schema as it is; `schema` is there when it has changed"),
  column_statistics: StatisticsSnapshot.optional(),
  settings_detail: z.array(SettingDetail).max(2_000).optional(),
  /** Of the whole server; only in the payload of the database that the agent connects to first. */
  server: ServerStats.optional(),
  activity: z.array(ActivitySample).max(1_000).optional(),
  custom_metrics: z.array(CustomMetric).max(1_000).optional(),
  /** The time since this section was last sent differs by section; what is absent was not due. */
  uptime_s: maybeMeasure.optional(),
});
export type AgentPayload = z.infer<typeof AgentPayload>;
