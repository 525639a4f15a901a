import { z } from "zod";
import { ConnectionReport, Limits } from "./datasources.ts";
import { PersonRef } from "./members.ts";
import { Parameter, ParameterValues, RunParameter } from "./parameters.ts";
import { sqlText } from "./queries.ts";
import { Statement, Truncated } from "./results.ts";
import { route } from "./route.ts";
import { RunError } from "./run-error.ts";
import { RunStarted, RunStatus } from "./run-started.ts";
import { cursor, id, instant, page, text, wholeNumber } from "./text.ts";

/**
 * `result_view`, `result_statistics` and `result_comparison` work on a stored result, not on its datasource; what they give is a
 * result like any other. A `head` is what the head of a job gives.
 */
export const RunKind = z
  .enum([
    "query",
    "test",
    "introspect",
    "explain",
    "result_view",
    "result_statistics",
    "result_comparison",
    "head",
  ])
  .meta({ id: "RunKind" });
export type RunKind = z.infer<typeof RunKind>;

export const RunPriority = z.enum(["interactive", "dashboard", "schedule"]);
export type RunPriority = z.infer<typeof RunPriority>;

export const RunTrigger = z.enum(["user", "schedule", "tile", "api", "cli", "mcp"]);
export type RunTrigger = z.infer<typeof RunTrigger>;

/** What lists say of a run. */
export const RunSummary = z
  .strictObject({
    id,
    kind: RunKind,
    status: RunStatus,
    datasource: z.strictObject({ id, name: z.string() }).nullable(),
    query: z
      .strictObject({
        id,
        name: z.string(),
        version: z.number().int(),
        saved_on: z
          .strictObject({ id, name: z.string() })
          .nullable()
          .describe("The query's own datasource, when it ran on another one; else null"),
      })
      .nullable(),
    sql: z.string().nullable(),
    limits: Limits,
    priority: RunPriority,
    trigger: RunTrigger,
    created_by: PersonRef.nullable(),
    attempt: z.number().int(),
    runner: z.string().nullable(),
    traceparent: z.string().nullable().describe("W3C trace context of the request that made it"),
    retry_of: id.nullable().describe("The run that this one does again"),
    source: z
      .strictObject({ run_id: id, statement: z.number().int().nullable() })
      .nullable()
      .describe("The run that this one explains, or whose result it works on"),
    job_id: id.nullable().describe("Of a head: the job that it belongs to, until that expires"),
    queued_at: instant,
    claimed_at: instant.nullable(),
    started_at: instant.nullable().describe("When the engine got the first statement"),
    first_row_at: instant.nullable(),
    finished_at: instant.nullable(),
    rows: z.number().int().describe("So far while it runs; of all statements"),
    bytes: z.number().int().describe("Uncompressed"),
    truncated: Truncated,
    error: RunError.nullable(),
    cancel: z
      .strictObject({
        requested_at: instant,
        by: PersonRef.nullable(),
        confirmed: z
          .boolean()
          .nullable()
          .describe("Whether the engine was seen to have stopped; null while that is asked"),
      })
      .nullable(),
    cpu_ms: z.number().int().nullable(),
    peak_rss: z.number().int().nullable().describe("Bytes, of the executor"),
    result_expires_at: instant.nullable(),
    result_expired: z.boolean(),
  })
  .meta({ id: "RunSummary" });
export type RunSummary = z.infer<typeof RunSummary>;

export const Run = RunSummary.extend({
  params: z.array(RunParameter),
  sent_sql: z
    .string()
    .nullable()
    .describe("With `$n` where the SQL has parameters; null when it has none"),
  callers: z
    .array(PersonRef)
    .describe("Who shares this run: a cancel ends it when it was the last one's"),
  firings: z
    .array(
      z.strictObject({
        id,
        fire_at: instant,
        schedule: z.strictObject({ id, name: z.string() }),
      }),
    )
    .describe("Of the schedules that made or share this run"),
  dashboards: z
    .array(z.strictObject({ id, name: z.string() }))
    .describe("Those with a tile that shows this run, or showed it last for its values"),
  plan: z
    .unknown()
    .nullable()
    .describe("Of an explain: EXPLAIN (format json), an element each statement"),
  statements: z.array(Statement),
  notices: z.array(z.string()),
  report: ConnectionReport.nullable().describe("Of a connection test"),
}).meta({ id: "Run" });
export type Run = z.infer<typeof Run>;

const wholeAge = z.number().int().min(0).max(31_536_000);

