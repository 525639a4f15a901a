/** Runs of kind `head`: what the head of a job gives. A sandbox makes them at work; none ever waits in the queue. */
import { createHash } from "node:crypto";
import type { Limits } from "@quern/contract/datasources";
import type { RunError } from "@quern/contract/run-error";
import type { RunTrigger } from "@quern/contract/runs";
import { DEFAULT_SETTINGS } from "@quern/contract/settings";
import { sql } from "kysely";
import type { Database } from "./db.ts";
import { heldJob } from "./job-progress.ts";
import { type JobClaim, JobLeaseLostError } from "./job-spec.ts";
import type { ClaimedRun } from "./queue.ts";

export type HeadRun = {
  /** Whose head it is. The run is for whoever the job is for. */
  job: JobClaim;
  /** Text of the head's file. */
  sql: string;
  limits: Limits;
  trigger: RunTrigger;
  /** Seconds that the result is kept; a week when left out. */
  result_ttl_s?: number;
  /** Of the request that made the job, for logs and traces. */
  request_id?: string | null;
  traceparent?: string | null;
};

/** Longer texts are kept as far as this: lists of runs carry them. The file itself is in the job's tree. */
const MAX_TEXT = 256 * 1024;

/**
 * Makes the run, already claimed by `runner` with a lease of `lease_ms`, and notes it in the job, in one statement. From
 * here on it is like any claimed run. Throws `JobLeaseLostError` when the job is not the caller's any more: nothing was made.
 */
export async function beginHead(
  db: Database,
  run: HeadRun,
  runner: string,
  lease_ms: number,
): Promise<ClaimedRun> {
  const { job, limits } = run;
  const text = storedText(run.sql);
  const { rows } = await sql<ClaimedRun>`
    with held as (
      select jobs.id, jobs.org_id, coalesce(jobs.user_id, jobs.created_by) as person, jobs.token_id
      from jobs where ${heldJob(job)} for no key update
    ),
    begun as (
      insert into runs (org_id, kind, status, job_id, sql, fingerprint, timeout_ms, max_rows, max_bytes, trigger, created_by,
        token_id, request_id, traceparent, result_ttl_s, attempt, runner, lease_token, lease_until, claimed_at)
      select held.org_id, 'head', 'running', held.id, ${text}, ${sha256(run.sql)}, ${limits.timeout_ms}, ${limits.max_rows},
        ${limits.max_bytes}, ${run.trigger}, held.person, held.token_id, ${run.request_id ?? null},
        ${run.traceparent ?? null}, ${run.result_ttl_s ?? DEFAULT_SETTINGS.limits.result_ttl_s.default}, 1, ${runner},
        gen_random_uuid(), clock_timestamp() + ${lease_ms} * interval '1 millisecond', clock_timestamp()
      from held
      returning *
    ),
    noted as (
      update jobs set run_id = begun.id from begun where jobs.id = begun.job_id
    )
    select id, attempt, lease_token, org_id, kind, datasource_id, connection, null as datasource, sql, params, spec,
      jsonb_build_object('timeout_ms', timeout_ms, 'max_rows', max_rows, 'max_bytes', max_bytes) as limits,
      false as cancel_requested, request_id, traceparent, 0::float8 as waited_ms,
      pg_notify('quern_runs', id::text), pg_notify('quern_job_events', job_id::text)
    from begun`.execute(db);
  if (!rows[0]) throw new JobLeaseLostError(job);
  return rows[0];
}

/** Text that PostgreSQL takes. */
function storedText(text: string): string {
  const cut = text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) : text;
  return cut.replaceAll("\0", "\u{FFFD}").toWellFormed();
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** How the run of a head ended; undefined while it has not. */
export async function readHeadEnd(
  db: Database,
  id: string,
): Promise<{ status: "succeeded" | "failed" | "canceled"; error: RunError | null } | undefined> {
  const { rows } = await sql<{
    status: "succeeded" | "failed" | "canceled";
    error: RunError | null;
  }>`
    select status, error from runs where id = ${id} and finished_at is not null`.execute(db);
  return rows[0];
}
