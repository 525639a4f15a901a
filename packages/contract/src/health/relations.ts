import { z } from "zod";
import { StatementKind } from "../agent/statements.ts";
import { route } from "../route.ts";
import { id, instant, text, wholeNumber } from "../text.ts";
import { compare, RangeAnswer, range, SectionState, SeriesAnswer } from "./ranges.ts";

const size = z.number().nullable();
const n = z.number().nullable();

export const TableTotals = z
  .strictObject({
    id: z.string(),
    schema: z.string(),
    name: z.string(),
    relkind: z.string().nullable(),
    size_bytes: size,
    heap_bytes: size,
    toast_bytes: size,
    index_bytes: size,
    growth_bytes: size.describe("Over the range"),
    rows_estimate: n,
    seq_scan: n,
    seq_tup_read: n,
    idx_scan: n,
    n_tup_ins: n,
    n_tup_upd: n,
    n_tup_del: n,
    hot_ratio: n,
    n_live_tup: n,
    n_dead_tup: n,
    n_mod_since_analyze: n,
    dead_ratio: n,
    vacuum_pressure: n.describe(
      "Dead rows / the number at which autovacuum comes; from 1 on it is due",
    ),
    frozen_xid_age: n,
    bloat_bytes: size.describe("An estimate; null without the helper"),
    last_vacuum: instant.nullable(),
    last_autovacuum: instant.nullable(),
    last_analyze: instant.nullable(),
    last_autoanalyze: instant.nullable(),
    locked: z.boolean().describe("When it was last looked at: its sizes are of before"),
  })
  .meta({ id: "TableTotals" });
export type TableTotals = z.infer<typeof TableTotals>;

export const IndexTotals = z
  .strictObject({
    id: z.string(),
    schema: z.string(),
    table: z.string(),
    table_id: z.string().nullable().describe("As in the list of tables"),
    name: z.string(),
    definition: z
      .string()
      .nullable()
      .describe("Literals are parameters; null when the agent does not say"),
    columns: z
      .array(z.string())
      .describe("Its keys: columns, or expressions without their literals"),
    duplicate_of: z
      .string()
      .nullable()
      .describe("Another index of the table that does all that this one does"),
    is_constraint: z
      .boolean()
      .nullable()
      .describe("It holds a constraint: primary, unique, exclusion"),
    is_unique: z.boolean().nullable(),
    is_primary: z.boolean().nullable(),
    is_valid: z.boolean().nullable(),
    size_bytes: size,
    growth_bytes: size,
    idx_scan: n,
    idx_tup_read: n,
    last_idx_scan: instant.nullable(),
    unused_since: instant.nullable().describe("Not scanned since we look, or since this time"),
    bloat_bytes: size,
  })
  .meta({ id: "IndexTotals" });
export type IndexTotals = z.infer<typeof IndexTotals>;

export const IndexMark = z.enum(["unused", "invalid", "duplicate"]);

const tag = "health";
const byId = z.strictObject({ id });
const byRelation = z.strictObject({ id, relation_id: z.string().regex(/^\d{1,18}$/) });
const listed = {
  ...range,
  search: text(500).optional(),
  limit: wholeNumber({ min: 1, max: 1_000 }).optional(),
  offset: wholeNumber({ min: 0, max: 1_000_000 }).optional(),
};

export const listTables = route({
  operation: "listDatabaseTables",
  summary: "Tables: size, growth, scans, vacuum",
  tag,
  method: "GET",
  path: "/api/v1/databases/:id/tables",
  params: byId,
  query: z.strictObject({
    ...listed,
    order: z
      .enum([
        "size",
        "growth",
        "dead",
        "pressure",
        "seq_scan",
        "writes",
        "bloat",
        "freeze_age",
        "name",
      ])
      .optional(),
  }),
  replies: {
    200: z.strictObject({
      range: RangeAnswer,
      state: SectionState,
      total: z.int(),
      items: z.array(TableTotals),
    }),
  },
});

export const listIndexes = route({
  operation: "listDatabaseIndexes",
  summary: "Indexes: size, use, definition",
  tag,
  method: "GET",
  path: "/api/v1/databases/:id/indexes",
  params: byId,
  query: z.strictObject({
    ...listed,
    table: text(600).optional(),
    order: z.enum(["size", "growth", "scans", "unused", "bloat", "name"]).optional(),
    only: IndexMark.optional().describe(
      "Those alone that are so; unused: not scanned since we look",
    ),
  }),
  replies: {
    200: z.strictObject({
      range: RangeAnswer,
      state: SectionState,
      total: z.int(),
      items: z.array(IndexTotals),
    }),
  },
});

export const readTable = route({
  operation: "readDatabaseTable",
  summary: "One table: columns, indexes, statements that touch it, history",
  tag,
  method: "GET",
  path: "/api/v1/databases/:id/tables/:relation_id",
  params: byRelation,
  query: z.strictObject({ ...range, compare }),
  replies: {
    200: z.strictObject({
      range: RangeAnswer,
      state: SectionState,
      table: TableTotals,
      columns: z.array(
        z.strictObject({
          name: z.string(),
          data_type: z.string(),
          nullable: z.boolean(),
          default: z.string().nullable(),
        }),
      ),
      indexes: z.array(IndexTotals),
      statements: z.array(
        z.strictObject({
          id: z.string(),
          query: z.string().nullable(),
          kind: StatementKind,
          user_name: z.string().nullable(),
          calls: z.number(),
          total_time_ms: z.number(),
          mean_time_ms: z.number().nullable(),
          share: z.number().describe("Of the time of all statements in the range"),
        }),
      ),
      history: SeriesAnswer.describe(
        "Counters per second, sizes and rows as they were, vacuums and analyzes as counts; with `compare` a week before as `name:week`",
      ),
    }),
  },
});