export const RunInput = z
  .strictObject({
    query_id: id.optional(),
    datasource_id: id
      .optional()
      .describe(
        "With sql: where it runs. With query_id: where it runs in place of its own datasource, of the same engine; for people who may write SQL for it",
      ),
    sql: sqlText.optional(),
    params: ParameterValues.optional(),
    parameters: z
      .array(Parameter)
      .max(100)
      .optional()
      .describe("With sql: what its {{ }} are. A saved query declares its own"),
    limits: Limits.partial().optional(),
    priority: RunPriority.optional(),
    max_age_s: wholeAge
      .optional()
      .describe(
        "A run of the same work that ended within so many seconds, or goes on, will do; 0 makes a new run",
      ),
  })
  .refine(
    (body) =>
      body.query_id !== undefined
        ? body.sql === undefined
        : body.datasource_id !== undefined && body.sql !== undefined,
    {
      message:
        "send either query_id, with another datasource_id or without, or datasource_id and sql",
    },
  )
  .refine((body) => body.query_id === undefined || body.parameters === undefined, {
    message: "a saved query declares its own parameters: send parameters with sql only",
    path: ["parameters"],
  });
export type RunInput = z.infer<typeof RunInput>;

const byId = z.strictObject({ id });
const tag = "runs";

export const createRun = route({
  operation: "createRun",
  summary: "Run a saved query or SQL; `Idempotency-Key` makes a repeat answer with the first run",
  tag,
  method: "POST",
  path: "/api/v1/runs",
  headers: z.looseObject({
    "idempotency-key": text(255)
      .min(1)
      .optional()
      .describe("Chosen by the caller, new for each run"),
  }),
  body: RunInput,
  replies: { 202: RunStarted },
});

export const rerunRun = route({
  operation: "rerunRun",
  summary: "Run it again: the same SQL, parameters and limits, as a new run",
  tag,
  method: "POST",
  path: "/api/v1/runs/:id/rerun",
  params: byId,
  replies: { 202: RunStarted },
});

export const explainRun = route({
  operation: "explainRun",
  summary: "Ask the engine how it executes the statements of a run; `analyze` executes them",
  tag,
  method: "POST",
  path: "/api/v1/runs/:id/explain",
  params: byId,
  body: z.strictObject({ analyze: z.boolean().optional() }),
  replies: { 202: RunStarted },
});

/** Which runs: of the list and of the histogram. A run is where it was queued, in time. */
export const runFilters = {
  status: RunStatus.optional(),
  kind: RunKind.optional(),
  trigger: RunTrigger.optional(),
  datasource_id: id.optional(),
  query_id: id.optional(),
  created_by: id.optional(),
  related_to: id
    .optional()
    .describe("Runs that do this one again, explain it or work on its result"),
  derived: z
    .enum(["true", "false"])
    .optional()
    .describe("false leaves out explains, connection tests and work on stored results"),
  search: text(200).optional().describe("In the SQL"),
};

export const listRuns = route({
  operation: "listRuns",
  summary: "Run history, the newest first",
  tag,
  method: "GET",
  path: "/api/v1/runs",
  query: z.strictObject({
    ...runFilters,
    from: instant.optional().describe("Runs queued at this instant or later"),
    to: instant.optional().describe("Runs queued before this instant"),
    limit: wholeNumber({ min: 1, max: 200 }).optional(),
    cursor,
  }),
  replies: {
    200: page(RunSummary).extend({
      searched_to: instant
        .nullable()
        .describe(
          "Not null: the page ended because enough runs were looked through, back to this instant; its cursor looks further",
        ),
    }),
  },
});

export const readRun = route({
  operation: "readRun",
  summary: "One run; `wait` holds the reply until it ends, or that many seconds",
  tag,
  method: "GET",
  path: "/api/v1/runs/:id",
  params: byId,
  query: z.strictObject({ wait: wholeNumber({ min: 0, max: 60 }).optional() }),
  replies: { 200: Run },
});

export const cancelRun = route({
  operation: "cancelRun",
  summary:
    "Cancel: a queued run ends at once, a running one when the engine has stopped it, an ended one stays as it is. While others share the run it goes on without the caller",
  tag,
  method: "POST",
  path: "/api/v1/runs/:id/cancel",
  params: byId,
  body: z
    .strictObject({
      everyone: z
        .boolean()
        .optional()
        .describe("End it for all who share it: for the person who started it and for admins"),
    })
    .nullish(),
  replies: { 202: Run },
});
