/** Projects as people look at them: lists, one with its tree, its earlier saves. Saving them: project-changes.ts. */
import type { JobStatus } from "@quern/contract/job-status";
import type { Project, ProjectSummary, ProjectVersion } from "@quern/contract/projects";
import { type RawBuilder, sql } from "kysely";
import type { Actor } from "./actor.ts";
import type { Database } from "./db.ts";
import { visibleJob, visibleProject } from "./grants.ts";
import { containing, isUuid, toPage } from "./page.ts";
import { personRef } from "./queries.ts";
import { type TreeFiles, toTree } from "./trees.ts";

type Times = { created_at: Date; updated_at: Date };
type SummaryRow = Omit<ProjectSummary, keyof Times> & Times;

export type ProjectFilter = {
  search?: string | undefined;
  created_by?: string | undefined;
  status?: JobStatus | undefined;
  limit: number;
  cursor?: string | undefined;
};

/** Projects the actor may see, the last changed first. A cursor that is not one of ours starts at the beginning. */
export async function listProjects(
  db: Database,
  actor: Actor,
  filter: ProjectFilter,
): Promise<{ items: ProjectSummary[]; next_cursor: string | null }> {
  const conditions: RawBuilder<unknown>[] = [visibleProject(actor)];
  if (filter.search !== undefined) {
    const pattern = containing(filter.search);
    conditions.push(sql`(projects.name ilike ${pattern} or projects.description ilike ${pattern})`);
  }
  if (filter.created_by) conditions.push(sql`projects.created_by = ${filter.created_by}`);
  if (filter.status) conditions.push(sql`last_jobs.status = ${filter.status}`);
  const after = readCursor(filter.cursor);
  if (after) {
    conditions.push(
      sql`(date_trunc('milliseconds', projects.updated_at), projects.id) < (${after.at}::timestamptz, ${after.id}::uuid)`,
    );
  }
  const { rows } = await sql<SummaryRow>`
    select ${SUMMARY} ${joins(actor)}
    where ${sql.join(conditions, sql` and `)}
    order by date_trunc('milliseconds', projects.updated_at) desc, projects.id desc
    limit ${filter.limit + 1}`.execute(db);
  return toPage(rows.map(withIsoTimes), filter.limit, (last) => `${last.updated_at}_${last.id}`);
}

const SUMMARY = sql`
  projects.id, projects.name, projects.description, versions.version, trees.file_count as files, trees.bytes,
  versions.environment,
  coalesce((
    select jsonb_agg(jsonb_build_object('id', groups.id, 'name', groups.name) order by groups.system nulls last, groups.name)
    from grants join groups on groups.id = grants.group_id
    where grants.resource_type = 'project' and grants.resource_id = projects.id
  ), '[]') as groups,
  last_jobs.job as last_job,
  ${personRef("creators")} as created_by, projects.created_at,
  ${personRef("savers")} as updated_by, projects.updated_at`;

/** Rows of the version `version`; of the present one when it is left out. */
function joins(actor: Actor, version?: number): RawBuilder<unknown> {
  return sql`
    from projects
    join project_versions as versions on versions.project_id = projects.id
      and versions.version = ${version === undefined ? sql`projects.version` : version}
    join trees on trees.org_id = versions.org_id and trees.digest = versions.tree
    left join users as creators on creators.id = projects.created_by
    left join users as savers on savers.id = projects.updated_by
    left join lateral (
      select jobs.status, jsonb_build_object('id', jobs.id, 'status', jobs.status, 'head_path', jobs.head_path,
        'hit', jobs.snapshot ->> 'hit',
        'created_at', to_char(jobs.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'duration_ms', extract(epoch from jobs.finished_at - jobs.queued_at) * 1000) as job
      from jobs
      where jobs.project_id = projects.id and jobs.type = 'run' and ${visibleJob(actor)}
      order by jobs.id desc
      limit 1
    ) as last_jobs on true`;
}

/** One project that the actor may see, as it is now or in a version; undefined when there is none. */
export async function readProject(
  db: Database,
  actor: Actor,
  id: string,
  version?: number,
): Promise<Project | undefined> {
  const { rows } = await sql<
    SummaryRow & Pick<Project, "manifest" | "variables"> & { tree: TreeFiles }
  >`
    select ${SUMMARY}, trees.files as tree, versions.manifest, versions.variables ${joins(actor, version)}
    where projects.id = ${id} and ${visibleProject(actor)}`.execute(db);
  return rows[0] && { ...withIsoTimes(rows[0]), tree: toTree(rows[0].tree) };
}

/** What a job takes from a version of a project. */
export type RunnableProject = {
  id: string;
  version: number;
  tree: Buffer;
  files: TreeFiles;
  manifest: Project["manifest"];
  variables: Project["variables"];
  environment: Project["environment"];
};

/** For jobs: the present version or an earlier one; undefined when the actor sees no such project, or it has no such version. */
export async function readRunnable(
  db: Database,
  actor: Actor,
  id: string,
  version?: number,
): Promise<RunnableProject | undefined> {
  const { rows } = await sql<RunnableProject>`
    select projects.id, versions.version, versions.tree, trees.files, versions.manifest, versions.variables,
      versions.environment
    from projects
    join project_versions as versions on versions.project_id = projects.id
      and versions.version = ${version === undefined ? sql`projects.version` : version}
    join trees on trees.org_id = versions.org_id and trees.digest = versions.tree
    where projects.id = ${id} and ${visibleProject(actor)}`.execute(db);
  return rows[0];
}

/** Every save, the newest first. The caller has made sure that the actor sees the project. The cursor is the version to start below. */
export async function listProjectVersions(
  db: Database,
  id: string,
  page: { limit: number; cursor?: string | undefined },
): Promise<{ items: ProjectVersion[]; next_cursor: string | null }> {
  const before =
    page.cursor !== undefined && /^\d{1,9}$/.test(page.cursor) ? Number(page.cursor) : null;
  const { rows } = await sql<Omit<ProjectVersion, "created_at"> & { created_at: Date }>`
    select versions.version, versions.message, trees.file_count as files, trees.bytes,
      ${personRef("users")} as created_by, versions.created_at
    from project_versions as versions
    join trees on trees.org_id = versions.org_id and trees.digest = versions.tree
    left join users on users.id = versions.created_by
    where versions.project_id = ${id} and (${before}::int is null or versions.version < ${before})
    order by versions.version desc
    limit ${page.limit + 1}`.execute(db);
  const versions = rows.map((row) => ({ ...row, created_at: row.created_at.toISOString() }));
  return toPage(versions, page.limit, (last) => String(last.version));
}

function withIsoTimes<T extends Times>(row: T): Omit<T, keyof Times> & Record<keyof Times, string> {
  return {
    ...row,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}

function readCursor(cursor: string | undefined): { at: string; id: string } | undefined {
  const [at, id] = (cursor ?? "").split("_");
  if (!id || !isUuid(id) || !Number.isFinite(Date.parse(at!))) return undefined;
  return { at: new Date(at!).toISOString(), id };
}
