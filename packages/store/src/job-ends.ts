/** How jobs end: status, webhooks' outbox and audit in one transaction. */
import type { JobErrorFacts } from "@quern/contract/job-error";
import type { JobResult } from "@quern/contract/job-results";
import type { JobMetrics, JobProgress, Snapshot } from "@quern/contract/jobs";
import type { JobNews } from "@quern/contract/webhook-events";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { recordAudit } from "./audit.ts";
import { type Database, inTransaction } from "./db.ts";
import { heldJob, nextStage } from "./job-progress.ts";
import { type JobClaim, JobLeaseLostError } from "./job-spec.ts";
import { enqueueDeliveries, type NewEvent } from "./webhook-events.ts";

export type JobOutcome = {
  status: "completed" | "failed" | "canceled";
  /** Of a job that failed, and only of one. */
  error: JobErrorFacts | null;
  /** What is left out stays as it was noted before. */
  tail_hash?: Buffer;
  state_key?: Buffer;
  snapshot?: Snapshot;
  run_id?: string;
  instance_id?: string;
  result?: JobResult;
  /** `latency_ms`, `queue_ms` and `retries` are the database's. */
  metrics?: Partial<JobMetrics>;
  /** All stages with their times, in place of what `noteStage` kept. */
  stages?: JobProgress["stages"];
};

/**
 * Ends a job that this claim holds; tells webhooks, waiters and the audit log in the same transaction. Throws `JobLeaseLostError`;
 * then nothing was written. `cancel_ms` is the time since somebody asked to cancel it, null when nobody did.
 */
export async function finishJob(
  db: Database,
  claim: JobClaim,
  outcome: JobOutcome,
): Promise<{ cancel_ms: number | null }> {
  return inTransaction(db, async (trx) => {
    const stages =
      outcome.stages === undefined
        ? nextStage("done")
        : sql`stage = 'done', stages = ${JSON.stringify(outcome.stages)}::jsonb`;
    const { rows } = await sql<{ cancel_ms: number | null }>`
      update jobs set
        status = ${outcome.status}, finished_at = clock_timestamp(), ${stages},
        error = ${outcome.error === null ? null : JSON.stringify(outcome.error)}::jsonb,
        tail_hash = coalesce(${outcome.tail_hash ?? null}, tail_hash),
        state_key = coalesce(${outcome.state_key ?? null}, state_key),
        snapshot = coalesce(${outcome.snapshot ? JSON.stringify(outcome.snapshot) : null}::jsonb, snapshot),
        run_id = coalesce(${outcome.run_id ?? null}::uuid, run_id),
        instance_id = coalesce(${outcome.instance_id ?? null}::uuid, instance_id),
        result = ${outcome.result ? JSON.stringify(outcome.result) : null}::jsonb,
        metrics = ${JSON.stringify(metricsOf(outcome))}::jsonb || jsonb_build_object(
          'latency_ms', round((extract(epoch from clock_timestamp() - created_at) * 1000)::numeric, 3),
          'queue_ms', round((extract(epoch from claimed_at - queued_at) * 1000)::numeric, 3),
          'retries', attempt - 1),
        current = null, lease_token = null, lease_until = null
      where ${heldJob(claim)}
      returning extract(epoch from clock_timestamp() - cancel_requested_at)::float8 * 1000 as cancel_ms`.execute(
      trx,
    );
    if (!rows[0]) throw new JobLeaseLostError(claim);
    await tellEnds(trx, [claim.id]);
    return rows[0];
  });
}

function metricsOf({ metrics, snapshot }: JobOutcome): Omit<JobMetrics, "latency_ms"> {
  return {
    cache_hit: snapshot?.hit === "full",
    retries: 0,
    queue_ms: null,
    plan_ms: null,
    lookup_ms: null,
    build_ms: null,
    boot_ms: null,
    head_ms: null,
    warm: null,
    clone: null,
    ...metrics,
  };
}

