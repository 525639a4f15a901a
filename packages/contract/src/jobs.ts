import { z } from "zod";
import { Limits } from "./datasources.ts";
import { Environment, Variables } from "./environment.ts";
import { JobError } from "./job-error.ts";
import { JobInput } from "./job-input.ts";
import { LogLine } from "./job-logs.ts";
import { JobResult } from "./job-results.ts";
import { JobStage, JobStatus, JobTrigger, JobType, SnapshotHit } from "./job-status.ts";
import { Volatile } from "./layers.ts";
import { PersonRef } from "./members.ts";
import { HexKey, TreeInput } from "./project-tree.ts";
import { Cell, Column, Truncated } from "./results.ts";
import { route } from "./route.ts";
import { cursor, id, instant, page, text, wholeNumber } from "./text.ts";

const ms = z.number().describe("Milliseconds");

/** What a file of the tail came to. */
export const JobStep = z
  .strictObject({
    n: z.number().int().describe("Place in the chain, from 0: the empty database"),
    path: z.string().describe("Empty for the empty database"),
    state_key: HexKey,
    outcome: z.enum(["hit", "built", "pending", "building", "failed", "skipped"]),
    reason: z
      .string()
      .describe("Why: ready, never_built, evicted, expired, no_cache, imported, not_kept …"),
    layer_id: id.nullable(),
    kept: z.boolean().describe("Whether a layer of it is in the cache"),
    duration_ms: z.number().nullable(),
    statements: z.number().int().nullable(),
    bytes: z.number().int().nullable().describe("Of its layer on disk"),
    volatile: z.array(z.string()).describe("What in it may differ when it is run again"),
  })
  .meta({ id: "JobStep" });
export type JobStep = z.infer<typeof JobStep>;

export const JobProgress = z
  .strictObject({
    stage: JobStage,
    stages: z.array(
      z.strictObject({
        stage: JobStage,
        started_at: instant,
        duration_ms: ms.nullable().describe("null: it goes on"),
      }),
    ),
    duration_ms: ms.describe("Since it was queued, until its end"),
    steps_total: z.number().int(),
    steps_done: z.number().int(),
    current: z
      .strictObject({
        path: z.string(),
        line: z.number().int().nullable(),
        statement: z.number().int().nullable(),
      })
      .nullable(),
  })
  .meta({ id: "JobProgress" });
export type JobProgress = z.infer<typeof JobProgress>;

/** The state that the head ran on, and where it came from. */
export const Snapshot = z
  .strictObject({
    tail_hash: HexKey.describe("Of paths, contents, variables and environment of the tail"),
    state_key: HexKey.describe("Of contents only: renamed files make the same state"),
    layer_id: id.nullable(),
    hit: SnapshotHit,
    prefix_depth: z.number().int().describe("Files whose state was there"),
    depth: z.number().int().describe("Files of the tail"),
    replayed_steps: z.number().int(),
    volatile: z.array(Volatile),
    reproducible: z.boolean().nullable().describe("null: not verified"),
  })
  .meta({ id: "Snapshot" });
export type Snapshot = z.infer<typeof Snapshot>;

export const JobMetrics = z
  .strictObject({
    latency_ms: ms.describe("From created to ended"),
    cache_hit: z.boolean(),
    retries: z.number().int(),
    queue_ms: ms.nullable(),
    plan_ms: ms.nullable(),
    lookup_ms: ms.nullable(),
    build_ms: ms.nullable(),
    boot_ms: ms.nullable(),
    head_ms: ms.nullable(),
    warm: z.boolean().nullable().describe("Whether the instance was started ahead of need"),
    clone: z.enum(["reflink", "overlay", "copy"]).nullable(),
  })
  .meta({ id: "JobMetrics" });
export type JobMetrics = z.infer<typeof JobMetrics>;

/** What lists say of a job. */
export const JobSummary = z
  .strictObject({
    id,
    type: JobType,
    status: JobStatus,
    stage: JobStage,
    assembled: z.boolean().describe("false: parts may still be appended"),
    project: z
      .strictObject({
        id,
        name: z.string(),
        version: z.number().int(),
        edited: z
          .boolean()
          .optional()
          .describe("It ran files that were sent along, not those of this version"),
      })
      .nullable()
      .describe("null: of a tree that was sent along, or the project was deleted"),
    head_path: z.string().nullable(),
    trigger: JobTrigger,
    created_by: PersonRef.nullable(),
    user: PersonRef.nullable().describe("For whom"),
    request_id: z.string().nullable(),
    tail_hash: HexKey.nullable(),
    state_key: HexKey.nullable(),
    hit: SnapshotHit.nullable(),
    replayed_steps: z.number().int().nullable(),
    run_id: id.nullable().describe("Of the head"),
    error_code: z.string().nullable(),
    created_at: instant,
    queued_at: instant.nullable().describe("When it could be claimed first"),
    claimed_at: instant.nullable(),
    finished_at: instant.nullable(),
    expires_at: instant,
    duration_ms: ms.nullable().describe("From queued to ended; null before its end"),
  })
  .meta({ id: "JobSummary" });
export type JobSummary = z.infer<typeof JobSummary>;

