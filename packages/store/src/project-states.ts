import type { JobStatus, SnapshotHit } from "@quern/contract/job-status";
import type { ProjectStates } from "@quern/contract/projects";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import type { Database } from "./db.ts";
import { visibleJob } from "./grants.ts";

type Head = {
  job_id: string;
  head_path: string | null;
  state_key: string | null;
  status: JobStatus;
  hit: SnapshotHit | null;
  created_at: Date;
};

/** States that the newest `jobs` jobs of a project went through. The caller has made sure that the actor sees the project. */
export async function readProjectStates(
  db: Database,
  actor: Actor,
  id: string,
  jobs: number,
): Promise<ProjectStates> {
  const { rows: heads } = await sql<Head>`
    select jobs.id as job_id, jobs.head_path, encode(jobs.state_key, 'hex') as state_key, jobs.status,
      jobs.snapshot ->> 'hit' as hit, jobs.created_at
    from jobs
    where jobs.project_id = ${id} and jobs.type in ('run', 'plan') and ${visibleJob(actor)}
    order by jobs.id desc
    limit ${jobs}`.execute(db);
  const ids = heads.map(({ job_id }) => job_id);
  // A state's key says all that is before it, so that its path and depth are the same in every job, but for renamed files.
  const { rows: states } = await sql<ProjectStates["states"][number]>`
    with steps as (
      select job_id, n, path, state_key, lag(state_key) over (partition by job_id order by n) as parent_key
      from job_steps where job_id = any (${ids}::uuid[])
    )
    select encode(state_key, 'hex') as state_key, encode(parent_key, 'hex') as parent_key,
      (array_agg(path order by job_id desc))[1] as path, min(n) as depth, count(*)::integer as jobs
    from steps
    group by state_key, parent_key
    order by depth, path, state_key`.execute(db);
  return {
    states,
    heads: heads.map((head) => ({ ...head, created_at: head.created_at.toISOString() })),
  };
}
