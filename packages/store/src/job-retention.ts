/**
 * What is deleted when its time is up: jobs with their steps, parts and logs, then trees that nobody names, then files that no tree
 * names. Each in small batches that any number of processes may run at once.
 */
import { jobError } from "@quern/contract/job-error";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { type Database, inTransaction } from "./db.ts";
import { tellEnds } from "./job-ends.ts";
import { nextStage } from "./job-progress.ts";

/** Seconds that a deleted project can be restored: 30 days. */
const RESTORABLE_S = 2_592_000;

export type JobsSwept = {
  /** Deleted rows. */
  jobs: number;
  trees: number;
  blobs: number;
  uploads: number;
  projects: number;
  /** Jobs that nobody ran in time, which ended as failed. */
  never_run: number;
  /** What all of it took. */
  duration_ms: number;
};

/** One batch of each, at most `limit` rows; call it again soon when one of the counts is `limit`. */
export async function sweepProjects(db: Database, limit = 200): Promise<JobsSwept> {
  const begun = performance.now();
  const never_run = await endNeverRun(db, limit);
  const jobs = await deleteExpiredJobs(db, limit);
  const projects = await deleteOldProjects(db, limit);
  const trees = await deleteTrees(db, limit);
  const blobs = await deleteBlobs(db, limit);
  const uploads = await deleteUploads(db, limit);
  return {
    jobs,
    trees,
    blobs,
    uploads,
    projects,
    never_run,
    duration_ms: performance.now() - begun,
  };
}

const NEVER_RUN = jobError(
  "expired",
  "request",
  "The job was not run within its job_ttl. Make it again, and run it sooner.",
);

/** Jobs that are sent in parts and were forgotten. An hour is left to read what became of them. */
async function endNeverRun(db: Database, limit: number): Promise<number> {
  return inTransaction(db, async (trx) => {
    const { rows } = await sql<{ id: string }>`
      with forgotten as (
        select id from jobs
        where status = 'pending' and not assembled and expires_at < now()
        order by created_at
        limit ${limit}
        for update skip locked
      )
      update jobs set status = 'failed', error = ${JSON.stringify(NEVER_RUN)}::jsonb, finished_at = clock_timestamp(),
        expires_at = now() + interval '1 hour', ${nextStage("done")}
      from forgotten where jobs.id = forgotten.id
      returning jobs.id`.execute(trx);
    await tellEnds(
      trx,
      rows.map(({ id }) => id),
    );
    return rows.length;
  });
}

/** A job that goes on, or waits, is not deleted: it ends first. */
async function deleteExpiredJobs(db: Database, limit: number): Promise<number> {
  const { rows } = await sql`
    with expired as (
      select id, run_id from jobs
      where expires_at < now() and finished_at is not null
      order by expires_at
      limit ${limit}
      for update skip locked
    ),
    results as (
      update runs set result_expires_at = least(result_expires_at, now())
      from expired where runs.id = expired.run_id and runs.result_expires_at is not null
    )
    delete from jobs using expired where jobs.id = expired.id returning jobs.id`.execute(db);
  return rows.length;
}

/** Deletes a job that has ended, and lets its result expire. False when it has not ended, or there is none. */
export async function deleteJob(db: Database, id: string): Promise<boolean> {
  const { rows } = await sql`
    with gone as (
      delete from jobs where id = ${id} and finished_at is not null returning run_id
    ),
    results as (
      update runs set result_expires_at = least(result_expires_at, now())
      from gone where runs.id = gone.run_id and runs.result_expires_at is not null
    )
    select from gone`.execute(db);
  return rows.length === 1;
}

/**
 * Keeps a job for `job_ttl_s` from now, and notes that its state is wanted for `snapshot_ttl_s`; never less than it was. Returns the
 * state's key when that is known.
 */
export async function extendJob(
  db: Database,
  actor: Actor,
  id: string,
  ttl: { job_ttl_s?: number | undefined; snapshot_ttl_s?: number | undefined },
): Promise<{ state_key: Buffer | null } | undefined> {
  const { rows } = await sql<{ state_key: Buffer | null }>`
    update jobs set
      expires_at = greatest(expires_at, now() + ${ttl.job_ttl_s ?? 0} * interval '1 second'),
      job_ttl_s = greatest(job_ttl_s, ${ttl.job_ttl_s ?? 0}),
      snapshot_ttl_s = greatest(snapshot_ttl_s, ${ttl.snapshot_ttl_s ?? 0})
    where id = ${id} and org_id = ${actor.org_id}
    returning state_key`.execute(db);
  return rows[0];
}

async function deleteOldProjects(db: Database, limit: number): Promise<number> {
  const { rows } = await sql<{ id: string }>`
    with old as (
      select id from projects where deleted_at < now() - ${RESTORABLE_S} * interval '1 second'
      limit ${limit} for update skip locked
    ),
    grants_of_old as (
      delete from grants using old where grants.resource_type = 'project' and grants.resource_id = old.id
    )
    delete from projects using old where projects.id = old.id returning projects.id`.execute(db);
  return rows.length;
}

/** A tree that was named within a day stays: whoever named it may be about to refer to it. */
async function deleteTrees(db: Database, limit: number): Promise<number> {
  const { rows } = await sql`
    with unused as (
      select org_id, digest from trees
      where named_at < now() - interval '1 day'
        and not exists (select from project_versions where (project_versions.org_id, project_versions.tree) = (trees.org_id, trees.digest))
        and not exists (select from jobs where (jobs.org_id, jobs.tree) = (trees.org_id, trees.digest))
        and not exists (select from jobs where (jobs.org_id, jobs.left_tree) = (trees.org_id, trees.digest))
        and not exists (select from jobs where (jobs.org_id, jobs.right_tree) = (trees.org_id, trees.digest))
        and not exists (select from job_parts where (job_parts.org_id, job_parts.tree) = (trees.org_id, trees.digest))
      limit ${limit}
      for update skip locked
    )
    delete from trees using unused
    where trees.org_id = unused.org_id and trees.digest = unused.digest and trees.named_at < now() - interval '1 day'
    returning trees.digest`.execute(db);
  return rows.length;
}

async function deleteBlobs(db: Database, limit: number): Promise<number> {
  const { rows } = await sql`
    with unused as (
      select org_id, digest from blobs
      where named_at < now() - interval '1 day'
        and not exists (select from tree_blobs where tree_blobs.org_id = blobs.org_id and tree_blobs.blob = blobs.digest)
      limit ${limit}
      for update skip locked
    ),
    gone as (
      delete from blobs using unused
      where blobs.org_id = unused.org_id and blobs.digest = unused.digest and blobs.named_at < now() - interval '1 day'
      returning blobs.content_id
    ),
    chunks as (
      delete from blob_chunks using gone where blob_chunks.content_id = gone.content_id
    )
    select from gone`.execute(db);
  return rows.length;
}

/** Files that stopped arriving. */
async function deleteUploads(db: Database, limit: number): Promise<number> {
  const { rows } = await sql`
    with broken as (
      delete from blob_uploads where content_id in (
        select content_id from blob_uploads where begun_at < now() - interval '1 day' limit ${limit} for update skip locked)
      returning content_id
    ),
    chunks as (
      delete from blob_chunks using broken where blob_chunks.content_id = broken.content_id
    )
    select from broken`.execute(db);
  return rows.length;
}
