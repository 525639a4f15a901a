/**
 * What the planner knows of tables, indexes and columns in numbers: enough to make its costs elsewhere. Never values of
 * rows: most common values and histograms are not read.
 */
import { z } from "zod";
import { maybeMeasure, objectName } from "./values.ts";

export const ColumnStatistics = z.object({
  name: objectName,
  inherited: z.boolean().optional().describe("Of the table with all that inherit from it"),
  null_frac: maybeMeasure,
  avg_width: maybeMeasure.describe("Bytes"),
  n_distinct: maybeMeasure.describe("Negative: as a share of the rows"),
  correlation: maybeMeasure.describe("null: the type has no order"),
});
export type ColumnStatistics = z.infer<typeof ColumnStatistics>;

/** A table, materialized view or index, as pg_class has it. */
export const RelationStatistics = z.object({
  schema: objectName,
  name: objectName,
  relpages: maybeMeasure.describe("Of 8 KiB each, unless the server was built otherwise"),
  reltuples: maybeMeasure.describe("-1: never analysed"),
  relallvisible: maybeMeasure,
  columns: z.array(ColumnStatistics).max(3_400).describe("Of an index: of its expressions"),
});
export type RelationStatistics = z.infer<typeof RelationStatistics>;

/** Read once a day and when the schema has changed. */
export const StatisticsSnapshot = z.object({
  relations: z.array(RelationStatistics).max(500_000),
  /** Left out because of the limit of 10,000 columns, or because this role may not see them. */
  omitted_columns: z.int(),
});
export type StatisticsSnapshot = z.infer<typeof StatisticsSnapshot>;
