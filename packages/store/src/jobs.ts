/** Making jobs. */
import { createHash } from "node:crypto";
import type { Limits } from "@quern/contract/datasources";
import type { Environment } from "@quern/contract/environment";
import type { JobStatus, JobTrigger, JobType } from "@quern/contract/job-status";
import { DEFAULT_SETTINGS } from "@quern/contract/settings";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { canonicalJson } from "./canonical-json.ts";
import { Conflict } from "./conflict.ts";
import { type Database, inTransaction } from "./db.ts";
import type { JobPolicy, JobSpec } from "./job-spec.ts";

/** A job that is to be made. Its trees are stored already, in the same transaction. */
export type NewJob = {
  type: JobType;
  /** false: parts follow. */
  assembled: boolean;
  user_id: string;
  request_id: string | null;
  project: { id: string; version: number } | null;
  tree: Buffer | null;
  left_tree: Buffer | null;
  right_tree: Buffer | null;
  manifest: Record<string, unknown> | null;
  head_path: string | null;
  head_sql: string | null;
  variables: Record<string, string>;
  environment: Environment;
  policy: JobPolicy;
  spec: JobSpec;
  limits: Limits;
  job_ttl_s: number;
  snapshot_ttl_s: number;
  telemetry_context: Record<string, string>;
  traceparent: string | null;
  http_request_id: string;
  trigger: JobTrigger;
  /** What was asked for, with trees by their digests: a repeat of the `request_id` must ask for the same. */
  asked: unknown;
};

export type MadeJob = { id: string; status: JobStatus; repeated: boolean };

/**
 * Puts a job into the queue, or, when it is sent in parts, beside it. With a `request_id` that the actor used before it answers with
 * that job; throws `Conflict`: `idempotency_mismatch` when it was used for another request, `rate_limited` when the actor has as many unfinished
 * jobs as one person may.
 */
export async function createJob(db: Database, actor: Actor, job: NewJob): Promise<MadeJob> {
  const hash = createHash("sha256").update(canonicalJson(job.asked)).digest();
  return inTransaction(db, async (trx) => {
    const earlier = await repeatedJob(trx, actor, job.request_id, hash);
    if (earlier) return earlier;
    await refuseFlood(trx, actor);
    const { rows } = await sql<{ id: string; status: JobStatus }>`
      with made as (
        insert into jobs (org_id, type, assembled, created_by, token_id, user_id, request_id, request_hash, project_id,
          project_version, tree, left_tree, right_tree, manifest, head_path, head_sql, variables, environment, policy, spec,
          timeout_ms, max_rows, max_bytes, job_ttl_s, snapshot_ttl_s, expires_at, telemetry_context, traceparent,
          http_request_id, trigger, queued_at, stages)
        values (${actor.org_id}, ${job.type}, ${job.assembled}, ${actor.user_id}, ${actor.token_id}, ${job.user_id},
          ${job.request_id}, ${hash}, ${job.project?.id ?? null}, ${job.project?.version ?? null}, ${job.tree},
          ${job.left_tree}, ${job.right_tree}, ${orNull(job.manifest)}::jsonb, ${job.head_path}, ${job.head_sql},
          ${JSON.stringify(job.variables)}::jsonb, ${JSON.stringify(job.environment)}::jsonb,
          ${JSON.stringify(job.policy)}::jsonb, ${JSON.stringify(job.spec)}::jsonb, ${job.limits.timeout_ms},
          ${job.limits.max_rows}, ${job.limits.max_bytes}, ${job.job_ttl_s}, ${job.snapshot_ttl_s},
          now() + ${job.job_ttl_s} * interval '1 second', ${JSON.stringify(job.telemetry_context)}::jsonb,
          ${job.traceparent}, ${job.http_request_id}, ${job.trigger}, ${job.assembled ? sql`clock_timestamp()` : null},
          case when ${job.assembled} then jsonb_build_array(jsonb_build_object('stage', 'queued',
            'started_at', to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'duration_ms', null))
            else '[]' end)
        on conflict (created_by, request_id) where request_id is not null do nothing
        returning id, status
      )
      select id, status, pg_notify('quern_jobs', ''), pg_notify('quern_job_events', id::text) from made`.execute(
      trx,
    );
    if (rows[0]) return { id: rows[0].id, status: rows[0].status, repeated: false };
    // Two of the same request at once: the other one was first.
    return (await repeatedJob(trx, actor, job.request_id, hash))!;
  });
}

function orNull(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}

async function repeatedJob(
  db: Database,
  actor: Actor,
  requestId: string | null,
  hash: Buffer,
): Promise<MadeJob | undefined> {
  if (requestId === null) return undefined;
  const { rows } = await sql<{ id: string; status: JobStatus; same: boolean }>`
    select id, status, request_hash = ${hash} as same from jobs
    where created_by = ${actor.user_id} and request_id = ${requestId}`.execute(db);
  if (!rows[0]) return undefined;
  const { same, ...job } = rows[0];
  if (same) return { ...job, repeated: true };
  throw new Conflict(
    "idempotency_mismatch",
    "This request_id was used for another job. Use a new one for a new job.",
    [{ path: "body.request_id", message: "was used for another job" }],
  );
}

async function refuseFlood(db: Database, actor: Actor): Promise<void> {
  const { rows } = await sql<{ max: number }>`
    select bound.max
    from (
      select coalesce((settings -> 'jobs' ->> 'max_unfinished_per_person')::integer,
        ${DEFAULT_SETTINGS.jobs.max_unfinished_per_person}) as max
      from orgs where id = ${actor.org_id}
    ) as bound
    where exists (
      select from jobs where created_by = ${actor.user_id} and finished_at is null offset bound.max - 1 limit 1)`.execute(
    db,
  );
  if (!rows[0]) return;
  throw new Conflict(
    "rate_limited",
    `You have ${rows[0].max} jobs that wait or are under way. Wait until some have ended, or cancel them; an admin can allow more.`,
  );
}
