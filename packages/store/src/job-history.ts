/** Jobs as people look at them. */
import type { JobLogsPage, LogLine } from "@quern/contract/job-logs";
import type { JobStatus, JobTrigger, JobType, SnapshotHit } from "@quern/contract/job-status";
import type { Job, JobSummary } from "@quern/contract/jobs";
import { type RawBuilder, sql } from "kysely";
import type { Actor } from "./actor.ts";
import type { Database } from "./db.ts";
import { visibleJob, visibleProject } from "./grants.ts";
import type { JobSpec } from "./job-spec.ts";
import { isUuid, toPage } from "./page.ts";
import { personRef } from "./queries.ts";
import type { TreeFiles } from "./trees.ts";

const TIMES = ["created_at", "queued_at", "claimed_at", "finished_at", "expires_at"] as const;
type Times = { created_at: Date; expires_at: Date } & Record<
  "queued_at" | "claimed_at" | "finished_at",
  Date | null
>;
type SummaryRow = Omit<JobSummary, keyof Times> & Times;

/** What `readJob` knows; the rows of the head are elsewhere. */
export type JobFacts = Omit<Job, "rows" | "logs"> & { last_logs: LogLine[] };
type FactsRow = Omit<SummaryRow, "hit" | "replayed_steps" | "error_code"> &
  Omit<JobFacts, keyof JobSummary | "job_id" | "progress"> & {
    stages: Job["progress"]["stages"];
    current: Job["progress"]["current"];
    elapsed_ms: number;
    steps_total: number;
    steps_done: number;
  };

const SUMMARY = sql`
    jobs.id, jobs.type, jobs.status, jobs.stage, jobs.assembled,
    case when projects.id is not null then jsonb_build_object(
      'id', projects.id, 'name', projects.name, 'version', jobs.project_version)
      || case when jobs.tree is distinct from base.tree then '{"edited": true}' else '{}' end::jsonb end as project,
    jobs.head_path, jobs.trigger, ${personRef("makers")} as created_by, ${personRef("users")} as user, jobs.request_id,
    encode(jobs.tail_hash, 'hex') as tail_hash, encode(jobs.state_key, 'hex') as state_key, jobs.run_id,
    jobs.created_at, jobs.queued_at, jobs.claimed_at, jobs.finished_at, jobs.expires_at,
    extract(epoch from jobs.finished_at - coalesce(jobs.queued_at, jobs.created_at))::float8 * 1000 as duration_ms`;

const OF_SNAPSHOT = sql`
  jobs.snapshot ->> 'hit' as hit, (jobs.snapshot ->> 'replayed_steps')::integer as replayed_steps,
  jobs.error ->> 'code' as error_code`;

function joins(actor: Actor): RawBuilder<unknown> {
  return sql`
    left join projects on projects.id = jobs.project_id and ${visibleProject(actor)}
    left join project_versions as base on base.project_id = jobs.project_id and base.version = jobs.project_version
    left join users as makers on makers.id = jobs.created_by
    left join users on users.id = jobs.user_id`;
}

export type JobFilter = {
  status?: JobStatus | undefined;
  type?: JobType | undefined;
  project_id?: string | undefined;
  created_by?: string | undefined;
  trigger?: JobTrigger | undefined;
  head_path?: string | undefined;
  hit?: SnapshotHit | undefined;
  active?: "true" | "false" | undefined;
  limit: number;
  cursor?: string | undefined;
};

/** Jobs that the actor may see, the newest first: ids are ordered by time. The cursor is the id to start below. */
export async function listJobs(
  db: Database,
  actor: Actor,
  filter: JobFilter,
): Promise<{ items: JobSummary[]; next_cursor: string | null }> {
  const { rows } = await sql<SummaryRow>`
    select ${SUMMARY}, ${OF_SNAPSHOT}
    from jobs ${joins(actor)}
    where ${matching(actor, filter)}
    order by jobs.id desc
    limit ${filter.limit + 1}`.execute(db);
  return toPage(rows.map(withIsoTimes), filter.limit, ({ id }) => id);
}

function matching(actor: Actor, filter: JobFilter): RawBuilder<unknown> {
  const conditions: RawBuilder<unknown>[] = [visibleJob(actor)];
  if (isUuid(filter.cursor ?? "")) conditions.push(sql`jobs.id < ${filter.cursor}`);
  if (filter.status) conditions.push(sql`jobs.status = ${filter.status}`);
  if (filter.type) conditions.push(sql`jobs.type = ${filter.type}`);
  if (filter.project_id) conditions.push(sql`jobs.project_id = ${filter.project_id}`);
  if (filter.created_by) conditions.push(sql`jobs.created_by = ${filter.created_by}`);
  if (filter.trigger) conditions.push(sql`jobs.trigger = ${filter.trigger}`);
  if (filter.head_path !== undefined) conditions.push(sql`jobs.head_path = ${filter.head_path}`);
  if (filter.hit) conditions.push(sql`jobs.snapshot ->> 'hit' = ${filter.hit}`);
  if (filter.active === "true") conditions.push(sql`jobs.finished_at is null`);
  if (filter.active === "false") conditions.push(sql`jobs.finished_at is not null`);
  return sql.join(conditions, sql` and `);
}

/** What an event says of these jobs: only those that the actor may see. */
export async function readJobSummaries(
  db: Database,
  actor: Actor,
  ids: readonly string[],
): Promise<JobSummary[]> {
  const { rows } = await sql<SummaryRow>`
    select ${SUMMARY}, ${OF_SNAPSHOT}
    from jobs ${joins(actor)}
    where jobs.id = any (${ids}::uuid[]) and ${visibleJob(actor)}`.execute(db);
  return rows.map(withIsoTimes);
}

