/**
 * The queue of jobs, from the sandbox's side: the protocol of runs. A claim is a lease; (attempt, lease_token) fence off
 * whoever overslept. Files of a tail may be run again, since they run on throw-away databases; a head is a run, which is
 * never sent twice. So a job whose sandbox died is claimed again, unless its head had begun.
 */
import { jobError } from "@quern/contract/job-error";
import { DEFAULT_SETTINGS } from "@quern/contract/settings";
import { sql } from "kysely";
import { type Database, inTransaction } from "./db.ts";
import { tellEnds } from "./job-ends.ts";
import { heldJob, nextStage } from "./job-progress.ts";
import { type ClaimedJob, type JobClaim, JobLeaseLostError } from "./job-spec.ts";

/** Claims of one job, when sandboxes die under it. */
export const MAX_ATTEMPTS = 3;

/** Takes up to `max` jobs, each with a lease of `lease_ms`. See migration 0026 for order and caps. */
export async function claimJobs(
  db: Database,
  sandbox: string,
  options: { max: number; lease_ms: number; store_id: string; engines: readonly number[] },
): Promise<ClaimedJob[]> {
  const { rows } = await sql<ClaimedJob>`
    select claimed.id, claimed.attempt, claimed.lease_token, claimed.org_id, claimed.type, claimed.created_by,
      claimed.token_id, claimed.user_id, claimed.project_id, claimed.project_version,
      claimed_tree(claimed.org_id, claimed.tree) as tree, claimed_tree(claimed.org_id, claimed.left_tree) as left_tree,
      claimed_tree(claimed.org_id, claimed.right_tree) as right_tree,
      claimed.manifest, claimed.head_path, claimed.head_sql, claimed.variables, claimed.environment, claimed.policy,
      claimed.spec,
      jsonb_build_object('timeout_ms', timeout_ms, 'max_rows', max_rows, 'max_bytes', max_bytes) as limits,
      claimed.snapshot_ttl_s, claimed.telemetry_context, claimed.traceparent, claimed.http_request_id, claimed.request_id,
      claimed.trigger,
      cancel_requested_at is not null as cancel_requested,
      extract(epoch from claimed_at - queued_at)::float8 * 1000 as waited_ms
    -- Most looks for work find none: they take neither the lock nor a transaction that writes.
    from (select where exists (select from jobs where status = 'pending' and assembled)) as waiting
    cross join lateral claim_jobs(${sandbox}, ${options.max}, ${options.lease_ms}, ${options.store_id}, ${options.engines}::integer[],
      ${DEFAULT_SETTINGS.jobs.max_active_per_person}) as claimed
    order by claimed.queued_at, claimed.id`.execute(db);
  if (rows.length > 0) await notifyJobs(db, rows);
  return rows;
}

async function notifyJobs(db: Database, jobs: readonly { id: string }[]): Promise<void> {
  const ids = jobs.map(({ id }) => id);
  await sql`select pg_notify('quern_job_events', id) from unnest(${ids}::text[]) as id`.execute(db);
}

/** Extends the lease, and notes where the work is. Throws `JobLeaseLostError`: stop the work, then. */
export async function renewJob(
  db: Database,
  claim: JobClaim,
  leaseMs: number,
  current?: { path: string; line: number | null; statement: number | null } | null,
): Promise<{ cancel_requested: boolean }> {
  const { rows } = await sql<{ cancel_requested: boolean }>`
    update jobs set
      lease_until = clock_timestamp() + ${leaseMs} * interval '1 millisecond',
      current = ${current === undefined ? sql`current` : sql`${current === null ? null : JSON.stringify(current)}::jsonb`}
    where ${heldJob(claim)}
    returning cancel_requested_at is not null as cancel_requested,
      ${current === undefined ? sql`null` : sql`pg_notify('quern_job_events', id::text)`}`.execute(
    db,
  );
  if (!rows[0]) throw new JobLeaseLostError(claim);
  return { cancel_requested: rows[0].cancel_requested };
}

const LOST = jobError(
  "sandbox_lost",
  "head",
  "The sandbox process that held this job went away after its head had begun. The head is never run twice by itself: run the job again.",
);
const LOST_OFTEN = jobError(
  "sandbox_lost",
  "building",
  `The sandbox process that held this job went away, and so did those that took it over: ${MAX_ATTEMPTS} attempts. Its log says how far each came.`,
);

type Lapsed = {
  id: string;
  attempt: number;
  canceled: boolean;
  head_begun: boolean;
};

/**
 * Sees to jobs whose lease lapsed, at most `limit`: they wait again, or end as `failed` with `sandbox_lost`, or as `canceled` when
 * that was asked. Any number of sandboxes may sweep at once. Says how many of each.
 */
export async function sweepJobs(
  db: Database,
  limit = 100,
): Promise<{ queued: string[]; ended: string[] }> {
  return inTransaction(db, async (trx) => {
    const { rows } = await sql<Lapsed>`
      select id, attempt, cancel_requested_at is not null as canceled, stage in ('head', 'storing') as head_begun
      from jobs
      where status in ('preparing', 'running', 'publishing') and lease_until < clock_timestamp()
      order by lease_until
      limit ${limit}
      for update skip locked`.execute(trx);
    const again = rows.filter(
      (job) => !job.canceled && !job.head_begun && job.attempt < MAX_ATTEMPTS,
    );
    const ended = rows.filter((job) => !again.includes(job));
    await queueAgain(trx, again);
    for (const job of ended) await endLost(trx, job);
    await tellEnds(
      trx,
      ended.map(({ id }) => id),
    );
    return { queued: again.map(({ id }) => id), ended: ended.map(({ id }) => id) };
  });
}

async function queueAgain(trx: Database, jobs: readonly Lapsed[]): Promise<void> {
  if (jobs.length === 0) return;
  const ids = jobs.map(({ id }) => id);
  await sql`
    insert into job_logs (job_id, id, at, stage, level, source, message)
    select id, log_count + 1, clock_timestamp(), stage, 'warn', 'quern',
      'The sandbox process that held this job went away (attempt ' || attempt || '). Another one will begin it anew.'
    from jobs where id = any (${ids}::uuid[])`.execute(trx);
  await sql`
    with waiting as (
      update jobs set
        status = 'pending', ${nextStage("queued")}, log_count = log_count + 1, current = null, sandbox = null,
        lease_token = null, lease_until = null
      where id = any (${ids}::uuid[])
      returning id
    )
    select pg_notify('quern_jobs', ''), pg_notify('quern_job_events', id::text) from waiting`.execute(
    trx,
  );
}

async function endLost(trx: Database, job: Lapsed): Promise<void> {
  const error = job.head_begun ? LOST : LOST_OFTEN;
  await sql`
    update jobs set
      status = ${job.canceled ? "canceled" : "failed"},
      error = ${job.canceled ? null : JSON.stringify(error)}::jsonb,
      finished_at = clock_timestamp(), ${nextStage("done")}, current = null, lease_token = null, lease_until = null
    where id = ${job.id}`.execute(trx);
}

/** Unfinished jobs of a sandbox that stops in an orderly way: they wait again at once, as if their lease had lapsed. */
export async function releaseJob(db: Database, claim: JobClaim): Promise<void> {
  await sql`
    update jobs set lease_until = clock_timestamp() - interval '1 millisecond' where ${heldJob(claim)}`.execute(
    db,
  );
}
