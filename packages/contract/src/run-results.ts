import { z } from "zod";
import { ResultPage, Truncated } from "./results.ts";
import { route } from "./route.ts";
import { RunStarted } from "./run-started.ts";
import { id, text, wholeNumber } from "./text.ts";

const byId = z.strictObject({ id });
const statement = wholeNumber({ min: 0, max: 10_000 })
  .optional()
  .describe("Index of the statement; the last one that returned rows when left out");
const inBody = z
  .number()
  .int()
  .min(0)
  .max(10_000)
  .optional()
  .describe("Index of the statement; the last one that returned rows when left out");
const column = z.number().int().min(0).max(1_599).describe("Index of the column, from 0");
const tag = "runs";

export const DownloadFormat = z.enum(["csv", "json", "parquet", "xlsx"]);
export type DownloadFormat = z.infer<typeof DownloadFormat>;

export const SortKey = z.strictObject({
  column,
  direction: z.enum(["asc", "desc"]),
  nulls: z
    .enum(["first", "last"])
    .optional()
    .describe("As PostgreSQL does when left out: last going up"),
});
export type SortKey = z.infer<typeof SortKey>;

/** A condition on a column, by the column's own order and equality: numbers compare as numbers, times as times. */
export const Filter = z.strictObject({
  column,
  operator: z.enum([
    "=",
    "<>",
    "<",
    "<=",
    ">",
    ">=",
    "in",
    "contains",
    "not_contains",
    "starts_with",
    "is_null",
    "is_not_null",
  ]),
  value: text(100_000).optional().describe("Of all but `in` and the tests for NULL, as text"),
  values: z.array(text(100_000)).max(10_000).optional().describe("Of `in`"),
});
export type Filter = z.infer<typeof Filter>;

export const ResultView = z.strictObject({
  statement: inBody,
  sort: z.array(SortKey).max(10).optional(),
  filters: z.array(Filter).max(50).optional(),
});
export type ResultView = z.infer<typeof ResultView>;

export const viewRunResult = route({
  operation: "viewRunResult",
  summary: "Sort and filter a stored result: the reply names a run whose rows are the view's",
  tag,
  method: "POST",
  path: "/api/v1/runs/:id/views",
  params: byId,
  body: ResultView,
  replies: { 202: RunStarted },
});

/**
 * Its rows, one a column: column, name, nulls, distinct, min, max, mean, sum, true_count, top (json), histogram (json),
 * distinct_is_exact. `docs/results.md` says what each is.
 */
export const describeRunResult = route({
  operation: "describeRunResult",
  summary: "Statistics of each column of a stored result, as a run whose rows they are",
  tag,
  method: "POST",
  path: "/api/v1/runs/:id/statistics",
  params: byId,
  body: z.strictObject({ statement: inBody }),
  replies: { 202: RunStarted },
});

/**
 * Its rows: `change`, `count`, then the columns. `added` are rows that this run has more often than the other one, by
 * `count`; `removed` those that the other one has more often. Equal rows are left out.
 */
export const compareRunResults = route({
  operation: "compareRunResults",
  summary:
    "Rows that only one of two results has, as a run whose rows they are; both need the same columns and datasource",
  tag,
  method: "POST",
  path: "/api/v1/runs/:id/compare",
  params: byId,
  body: z.strictObject({ other_run_id: id, statement: inBody }),
  replies: { 202: RunStarted },
});

export const readRunRows = route({
  operation: "readRunRows",
  summary:
    "Rows of a result, exact; fewer than asked for when they are very large. While the run goes on, the rows so far",
  tag,
  method: "GET",
  path: "/api/v1/runs/:id/rows",
  params: byId,
  query: z.strictObject({
    offset: wholeNumber({ min: 0, max: 1_000_000_000 }).optional(),
    limit: wholeNumber({ min: 1, max: 5_000 }).optional().describe("100 when left out"),
    statement,
  }),
  replies: { 200: ResultPage },
});

const downloadPath = z.strictObject({ id, format: DownloadFormat });
const downloadQuery = z.strictObject({
  statement,
  raw: z
    .enum(["true", "false"])
    .optional()
    .describe("csv: leave cells as they are that a spreadsheet would run as formulas"),
});

/** The body is a stream: see `docs/results.md` for each format. Its SHA-256 is a trailer, and what `digestRunResult` says. */
export const downloadRunResult = route({
  operation: "downloadRunResult",
  summary: "A whole result as a file: csv (RFC 4180), json, parquet or xlsx",
  tag,
  method: "GET",
  path: "/api/v1/runs/:id/result.:format",
  params: downloadPath,
  query: downloadQuery,
  media: [
    "text/csv",
    "application/json",
    "application/vnd.apache.parquet",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  ],
  replies: {},
});

export const DownloadDigest = z
  .strictObject({
    rows: z.number().int().describe("Rows of the file, without its header"),
    size: z.number().int().describe("Bytes of the file"),
    sha256: z.string().describe("Of the file, 64 hexadecimal digits, as `sha256sum` prints it"),
    truncated: Truncated.describe("Which limit cut the result when it ran"),
  })
  .meta({ id: "DownloadDigest" });
export type DownloadDigest = z.infer<typeof DownloadDigest>;

export const digestRunResult = route({
  operation: "digestRunResult",
  summary:
    "What a download of a result is when it is whole: its rows, bytes and SHA-256, to verify a file by",
  tag,
  method: "GET",
  path: "/api/v1/runs/:id/result.:format/digest",
  params: downloadPath,
  query: downloadQuery,
  replies: { 200: DownloadDigest },
});