type Ended = {
  id: string;
  org_id: string;
  type: JobNews["type"];
  status: "completed" | "failed" | "canceled";
  request_id: string | null;
  http_request_id: string | null;
  project_id: string | null;
  created_by: string | null;
  user_id: string | null;
  cancel_requested_by: string | null;
  head_path: string | null;
  tail_hash: Buffer | null;
  snapshot: Snapshot | null;
  run_id: string | null;
  rows: number | null;
  error: JobErrorFacts | null;
  metrics: JobMetrics | null;
  telemetry_context: Record<string, string>;
  created_at: Date;
  finished_at: Date;
};

/** Tells webhooks, waiters and the audit log that these jobs have ended. Call it in the transaction that ended them. */
export async function tellEnds(trx: Database, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const { rows } = await sql<Ended>`
    select jobs.id, jobs.org_id, jobs.type, jobs.status, jobs.request_id, jobs.http_request_id, jobs.project_id,
      jobs.created_by, jobs.user_id, jobs.cancel_requested_by, jobs.head_path, jobs.tail_hash, jobs.snapshot, jobs.run_id,
      runs.rows, jobs.error, jobs.metrics, jobs.telemetry_context, jobs.created_at, jobs.finished_at,
      pg_notify('quern_job_events', jobs.id::text), pg_notify('quern_jobs', '')
    from jobs left join runs on runs.id = jobs.run_id
    where jobs.id = any (${ids}::uuid[])`.execute(trx);
  for (const job of rows) {
    await enqueueDeliveries(trx, newsOf(job));
    const origin = { request_id: job.http_request_id ?? "", ip_address: "" };
    const who = job.status === "canceled" ? job.cancel_requested_by : job.created_by;
    await recordAudit(trx, { org_id: job.org_id, user_id: who }, origin, {
      action: `job.${job.status}`,
      resource_type: "job",
      resource_id: job.id,
      details: { type: job.type, ...(job.error ? { code: job.error.code } : {}) },
    });
  }
}

function newsOf(job: Ended): NewEvent {
  const { snapshot, error } = job;
  return {
    org_id: job.org_id,
    event: `job.${job.status}`,
    created_at: job.finished_at,
    job: {
      id: job.id,
      type: job.type,
      request_id: job.request_id,
      project_id: job.project_id,
      user_id: job.user_id,
      status: job.status,
      head_path: job.head_path,
      tail_hash: job.tail_hash?.toString("hex") ?? null,
      snapshot: snapshot && {
        state_key: snapshot.state_key,
        layer_id: snapshot.layer_id,
        hit: snapshot.hit,
        replayed_steps: snapshot.replayed_steps,
        reproducible: snapshot.reproducible,
      },
      run_id: job.run_id,
      rows: job.rows,
      error: error && {
        code: error.code,
        sqlstate: error.sqlstate,
        path: error.file,
        line: error.line,
      },
      metrics: numbersOf(job.metrics),
      telemetry_context: job.telemetry_context,
      created_at: job.created_at.toISOString(),
      finished_at: job.finished_at.toISOString(),
    },
  };
}

function numbersOf(metrics: JobMetrics | null): Record<string, number | boolean | null> {
  const { clone: _, ...numbers } = metrics ?? { clone: null };
  return numbers;
}

/**
 * Ends a job that waits at once, asks the sandbox of one that is under way, and leaves an ended one as it is. Says whether
 * anything changed.
 */
export async function cancelJob(db: Database, actor: Actor, id: string): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    const { rows } = await sql<{ status: string }>`
      update jobs set
        cancel_requested_at = clock_timestamp(),
        cancel_requested_by = ${actor.user_id},
        status = case status when 'pending' then 'canceled' else status end,
        finished_at = case status when 'pending' then clock_timestamp() end
      where id = ${id} and finished_at is null and cancel_requested_at is null
      returning status, pg_notify('quern_job_cancel', id::text), pg_notify('quern_job_events', id::text)`.execute(
      trx,
    );
    if (rows[0]?.status === "canceled") {
      await sql`update jobs set ${nextStage("done")} where id = ${id}`.execute(trx);
      await tellEnds(trx, [id]);
    }
    return rows.length === 1;
  });
}

/** Whether somebody asked for the end of a job. A notification alone does not say so: whoever may connect may send one. */
export async function isJobCancelRequested(db: Database, id: string): Promise<boolean> {
  const { rows } = await sql`
    select from jobs where id = ${id} and cancel_requested_at is not null`.execute(db);
  return rows.length > 0;
}