const STEPS = sql`(
  select jsonb_agg(jsonb_build_object('n', n, 'path', path, 'state_key', encode(state_key, 'hex'), 'outcome', outcome,
    'reason', reason, 'layer_id', layer_id, 'kept', kept, 'duration_ms', duration_ms, 'statements', statements,
    'bytes', bytes, 'volatile', volatile) order by n)
  from job_steps where job_id = jobs.id)`;

/** One job; undefined when there is none that the actor may see. Without `steps`, these are empty. */
export async function readJob(
  db: Database,
  actor: Actor,
  id: string,
  steps = true,
): Promise<JobFacts | undefined> {
  const { rows } = await sql<FactsRow>`
    select ${SUMMARY}, jobs.head_sql, jobs.tree is not null as has_files, jobs.variables, jobs.environment,
      jsonb_build_object('timeout_ms', jobs.timeout_ms, 'max_rows', jobs.max_rows, 'max_bytes', jobs.max_bytes) as limits,
      jobs.telemetry_context, jobs.stages, jobs.current, jobs.snapshot, jobs.metrics, jobs.result, jobs.attempt, jobs.sandbox,
      case when jobs.error is not null then jobs.error || jsonb_build_object(
        'job_id', jobs.id, 'request_id', jobs.http_request_id) end as error,
      case when jobs.cancel_requested_at is not null then jsonb_build_object(
        'requested_at', to_char(jobs.cancel_requested_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'by', ${personRef("cancelers")}) end as cancel,
      case when jobs.instance_id is not null then jsonb_build_object(
        'id', jobs.instance_id, 'name', coalesce(jobs.result ->> 'name', jobs.spec -> 'instance' ->> 'name')) end as instance,
      extract(epoch from coalesce(jobs.finished_at, clock_timestamp()) - coalesce(jobs.queued_at, jobs.created_at))::float8 * 1000 as elapsed_ms,
      (select count(*)::integer from job_steps where job_id = jobs.id) as steps_total,
      (select count(*)::integer from job_steps where job_id = jobs.id and outcome in ('hit', 'built')) as steps_done,
      coalesce(${steps ? STEPS : sql`null`}, '[]'::jsonb) as steps,
      ${LAST_LOGS} as last_logs
    from jobs ${joins(actor)}
    left join users as cancelers on cancelers.id = jobs.cancel_requested_by
    where jobs.id = ${id} and ${visibleJob(actor)}`.execute(db);
  if (!rows[0]) return undefined;
  const { stage, stages, current, elapsed_ms, steps_total, steps_done, ...row } = withIsoTimes(
    rows[0],
  );
  return {
    ...row,
    job_id: row.id,
    progress: { stage, stages, duration_ms: elapsed_ms, steps_total, steps_done, current },
  };
}

/**
 * The files that a job began with, and what it was to do with them; undefined when there is no such job that the actor may
 * see, or it has none. They stay while the transaction lasts.
 */
export async function readJobFiles(
  db: Database,
  actor: Actor,
  id: string,
): Promise<{ digest: Buffer; files: TreeFiles; spec: JobSpec } | undefined> {
  const { rows } = await sql<{ digest: Buffer; files: TreeFiles; spec: JobSpec }>`
    select trees.digest, trees.files, jobs.spec
    from jobs
    join trees on trees.org_id = jobs.org_id and trees.digest = jobs.tree
    where jobs.id = ${id} and ${visibleJob(actor)}
    for key share of trees`.execute(db);
  return rows[0];
}

/** Whether rows were copied for this job. The caller has made sure that the actor sees it. */
export async function hasCopiedRows(db: Database, id: string): Promise<boolean> {
  const { rows } = await sql`
    select from jobs where id = ${id} and spec -> 'rows_copied' = 'true'`.execute(db);
  return rows.length > 0;
}

const LINE = sql`job_logs.id, to_char(job_logs.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, job_logs.stage,
  job_logs.level, job_logs.source, job_logs.message, job_logs.path, job_logs.line, job_logs.statement, job_logs.sqlstate`;

const LAST_LOGS = sql`coalesce((
  select jsonb_agg(to_jsonb(last) order by last.id) from (
    select ${LINE} from job_logs where job_id = jobs.id order by id desc limit 20) as last), '[]'::jsonb)`;

/** Lines of the log after line `after`. The caller has made sure that the actor sees the job. */
export async function readJobLogs(
  db: Database,
  id: string,
  after: number,
  limit: number,
): Promise<JobLogsPage> {
  // Looked at before the lines: those of a job that had ended by then are all there are.
  const { rows: state } = await sql<{ ended: boolean }>`
    select finished_at is not null as ended from jobs where id = ${id}`.execute(db);
  const { rows } = await sql<LogLine>`
    select ${LINE} from job_logs where job_id = ${id} and id > ${after} order by id limit ${limit}`.execute(
    db,
  );
  const next_after = rows.at(-1)?.id ?? after;
  const finished = (state[0]?.ended ?? true) && rows.length < limit;
  return { items: rows, next_after, finished };
}

function withIsoTimes<T extends Times>(row: T) {
  const times = TIMES.map((key) => [key, row[key]?.toISOString() ?? null]);
  return { ...row, ...(Object.fromEntries(times) as IsoTimes) };
}

type IsoTimes = Pick<JobSummary, (typeof TIMES)[number]>;
