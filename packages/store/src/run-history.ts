/** Runs as people look at them: the history, and one run with all that is known of it. */
import { ParametersError } from "@quern/contract/parameters/errors";
import { renderParameters } from "@quern/contract/parameters/render";
import { mayHaveParameters } from "@quern/contract/parameters/template";
import type { Run, RunSummary } from "@quern/contract/runs";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import type { Database } from "./db.ts";
import { grantedDatasources, visibleDashboard, visibleRun, visibleSchedule } from "./grants.ts";
import { isUuid, toPage } from "./page.ts";
import { personRef } from "./queries.ts";
import { candidates, matching, queuedAt, type RunFilter } from "./run-filter.ts";

const TIMES = [
  "queued_at",
  "claimed_at",
  "started_at",
  "first_row_at",
  "finished_at",
  "result_expires_at",
] as const;
/** Who shares the run now; of most runs that is who made it, and nothing is written down. */
const CALLERS = sql`coalesce(
  (select jsonb_agg(${personRef("people")} order by run_callers.joined_at, people.name, people.id)
      filter (where run_callers.detached_at is null)
    from run_callers join users as people on people.id = run_callers.user_id
    where run_callers.run_id = runs.id having count(*) > 0),
  case when makers.id is null then '[]' else jsonb_build_array(${personRef("makers")}) end)`;

/** Of schedules that the actor may see. */
function firingsOfRun(actor: Actor) {
  return sql`coalesce((
    select jsonb_agg(jsonb_build_object('id', firings.id,
      'fire_at', to_char(firings.fire_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
      'schedule', jsonb_build_object('id', schedules.id, 'name', schedules.name)) order by firings.fire_at, firings.id)
    from (select distinct firing_id from firing_runs where run_id = runs.id) as made
    join schedule_firings as firings on firings.id = made.firing_id
    join schedules on schedules.id = firings.schedule_id
    where ${visibleSchedule(actor)}), '[]')`;
}

/** That the actor may see. */
function dashboardsOfRun(actor: Actor) {
  return sql`coalesce((
    select jsonb_agg(jsonb_build_object('id', dashboards.id, 'name', dashboards.name) order by dashboards.name, dashboards.id)
    from dashboards
    where dashboards.id in (
        select tiles.dashboard_id from tile_runs join tiles on tiles.id = tile_runs.tile_id where tile_runs.run_id = runs.id)
      and ${visibleDashboard(actor)}), '[]')`;
}

type RunRow = Omit<RunSummary, (typeof TIMES)[number]> & { queued_at: Date } & Record<
    Exclude<(typeof TIMES)[number], "queued_at">,
    Date | null
  >;
type FullRow = RunRow &
  Pick<
    Run,
    "params" | "callers" | "firings" | "dashboards" | "plan" | "statements" | "notices" | "report"
  >;

/**
 * The query that the run is of, and where that is saved when it ran elsewhere. To people who may not use the datasource that
 * it is saved on such a run is SQL that somebody ran.
 */
function queryOfRun(actor: Actor) {
  const known =
    actor.role === "admin"
      ? sql`true`
      : sql`query_versions.datasource_id = any (array(${grantedDatasources(actor)}))`;
  return sql`case when query_versions.datasource_id = runs.datasource_id or ${known} then jsonb_build_object(
    'id', query_versions.query_id, 'name', query_versions.name, 'version', query_versions.version,
    'saved_on', case when query_versions.datasource_id <> runs.datasource_id then jsonb_build_object(
      'id', saved_on.id, 'name', saved_on.name) end) end`;
}

const summaryFor = (actor: Actor) => sql`
  runs.id, runs.kind, runs.status, runs.sql, runs.priority, runs.trigger, runs.attempt, runs.runner,
  runs.traceparent, runs.retry_of, runs.job_id,
  case when runs.source_run_id is not null then jsonb_build_object(
    'run_id', runs.source_run_id, 'statement', runs.source_statement) end as source,
  case when datasources.id is not null then jsonb_build_object('id', datasources.id, 'name', datasources.name) end as datasource,
  case when query_versions.query_id is not null then ${queryOfRun(actor)} end as query,
  jsonb_build_object('timeout_ms', runs.timeout_ms, 'max_rows', runs.max_rows, 'max_bytes', runs.max_bytes) as limits,
  ${personRef("makers")} as created_by,
  runs.queued_at, runs.claimed_at, runs.started_at, runs.first_row_at, runs.finished_at,
  runs.rows, runs.bytes, runs.truncated, runs.error,
  case when runs.cancel_requested_at is not null then jsonb_build_object(
    'requested_at', to_char(runs.cancel_requested_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'by', ${personRef("cancelers")}, 'confirmed', runs.cancel_confirmed) end as cancel,
  runs.cpu_ms, runs.peak_rss, runs.result_expires_at,
  runs.result_deleted_at is not null as result_expired`;

