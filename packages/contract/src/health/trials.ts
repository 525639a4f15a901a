/**
 * The fix of a finding, tried on a sandbox that has the schema and the planner's statistics, and no rows; or, where somebody
 * asks for it, a sample of rows.
 */
import { z } from "zod";
import { JobError } from "../job-error.ts";
import { JobStage, JobStatus, SnapshotHit } from "../job-status.ts";
import { PersonRef } from "../members.ts";
import { route } from "../route.ts";
import { id, instant, page } from "../text.ts";

/** Rows of each table that may be copied. */
const MIN_SAMPLE_ROWS = 100;
const MAX_SAMPLE_ROWS = 100_000;

/** How long a statement took on the sampled rows: not what it takes on the database. */
export const TrialTiming = z
  .strictObject({
    ms: z.number().describe("The median"),
    lowest_ms: z.number(),
    highest_ms: z.number(),
    runs: z.int().describe("After one to warm up, unless that took seconds"),
  })
  .meta({ id: "TrialTiming" });
export type TrialTiming = z.infer<typeof TrialTiming>;

/** What the planner says of a statement, on one side of the fix. */
export const TrialPlan = z
  .strictObject({
    cost: z.number().nullable().describe("The planner's own unit; null: it has no plan"),
    rows: z.number().nullable(),
    plan: z.unknown().describe("EXPLAIN's JSON; null with an error, and of more than 1 MB"),
    error: z.string().nullable().describe("Why it cannot be planned: PostgreSQL's words"),
    sqlstate: z.string().nullable(),
    timing: TrialTiming.nullable().describe("null: no rows were copied, or `untimed` says why"),
    untimed: z
      .enum(["parameters", "no_rows", "no_values", "failed", "no_time", "too_long"])
      .nullable()
      .describe(
        "Where rows were copied: a parameter is compared with no column; no row of a table that it reads was copied; no row has a value for a parameter; PostgreSQL ended it; the statements before took all the time there is; its first run was ended after so many seconds",
      ),
    untimed_detail: z
      .string()
      .nullable()
      .describe("The parameter, the table, a SQLSTATE, or seconds"),
  })
  .meta({ id: "TrialPlan" });
export type TrialPlan = z.infer<typeof TrialPlan>;

export const TrialStatement = z
  .strictObject({
    n: z.int(),
    statement_id: z.string().nullable(),
    source: z
      .enum(["finding", "busiest", "foreign_key"])
      .describe(
        "The finding's own; of those that touch its tables, by time; what PostgreSQL itself asks when a referenced row goes",
      ),
    text: z.string(),
    reads: z.array(z.string()).describe("Where rows were copied: tables that it names"),
    time_ms: z.number().nullable().describe("That it took in the last seven days"),
    before: TrialPlan.nullable().describe("null: not answered yet"),
    after: TrialPlan.nullable(),
  })
  .meta({ id: "TrialStatement" });
export type TrialStatement = z.infer<typeof TrialStatement>;

/** Rows of one table that were copied. */
export const SampledTable = z
  .strictObject({
    table: z.string().describe("Its name, quoted where it needs to be"),
    run_id: id.describe("The run that reads them"),
    rows: z.int().nullable().describe("That were copied; null: not known yet"),
    of: z.number().nullable().describe("About so many rows it has; null: not known"),
    error: z.string().nullable().describe("Why none could be read"),
  })
  .meta({ id: "SampledTable" });
export type SampledTable = z.infer<typeof SampledTable>;

/** What the sandbox lacks of the database, or has something else for. */
export const TrialGap = z
  .strictObject({
    kind: z.enum([
      ...(["schema", "extension", "type", "table", "column", "default", "check"] as const),
      ...(["constraint", "index", "view", "foreign_table", "partition"] as const),
      ...(["sequence", "statistics", "setting", "statement"] as const),
    ]),
    object: z.string().describe("Its name, quoted where it needs to be; empty for several"),
    how: z.enum(["left_out", "replaced"]),
    reason: z.enum([
      "not_sent",
      "literals",
      "type_unknown",
      "extension_missing",
      "bounds_unknown",
      "too_many",
      "refused",
      "sampled",
    ]),
    detail: z.string().nullable().describe("PostgreSQL's words, or what stands in its place"),
    count: z.int().describe("Of such objects, where `object` is empty"),
  })
  .meta({ id: "TrialGap" });
export type TrialGap = z.infer<typeof TrialGap>;

export const Trial = z
  .strictObject({
    job_id: id,
    finding_id: id,
    database_id: id,
    created_at: instant,
    created_by: PersonRef.nullable(),
    finished_at: instant.nullable(),
    expires_at: instant.describe("When the job is deleted, and the trial with it"),
    status: JobStatus,
    stage: JobStage,
    hit: SnapshotHit.nullable(),
    error: JobError.nullable().describe("Of the job: it gave no answer"),
    result: z
      .enum(["pending", "answered", "failed", "canceled", "expired", "unreadable"])
      .describe(
        "expired: the job's rows were deleted when their time was up; unreadable: the job was given another head, or its rows were cut off",
      ),
    engine: z.strictObject({
      sandbox: z.int().describe("Major version"),
      database: z.int().nullable(),
    }),
    fix: z.strictObject({
      sql: z.string().nullable().describe("null: the finding asks for a look at the plan only"),
      applied: z.boolean().nullable().describe("null: not known yet, or nothing to apply"),
      error: z.string().nullable(),
    }),
    schema_at: instant,
    statistics: z
      .enum(["columns", "tables"])
      .describe("tables: only sizes and rows are known, not how the values of columns are spread"),
    statistics_at: instant.nullable(),
    rows_copied: z.boolean().describe("false: costs, not timings"),
    sample: z
      .strictObject({
        rows: z.int().describe("At most so many of each table"),
        tables: z.array(SampledTable),
        reading: z.boolean().describe("The rows are being read: the job waits for them"),
      })
      .nullable(),
    settings: z.int().describe("Planner settings that were taken over"),
    statements: z.array(TrialStatement),
    gaps: z.array(TrialGap),
    gaps_total: z.int(),
  })
  .meta({ id: "Trial" });
export type Trial = z.infer<typeof Trial>;

const tag = "health";

export const tryFix = route({
  operation: "tryFix",
  summary:
    "Try the fix of a finding on a sandbox: a job that makes the schema with the planner's statistics and plans statements with and without the fix",
  tag,
  method: "POST",
  path: "/api/v1/findings/:id/trials",
  params: z.strictObject({ id }),
  body: z.strictObject({
    sample_rows: z
      .int()
      .min(MIN_SAMPLE_ROWS)
      .max(MAX_SAMPLE_ROWS)
      .optional()
      .describe(
        "Copies so many rows of each table from the linked datasource, and times statements on them",
      ),
  }),
  replies: { 201: z.strictObject({ job_id: id }).meta({ id: "TrialStarted" }) },
});

export const listTrials = route({
  operation: "listTrials",
  summary: "Earlier trials of a finding's fix whose jobs are still kept, the newest first",
  tag,
  method: "GET",
  path: "/api/v1/findings/:id/trials",
  params: z.strictObject({ id }),
  replies: { 200: page(z.strictObject({ job_id: id, status: JobStatus, created_at: instant })) },
});

export const readTrial = route({
  operation: "readTrial",
  summary: "How a trial goes, and its answer when it has ended",
  tag,
  method: "GET",
  path: "/api/v1/trials/:job_id",
  params: z.strictObject({ job_id: id }),
  replies: { 200: Trial },
});