export const Job = JobSummary.omit({
  hit: true,
  replayed_steps: true,
  run_id: true,
  error_code: true,
  stage: true,
})
  .extend({
    job_id: id.describe("The same as id"),
    head_sql: z.string().nullable().describe("A head that was typed in"),
    has_files: z.boolean().describe("Whether another job can be made of its files: files_of"),
    variables: Variables,
    environment: Environment,
    limits: Limits,
    telemetry_context: z.record(z.string(), z.string()),
    progress: JobProgress,
    rows: z
      .strictObject({
        run_id: id,
        columns: z.array(Column),
        rows: z.array(z.array(Cell)).describe("The first 100; the rest are those of the run"),
        total: z.number().int(),
        truncated: Truncated,
      })
      .nullable(),
    run_id: id.nullable().describe("Of the head"),
    error: JobError.nullable(),
    cancel: z.strictObject({ requested_at: instant, by: PersonRef.nullable() }).nullable(),
    snapshot: Snapshot.nullable(),
    steps: z.array(JobStep),
    instance: z.strictObject({ id, name: z.string().nullable() }).nullable(),
    result: JobResult.nullable(),
    logs: z.strictObject({ last: z.array(LogLine).describe("20 at most"), url: z.string() }),
    metrics: JobMetrics.nullable(),
    attempt: z.number().int(),
    sandbox: z.string().nullable(),
  })
  .meta({ id: "Job" });
export type Job = z.infer<typeof Job>;

export const JobCreated = z.strictObject({ job_id: id, status: JobStatus }).meta({
  id: "JobCreated",
});
export type JobCreated = z.infer<typeof JobCreated>;

const byId = z.strictObject({ id });
const tag = "jobs";

export const createJob = route({
  operation: "createJob",
  summary:
    "Run a head on the state that a project's files make; the same `request_id` answers with the first job",
  tag,
  method: "POST",
  path: "/api/v1/jobs",
  body: JobInput,
  replies: { 202: JobCreated },
});

export const appendToJob = route({
  operation: "appendToJob",
  summary:
    "Add files to a job that is sent in parts, numbered from 1. States are made while parts arrive",
  tag,
  method: "POST",
  path: "/api/v1/jobs/:id/append",
  params: byId,
  body: z.strictObject({
    seq: z.number().int().min(1).max(10_000),
    project_tree: TreeInput,
    last: z.boolean().optional().describe("No part follows; the job still waits for `run`"),
  }),
  replies: {
    200: z.strictObject({
      job_id: id,
      parts: z.number().int(),
      files: z.number().int().describe("Of all parts"),
      bytes: z.number().int().describe("Of all parts"),
    }),
  },
});

export const runJob = route({
  operation: "runJob",
  summary: "Run a job that was sent in parts",
  tag,
  method: "POST",
  path: "/api/v1/jobs/:id/run",
  params: byId,
  body: z
    .strictObject({
      head_path: text(1024).optional(),
      head_sql: text(1_000_000).optional(),
      variables: Variables.optional(),
    })
    .nullish(),
  replies: { 202: JobCreated },
});

export const readJob = route({
  operation: "readJob",
  summary: "One job; `wait` holds the reply until it ends, or that many seconds",
  tag,
  method: "GET",
  path: "/api/v1/jobs/:id",
  params: byId,
  query: z.strictObject({
    wait: wholeNumber({ min: 0, max: 30 }).optional(),
    steps: z.enum(["true", "false"]).optional().describe("false leaves the steps out"),
  }),
  replies: { 200: Job },
});

export const listJobs = route({
  operation: "listJobs",
  summary: "Jobs that you may see, the newest first",
  tag,
  method: "GET",
  path: "/api/v1/jobs",
  query: z.strictObject({
    status: JobStatus.optional(),
    type: JobType.optional(),
    project_id: id.optional(),
    created_by: id.optional(),
    trigger: JobTrigger.optional(),
    head_path: text(1024).optional(),
    hit: SnapshotHit.optional(),
    active: z.enum(["true", "false"]).optional().describe("Whether it goes on, or waits"),
    limit: wholeNumber({ min: 1, max: 200 }).optional(),
    cursor,
  }),
  replies: { 200: page(JobSummary) },
});

export const cancelJob = route({
  operation: "cancelJob",
  summary: "Cancel, at any stage; an ended job stays as it is",
  tag,
  method: "POST",
  path: "/api/v1/jobs/:id/cancel",
  params: byId,
  replies: { 202: Job },
});

export const extendJob = route({
  operation: "extendJob",
  summary: "Keep a job, or the state of its tail, for so many seconds from now; never for less",
  tag,
  method: "POST",
  path: "/api/v1/jobs/:id/extend",
  params: byId,
  body: z
    .strictObject({
      job_ttl: z.number().int().min(1).optional(),
      snapshot_ttl: z.number().int().min(1).optional(),
    })
    .refine(({ job_ttl, snapshot_ttl }) => job_ttl !== undefined || snapshot_ttl !== undefined, {
      message: "say job_ttl, snapshot_ttl, or both",
    }),
  replies: { 200: Job },
});

export const deleteJob = route({
  operation: "deleteJob",
  summary: "Delete a job that has ended, with its logs; its result expires",
  tag,
  method: "DELETE",
  path: "/api/v1/jobs/:id",
  params: byId,
  replies: { 204: z.null() },
});
