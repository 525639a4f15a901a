import { z } from "zod";
import { StatementKind } from "../agent/statements.ts";
import { route } from "../route.ts";
import { id, instant, text, wholeNumber } from "../text.ts";
import { compare, HealthMark, RangeAnswer, range, SectionState, SeriesAnswer } from "./ranges.ts";

/** A statement of one role in one database, over a range. Sums are exact as doubles; shares are of all statements. */
export const StatementTotals = z
  .strictObject({
    id: z.string().describe("A number of ours"),
    query_hash: z.string(),
    fingerprint: z.string().nullable(),
    user_name: z.string().nullable(),
    kind: StatementKind,
    query: z.string().nullable(),
    text_state: z.string().nullable(),
    tables: z.array(z.string()),
    run: z
      .strictObject({ id, query: z.strictObject({ id, name: z.string() }).nullable() })
      .nullable()
      .describe("The run of Quern that it came from, by its comment"),
    calls: z.number(),
    total_time_ms: z.number(),
    mean_time_ms: z.number().nullable(),
    rows: z.number(),
    shared_blks_hit: z.number().nullable(),
    shared_blks_read: z.number().nullable(),
    shared_blks_dirtied: z.number().nullable(),
    temp_blks_written: z.number().nullable(),
    blk_read_time_ms: z.number().nullable(),
    blk_write_time_ms: z.number().nullable(),
    wal_bytes: z.number().nullable(),
    share: z.number().describe("Of the time of all statements in the range"),
    /** The mean of the same range a week before, when there is one. */
    mean_time_before_ms: z.number().nullable(),
    first_seen_at: instant,
    last_seen_at: instant,
  })
  .meta({ id: "StatementTotals" });
export type StatementTotals = z.infer<typeof StatementTotals>;

export const StatementOrder = z.enum([
  "time",
  "calls",
  "mean",
  "rows",
  "io",
  "temp",
  "wal",
  "change",
]);

const tag = "health";
const byId = z.strictObject({ id });
const byStatement = z.strictObject({ id, statement_id: z.string().regex(/^\d{1,18}$/) });

export const listStatements = route({
  operation: "listDatabaseStatements",
  summary: "Statements of a range, by what they cost",
  tag,
  method: "GET",
  path: "/api/v1/databases/:id/statements",
  params: byId,
  query: z.strictObject({
    ...range,
    order: StatementOrder.optional(),
    search: text(500).optional(),
    kind: StatementKind.optional(),
    user_name: text(256).optional(),
    table: text(600).optional(),
    new_since: instant
      .optional()
      .describe("Those alone that were first seen at that time or later"),
    limit: wholeNumber({ min: 1, max: 500 }).optional(),
    offset: wholeNumber({ min: 0, max: 20_000 }).optional(),
  }),
  replies: {
    200: z.strictObject({
      range: RangeAnswer,
      state: SectionState,
      marks: z.array(z.strictObject({ at: instant, mark: HealthMark })),
      total: z
        .strictObject({ statements: z.int(), calls: z.number(), total_time_ms: z.number() })
        .describe("Of those that match, all pages"),
      other: z
        .strictObject({ calls: z.number(), total_time_ms: z.number() })
        .describe("Those beyond the agent's limit"),
      users: z.array(z.string()).describe("Roles whose statements were seen in the range"),
      items: z.array(StatementTotals),
    }),
  },
});

export const Plan = z.strictObject({
  plan_hash: z.string(),
  plan: z.unknown(),
  total_cost: z.number().nullable(),
  hypothetical: z.array(z.strictObject({ definition: z.string(), total_cost: z.number() })),
  first_seen_at: instant,
  last_seen_at: instant,
});

export const StatementDetails = z
  .strictObject({
    range: RangeAnswer,
    statement: StatementTotals,
    siblings: z
      .array(StatementTotals)
      .describe("The same fingerprint of other roles or other query_hash"),
    history: SeriesAnswer.describe(
      "calls, time and wal_bytes per second; mean, rows, blks_hit, blks_read, blks_dirtied, temp_blks and blk_read_time per call; with `compare` a week before as `name:week`",
    ),
    plans: z.array(Plan),
    regression: z
      .strictObject({
        ratio: z.number(),
        mean_before_ms: z.number(),
        mean_now_ms: z.number(),
        blocks_per_call_ratio: z.number().nullable(),
        rows_per_call_ratio: z.number().nullable(),
      })
      .nullable(),
    tables: z
      .array(z.strictObject({ name: z.string(), relation_id: z.string().nullable() }))
      .describe("Those that it names; an id where it is known which table that is"),
    waits: z.array(
      z.strictObject({ wait_type: z.string(), wait_event: z.string(), load: z.number() }),
    ),
  })
  .meta({ id: "StatementDetails" });
export type StatementDetails = z.infer<typeof StatementDetails>;

export const readStatement = route({
  operation: "readDatabaseStatement",
  summary: "One statement: history, plans, what it waits for",
  tag,
  method: "GET",
  path: "/api/v1/databases/:id/statements/:statement_id",
  params: byStatement,
  query: z.strictObject({ ...range, compare }),
  replies: { 200: StatementDetails },
});

/** What runs of Quern cost one monitored database, by the statements that are known to come from them. */
export const RunCost = z
  .strictObject({
    database: z.strictObject({ id, name: z.string(), server_name: z.string() }),
    state: SectionState.describe("Of its statements"),
    share: z
      .number()
      .nullable()
      .describe("Of the time of all statements in the range; null when none is known"),
    calls: z.number(),
    total_time_ms: z.number(),
    mean_time_ms: z.number().nullable(),
    statements: z
      .array(
        z.strictObject({
          id: z.string(),
          query: z.string().nullable(),
          calls: z.number(),
          total_time_ms: z.number(),
          share: z.number(),
        }),
      )
      .describe("The costliest 10"),
  })
  .meta({ id: "RunCost" });
export type RunCost = z.infer<typeof RunCost>;

export const readRunCosts = route({
  operation: "readRunCosts",
  summary:
    "What the runs of a query, or all runs on a datasource, cost the monitored databases that are linked to it",
  tag,
  method: "GET",
  path: "/api/v1/health/run-costs",
  query: z.strictObject({
    ...range,
    query_id: id.optional().describe("Either this or datasource_id"),
    datasource_id: id.optional(),
  }),
  replies: { 200: z.strictObject({ range: RangeAnswer, items: z.array(RunCost) }) },
});
