/** Runs as people look at them: the history, and one run with all that is known of it. */
import type { RunStatus } from "@quern/contract/run-started";
import type { Run, RunKind, RunSummary } from "@quern/contract/runs";
import { type RawBuilder, sql } from "kysely";
import type { Actor } from "./actor.ts";
import type { Database } from "./db.ts";
import { visibleRun } from "./grants.ts";
import { containing, isUuid, toPage } from "./page.ts";
import { personRef } from "./queries.ts";

const TIMES = [
  "queued_at",
  "claimed_at",
  "started_at",
  "first_row_at",
  "finished_at",
  "result_expires_at",
] as const;
type RunRow = Omit<RunSummary, (typeof TIMES)[number]> & { queued_at: Date } & Record<
    Exclude<(typeof TIMES)[number], "queued_at">,
    Date | null
  >;
type FullRow = RunRow &
  Pick<Run, "params" | "sent_sql" | "callers" | "plan" | "statements" | "notices" | "report">;

const SUMMARY = sql`
  runs.id, runs.kind, runs.status, runs.sql, runs.priority, runs.trigger, runs.attempt, runs.runner,
  runs.traceparent, runs.retry_of,
  case when runs.source_run_id is not null then jsonb_build_object(
    'run_id', runs.source_run_id, 'statement', runs.source_statement) end as source,
  case when datasources.id is not null then jsonb_build_object('id', datasources.id, 'name', datasources.name) end as datasource,
  case when query_versions.query_id is not null then jsonb_build_object(
    'id', query_versions.query_id, 'name', query_versions.name, 'version', query_versions.version) end as query,
  jsonb_build_object('timeout_ms', runs.timeout_ms, 'max_rows', runs.max_rows, 'max_bytes', runs.max_bytes) as limits,
  ${personRef("makers")} as created_by,
  runs.queued_at, runs.claimed_at, runs.started_at, runs.first_row_at, runs.finished_at,
  runs.rows, runs.bytes, runs.truncated, runs.error,
  case when runs.cancel_requested_at is not null then jsonb_build_object(
    'requested_at', to_char(runs.cancel_requested_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'by', ${personRef("cancelers")}, 'confirmed', runs.cancel_confirmed) end as cancel,
  runs.cpu_ms, runs.peak_rss, runs.result_expires_at,
  runs.result_deleted_at is not null as result_expired`;

const JOINED = sql`
  runs
  left join datasources on datasources.id = runs.datasource_id
  left join query_versions on query_versions.query_id = runs.query_id and query_versions.version = runs.query_version
  left join users as makers on makers.id = runs.created_by
  left join users as cancelers on cancelers.id = runs.cancel_requested_by`;

export type RunFilter = {
  status?: RunStatus | undefined;
  kind?: RunKind | undefined;
  datasource_id?: string | undefined;
  query_id?: string | undefined;
  created_by?: string | undefined;
  search?: string | undefined;
  limit: number;
  cursor?: string | undefined;
};

/** Runs that the actor may see, the newest first: ids are ordered by time. The cursor is the id to start below. */
export async function listRuns(
  db: Database,
  actor: Actor,
  filter: RunFilter,
): Promise<{ items: RunSummary[]; next_cursor: string | null }> {
  const conditions = [visibleRun(actor)];
  const add = (condition: RawBuilder<boolean>) => conditions.push(condition);
  if (filter.status) add(sql`runs.status = ${filter.status}`);
  if (filter.kind) add(sql`runs.kind = ${filter.kind}`);
  if (filter.datasource_id) add(sql`runs.datasource_id = ${filter.datasource_id}`);
  if (filter.query_id) add(sql`runs.query_id = ${filter.query_id}`);
  if (filter.created_by) add(sql`runs.created_by = ${filter.created_by}`);
  if (filter.search) add(sql`runs.sql ilike ${containing(filter.search)}`);
  if (isUuid(filter.cursor ?? "")) add(sql`runs.id < ${filter.cursor}`);
  const { rows } = await sql<RunRow>`
    select ${SUMMARY} from ${JOINED}
    where ${sql.join(conditions, sql` and `)}
    order by runs.id desc
    limit ${filter.limit + 1}`.execute(db);
  return toPage(rows.map(withIsoTimes), filter.limit, (last) => last.id);
}

/** What an event says of these runs: only those that the actor may see. */
export async function readRunSummaries(
  db: Database,
  actor: Actor,
  ids: readonly string[],
): Promise<RunSummary[]> {
  const { rows } = await sql<RunRow>`
    select ${SUMMARY} from ${JOINED} where runs.id = any (${ids}::uuid[]) and ${visibleRun(actor)}`.execute(
    db,
  );
  return rows.map(withIsoTimes);
}

/** One run with what its statements gave; undefined when there is none that the actor may see. */
export async function readRun(db: Database, actor: Actor, id: string): Promise<Run | undefined> {
  const { rows } = await sql<FullRow>`
    select ${SUMMARY}, runs.params, null as sent_sql, '[]'::jsonb as callers, runs.plan, runs.notices, runs.report,
      coalesce((
        select jsonb_agg(to_jsonb(run_statements) - 'run_id' order by run_statements.index)
        from run_statements where run_statements.run_id = runs.id
      ), '[]') as statements
    from ${JOINED} where runs.id = ${id} and ${visibleRun(actor)}`.execute(db);
  return rows[0] ? withIsoTimes(rows[0]) : undefined;
}

function withIsoTimes<T extends RunRow>(row: T): T & Record<(typeof TIMES)[number], string> {
  const times = TIMES.map((key) => [key, row[key]?.toISOString() ?? null]);
  return { ...row, ...Object.fromEntries(times) };
}
