import { z } from "zod";

/** Quern's type of a column; the engine's own name for it is `source_type`. */
export const ColumnType = z
  .enum([
    "bool",
    "int2",
    "int4",
    "int8",
    "float4",
    "float8",
    "numeric",
    "text",
    "uuid",
    "bytea",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "interval",
    "json",
    "other",
  ])
  .meta({ id: "ColumnType" });
export type ColumnType = z.infer<typeof ColumnType>;

export const Column = z
  .strictObject({
    name: z.string().describe("As the engine named it: may be empty, may repeat"),
    type: ColumnType,
    source_type: z.string().describe("The engine's name, with modifiers: `numeric(14,2)`"),
  })
  .meta({ id: "Column" });
export type Column = z.infer<typeof Column>;

/**
 * A cell, lossless: booleans, int2, int4 and finite floats as JSON; everything else as the engine's canonical
 * text (64-bit integers, decimals and times too, and NaN, Infinity, -0 of floats); NULL as null.
 */
export const Cell = z.union([z.string(), z.number(), z.boolean(), z.null()]);
export type Cell = z.infer<typeof Cell>;

/** Which limit cut a result short; null when it is whole. */
export const Truncated = z.enum(["rows", "bytes"]).nullable();
export type Truncated = z.infer<typeof Truncated>;

/** One statement of a run: where it stands in the text, and what it gave. */
export const Statement = z
  .strictObject({
    index: z.number().int(),
    start: z.number().int().describe("Offset in the run's SQL, in UTF-16 code units"),
    end: z.number().int(),
    command: z.string().describe("The engine's command tag: `SELECT 5`, `CREATE TABLE`"),
    columns: z.array(Column).nullable().describe("null when the statement returns no rows"),
    rows: z.number().int(),
    rows_affected: z.number().int().nullable(),
    bytes: z.number().int().describe("Uncompressed"),
    truncated: Truncated,
    duration_ms: z.number(),
  })
  .meta({ id: "Statement" });
export type Statement = z.infer<typeof Statement>;

/**
 * A Parquet file of a result. Physical columns are `c0…cN`. `escapes` lists the columns that have a side
 * column `x<i>`: the engine's text of those cells that `c<i>` cannot hold exactly (there `c<i>` is NULL).
 */
export const Part = z.strictObject({
  statement: z.number().int(),
  part: z.number().int(),
  first_row: z.number().int(),
  rows: z.number().int(),
  size: z.number().int().describe("Bytes of the file"),
  escapes: z.array(z.number().int()),
});
export type Part = z.infer<typeof Part>;

export const ResultPage = z
  .strictObject({
    statement: z.number().int(),
    columns: z.array(Column),
    rows: z.array(z.array(Cell)),
    offset: z.number().int(),
    total: z.number().int().describe("Rows of the statement; so far, while the run goes on"),
    complete: z.boolean().describe("false while the run goes on and more rows may come"),
    truncated: Truncated,
  })
  .meta({ id: "ResultPage" });
export type ResultPage = z.infer<typeof ResultPage>;
