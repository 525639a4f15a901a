/** Statistics of statements (pg_stat_statements, performance_schema) and plans of the slow ones. */
import { z } from "zod";
import {
  counter,
  json,
  maybeCounter,
  maybeMeasure,
  maybeTime,
  normalisedText,
  objectName,
} from "./values.ts";

/** What a statement is: the parser's word for it. `utility` is all that is neither of the others. */
export const StatementKind = z.enum([
  "select",
  "insert",
  "update",
  "delete",
  "merge",
  "utility",
  "unknown",
]);

/**
 * One statement of one role in one database, counted since the server began to (see `epochs`); `toplevel` true and false
 * are summed. The first eight fields are those of the original agent. All times are in milliseconds.
 */
export const StatementStats = z.object({
  query_hash: z.string().max(64).describe("queryid in hexadecimal, or the digest"),
  query: normalisedText
    .nullable()
    .describe("Normalised, utility statements as a skeleton; null when it was sent before"),
  calls: counter,
  total_time_ms: z.number(),
  mean_time_ms: maybeMeasure.optional(),
  rows: counter,
  shared_blks_hit: maybeCounter,
  shared_blks_read: maybeCounter,

  user_name: objectName.nullable().optional(),
  fingerprint: z.string().max(64).nullable().optional().describe("libpg-query's, in hexadecimal"),
  kind: StatementKind.optional(),
  tables: z.array(z.string().max(600)).max(200).optional().describe("schema.table as written"),
  /** Of the tags of sqlcommenter only what leads back to Quern. */
  run_id: z.uuid().nullable().optional(),
  /** The text cannot be had: cut by the server, not parseable, or hidden from this role. */
  text_state: z.enum(["normalised", "skeleton", "truncated", "unparsable", "hidden"]).optional(),
  secret_visible: z
    .boolean()
    .optional()
    .describe("The server keeps a password or key in this text; it was not sent"),
  plans: maybeCounter.optional(),
  plan_time_ms: maybeMeasure.optional(),
  min_time_ms: maybeMeasure.optional(),
  max_time_ms: maybeMeasure.optional(),
  stddev_time_ms: maybeMeasure.optional(),
  shared_blks_dirtied: maybeCounter.optional(),
  shared_blks_written: maybeCounter.optional(),
  local_blks_hit: maybeCounter.optional(),
  local_blks_read: maybeCounter.optional(),
  local_blks_written: maybeCounter.optional(),
  temp_blks_read: maybeCounter.optional(),
  temp_blks_written: maybeCounter.optional(),
  blk_read_time_ms: maybeMeasure.optional(),
  blk_write_time_ms: maybeMeasure.optional(),
  temp_blk_read_time_ms: maybeMeasure.optional(),
  temp_blk_write_time_ms: maybeMeasure.optional(),
  wal_records: maybeCounter.optional(),
  wal_fpi: maybeCounter.optional(),
  wal_bytes: maybeCounter.optional(),
  jit_functions: maybeCounter.optional(),
  jit_time_ms: maybeMeasure.optional(),
  stats_since: maybeTime.optional(),
  new_entry: z
    .boolean()
    .optional()
    .describe(
      "False: it was there at the agent's reading before, perhaps beyond the limit and so not sent: the first value is a base, no increase. Absent on an agent's first reading",
    ),
});
export type StatementStats = z.infer<typeof StatementStats>;

/** What is known of pg_stat_statements as a whole. */
export const StatementsState = z.object({
  extension_version: z.string().max(40).nullable(),
  default_version: z.string().max(40).nullable().describe("What the server would install"),
  entries: maybeCounter.describe("Rows in it, of all databases"),
  max_entries: maybeCounter,
  dealloc: maybeCounter.describe("Times that the least used entries were thrown out"),
  stats_reset: maybeTime,
  text_file_bytes: maybeCounter,
  /** Statements left out: those beyond the limit, as one sum. */
  other: z
    .object({ statements: z.int(), calls: counter, total_time_ms: z.number(), rows: counter })
    .nullable(),
});
export type StatementsState = z.infer<typeof StatementsState>;

/** The plan of a normalised statement (`explain (generic_plan, format json)`), its constants taken out. */
export const StatementPlan = z.object({
  query_hash: z.string().max(64),
  plan_hash: z
    .string()
    .max(64)
    .describe("Of the shape alone: nodes, relations, indexes, join order"),
  plan: json.describe("EXPLAIN's JSON with conditions normalised"),
  total_cost: maybeMeasure,
  at: z.string().max(40),
  /** With an index that does not exist (HypoPG): its columns, and the cost then. */
  hypothetical: z
    .array(z.object({ definition: z.string().max(2_000), total_cost: z.number() }))
    .max(20)
    .optional(),
});
export type StatementPlan = z.infer<typeof StatementPlan>;
