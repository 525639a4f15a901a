/** The fix of a finding, tried on a sandbox that has the schema and the planner's statistics, and no rows. */
import { z } from "zod";
import { JobError } from "../job-error.ts";
import { JobStage, JobStatus, SnapshotHit } from "../job-status.ts";
import { PersonRef } from "../members.ts";
import { route } from "../route.ts";
import { id, instant, page } from "../text.ts";

/** What the planner says of a statement, on one side of the fix. */
export const TrialPlan = z
  .strictObject({
    cost: z.number().nullable().describe("The planner's own unit; null: it has no plan"),
    rows: z.number().nullable(),
    plan: z.unknown().describe("EXPLAIN's JSON; null with an error"),
    error: z.string().nullable().describe("Why it cannot be planned: PostgreSQL's words"),
    sqlstate: z.string().nullable(),
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
    time_ms: z.number().nullable().describe("That it took in the last seven days"),
    before: TrialPlan.nullable().describe("null: not answered yet"),
    after: TrialPlan.nullable(),
  })
  .meta({ id: "TrialStatement" });
export type TrialStatement = z.infer<typeof TrialStatement>;

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
    status: JobStatus,
    stage: JobStage,
    hit: SnapshotHit.nullable(),
    error: JobError.nullable().describe("Of the job: it gave no answer"),
    result: z
      .enum(["pending", "answered", "failed", "canceled", "expired"])
      .describe("expired: the job's rows were deleted when their time was up"),
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
    rows_copied: z.literal(false).describe("Costs, not timings"),
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
  body: z.strictObject({}),
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
