/** Statistics of tables, indexes and sequences of one database. */
import { z } from "zod";
import { counter, maybeCounter, maybeMeasure, maybeTime, objectName } from "./values.ts";

/** The first fourteen fields are those of the original agent. Sizes are in bytes, ages in transactions. */
export const TableStats = z.object({
  schema: objectName,
  table: objectName,
  seq_scan: maybeCounter,
  seq_tup_read: maybeCounter,
  idx_scan: maybeCounter,
  idx_tup_fetch: maybeCounter,
  n_tup_ins: maybeCounter,
  n_tup_upd: maybeCounter,
  n_tup_del: maybeCounter,
  n_live_tup: maybeCounter,
  n_dead_tup: maybeCounter,
  last_vacuum: maybeTime,
  last_autovacuum: maybeTime,
  last_analyze: maybeTime,
  last_autoanalyze: maybeTime,

  relid: z.int().nullable().optional().describe("The oid"),
  kind: z.enum(["r", "m", "p", "t", "f"]).optional().describe("pg_class.relkind"),
  parent: z.string().max(600).nullable().optional().describe("schema.table it is a partition of"),
  locked: z
    .boolean()
    .optional()
    .describe("Somebody holds or waits for an ACCESS EXCLUSIVE lock: sizes were not asked for"),
  n_tup_hot_upd: maybeCounter.optional(),
  n_tup_newpage_upd: maybeCounter.optional(),
  n_mod_since_analyze: maybeCounter.optional(),
  n_ins_since_vacuum: maybeCounter.optional(),
  last_seq_scan: maybeTime.optional(),
  last_idx_scan: maybeTime.optional(),
  vacuum_count: maybeCounter.optional(),
  autovacuum_count: maybeCounter.optional(),
  analyze_count: maybeCounter.optional(),
  autoanalyze_count: maybeCounter.optional(),
  total_vacuum_time_ms: maybeMeasure.optional(),
  total_autovacuum_time_ms: maybeMeasure.optional(),
  total_analyze_time_ms: maybeMeasure.optional(),
  total_autoanalyze_time_ms: maybeMeasure.optional(),
  heap_blks_read: maybeCounter.optional(),
  heap_blks_hit: maybeCounter.optional(),
  idx_blks_read: maybeCounter.optional(),
  idx_blks_hit: maybeCounter.optional(),
  toast_blks_read: maybeCounter.optional(),
  toast_blks_hit: maybeCounter.optional(),
  size_bytes: maybeCounter.optional().describe("With indexes and TOAST"),
  heap_bytes: maybeCounter.optional(),
  toast_bytes: maybeCounter.optional(),
  index_bytes: maybeCounter.optional(),
  relpages: maybeCounter.optional(),
  reltuples: maybeMeasure.optional().describe("-1: never analysed"),
  frozen_xid_age: maybeCounter.optional(),
  min_mxid_age: maybeCounter.optional(),
  toast: z
    .object({
      n_dead_tup: maybeCounter,
      reltuples: maybeMeasure,
      frozen_xid_age: maybeCounter,
      last_autovacuum: maybeTime,
    })
    .nullable()
    .optional(),
  options: z
    .record(z.string().max(64), z.string().max(64))
    .optional()
    .describe("Storage parameters: fillfactor, autovacuum_*, toast.autovacuum_*"),
});
export type TableStats = z.infer<typeof TableStats>;

/** The first six fields are those of the original agent. */
export const IndexStats = z.object({
  schema: objectName,
  table: objectName,
  index: objectName,
  idx_scan: maybeCounter,
  idx_tup_read: maybeCounter,
  idx_tup_fetch: maybeCounter,

  relid: z.int().nullable().optional(),
  locked: z.boolean().optional(),
  last_idx_scan: maybeTime.optional(),
  idx_blks_read: maybeCounter.optional(),
  idx_blks_hit: maybeCounter.optional(),
  size_bytes: maybeCounter.optional(),
  relpages: maybeCounter.optional(),
  reltuples: maybeMeasure.optional(),
});
export type IndexStats = z.infer<typeof IndexStats>;

/** What the statistical estimate says is wasted; only where the helper of `--print-helper-sql` may be called. */
export const BloatEstimate = z.object({
  schema: objectName,
  table: objectName,
  index: objectName.nullable().describe("null: of the table itself"),
  real_bytes: counter,
  wasted_bytes: counter,
  exact: z.boolean().describe("Measured by pgstattuple, not estimated"),
});
export type BloatEstimate = z.infer<typeof BloatEstimate>;

export const SequenceStats = z.object({
  schema: objectName,
  sequence: objectName,
  data_type: z.string().max(40),
  min_value: counter,
  max_value: counter,
  increment: counter,
  cycles: z.boolean(),
  last_value: maybeCounter.describe("null: not used yet, or not readable (`readable`)"),
  readable: z.boolean(),
  /** Columns that take their values from it, by ownership or by a default, and what they can hold. */
  columns: z
    .array(
      z.object({
        schema: objectName,
        table: objectName,
        column: objectName,
        data_type: z.string().max(80),
        max_value: maybeCounter,
      }),
    )
    .max(50),
});
export type SequenceStats = z.infer<typeof SequenceStats>;