const JOINS = sql`
  left join datasources on datasources.id = runs.datasource_id
  left join query_versions on query_versions.query_id = runs.query_id and query_versions.version = runs.query_version
  left join datasources as saved_on on saved_on.id = query_versions.datasource_id
  left join users as makers on makers.id = runs.created_by
  left join users as cancelers on cancelers.id = runs.cancel_requested_by`;

/** Runs that a page looks through at most. A search of everything goes on from page to page. */
const LOOKED_THROUGH = 10_000;

/**
 * Runs that the actor may see, the newest first: ids are ordered by time. The cursor is the id to start below. A page may
 * have fewer runs than asked for, and a cursor all the same: then it was looked through so many, back to `searched_to`.
 */
export async function listRuns(
  db: Database,
  actor: Actor,
  filter: RunFilter & { limit: number; cursor?: string | undefined },
  most = LOOKED_THROUGH,
): Promise<{ items: RunSummary[]; next_cursor: string | null; searched_to: string | null }> {
  // Most pages fill from the first few runs.
  const little = Math.min(most, filter.limit * 10);
  const page = await readPage(db, actor, filter, little);
  return page.searched_to === null || little === most ? page : readPage(db, actor, filter, most);
}

async function readPage(
  db: Database,
  actor: Actor,
  filter: RunFilter & { limit: number; cursor?: string | undefined },
  most: number,
): Promise<{ items: RunSummary[]; next_cursor: string | null; searched_to: string | null }> {
  const before = isUuid(filter.cursor ?? "") ? filter.cursor! : null;
  const { some, budget } = await candidates(db, actor, filter, before, most);
  const { rows } = await sql<RunRow>`
    select ${summaryFor(actor)} from (
      select runs.*
      from (${some}) as runs
      where ${matching(actor, filter)}
      order by runs.id desc
      limit ${filter.limit + 1}
    ) as runs ${JOINS}
    order by runs.id desc`.execute(db);
  const page = toPage(rows.map(withIsoTimes), filter.limit, (last) => last.id);
  if (page.next_cursor !== null) return { ...page, searched_to: null };
  const { rows: last } = await sql<{ id: string }>`
    select id from (${some}) as candidates order by id desc offset ${budget - 1} limit 1`.execute(
    db,
  );
  if (!last[0]) return { ...page, searched_to: null };
  const { id } = last[0];
  return { ...page, next_cursor: id, searched_to: new Date(queuedAt(id)).toISOString() };
}

/** What an event says of these runs: only those that the actor may see. */
export async function readRunSummaries(
  db: Database,
  actor: Actor,
  ids: readonly string[],
): Promise<RunSummary[]> {
  const { rows } = await sql<RunRow>`
    select ${summaryFor(actor)} from runs ${JOINS} where runs.id = any (${ids}::uuid[]) and ${visibleRun(actor)}`.execute(
    db,
  );
  return rows.map(withIsoTimes);
}

/** One run with what its statements gave; undefined when there is none that the actor may see. */
export async function readRun(db: Database, actor: Actor, id: string): Promise<Run | undefined> {
  const { rows } = await sql<FullRow>`
    select ${summaryFor(actor)}, runs.params, ${CALLERS} as callers, ${firingsOfRun(actor)} as firings,
      ${dashboardsOfRun(actor)} as dashboards, runs.plan, runs.notices, runs.report,
      coalesce((
        select jsonb_agg(to_jsonb(run_statements) - 'run_id' order by run_statements.index)
        from run_statements where run_statements.run_id = runs.id
      ), '[]') as statements
    from runs ${JOINS} where runs.id = ${id} and ${visibleRun(actor)}`.execute(db);
  return rows[0] ? { ...withIsoTimes(rows[0]), sent_sql: sentSql(rows[0]) } : undefined;
}

/** As the engine was sent it; null when that is the run's own text, or when there is no telling. */
function sentSql({ sql: text, params }: Pick<Run, "sql" | "params">): string | null {
  if (text === null || !mayHaveParameters(text)) return null;
  try {
    const sent = renderParameters(text, params).sql;
    return sent === text ? null : sent;
  } catch (error) {
    if (error instanceof ParametersError) return null;
    throw error;
  }
}

function withIsoTimes<T extends RunRow>(row: T): T & Record<(typeof TIMES)[number], string> {
  const times = TIMES.map((key) => [key, row[key]?.toISOString() ?? null]);
  return { ...row, ...Object.fromEntries(times) };
}
