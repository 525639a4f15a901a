import { type RawBuilder, sql } from "kysely";
import type { Actor, DisplayScope } from "./actor.ts";
import { Conflict } from "./conflict.ts";
import type { Database } from "./db.ts";

export type Resource = { type: ResourceType; id: string };

/**
 * The registry: for each type of resource, the condition under which an actor may see the row of that table.
 * Every statement that reads such rows puts its condition into its `where`; `isVisible` asks for one id.
 */
const RESOURCES = {
  datasource: { table: "datasources", visible: visibleDatasource },
  query: { table: "queries", visible: visibleQuery },
  deleted_query: { table: "queries", visible: visibleDeletedQuery },
  visualization: { table: "visualizations", visible: visibleVisualization },
  dashboard: { table: "dashboards", visible: visibleDashboard },
  deleted_dashboard: { table: "dashboards", visible: visibleDeletedDashboard },
  playlist: { table: "playlists", visible: visiblePlaylist },
  display_link: { table: "display_links", visible: visibleDisplayLink },
  run: { table: "runs", visible: visibleRun },
  schedule: { table: "schedules", visible: visibleSchedule },
  project: { table: "projects", visible: visibleProject },
  deleted_project: { table: "projects", visible: visibleDeletedProject },
  job: { table: "jobs", visible: visibleJob },
  layer: { table: "layers", visible: visibleLayer },
} as const;
export type ResourceType = keyof typeof RESOURCES;

/** Whether `actor` may know of the resource at all. False for ids that do not exist. */
export async function isVisible(db: Database, actor: Actor, resource: Resource): Promise<boolean> {
  const { table, visible } = RESOURCES[resource.type];
  const { rows } = await sql<{ id: string }>`
    select id from ${sql.table(table)} where id = ${resource.id} and ${visible(actor)}`.execute(db);
  return rows.length === 1;
}

/** Rows of `datasources` that the actor may use: granted to one of their groups, or any for an admin. */
export function visibleDatasource(actor: Actor): RawBuilder<boolean> {
  return sql`(datasources.org_id = ${actor.org_id} and datasources.deleted_at is null
    and ${granted(actor, "datasource", sql`datasources.id`)})`;
}

/** Rows of `queries` whose datasource the actor may use. */
export function visibleQuery(actor: Actor): RawBuilder<boolean> {
  return sql`(queries.deleted_at is null and ${queryOfGrantedDatasource(actor)})`;
}

/**
 * The same for a statement that joins `queries` with its current row of `query_versions` and the `datasources` of that:
 * lists of thousands need not look them up again for each row.
 */
export function visibleJoinedQuery(actor: Actor): RawBuilder<boolean> {
  return sql`(queries.org_id = ${actor.org_id} and queries.deleted_at is null and ${visibleDatasource(actor)})`;
}

/** Deleted rows of `queries`, to bring them back. */
export function visibleDeletedQuery(actor: Actor): RawBuilder<boolean> {
  return sql`(queries.deleted_at is not null and ${queryOfGrantedDatasource(actor)})`;
}

/** Rows of `visualizations` whose query the actor may see. */
export function visibleVisualization(actor: Actor): RawBuilder<boolean> {
  return sql`(visualizations.org_id = ${actor.org_id} and exists (
    select from queries where queries.id = visualizations.query_id and ${visibleQuery(actor)}))`;
}

/** Rows of `schedules` whose query or dashboard the actor may see, or could if it were restored. */
export function visibleSchedule(actor: Actor): RawBuilder<boolean> {
  return sql`(schedules.org_id = ${actor.org_id} and case
    when schedules.query_id is not null then exists (
      select from queries where queries.id = schedules.query_id and ${queryOfGrantedDatasource(actor)})
    else exists (
      select from dashboards where dashboards.id = schedules.dashboard_id and ${ownOrGrantedDashboard(actor)}) end)`;
}

/** Rows of `dashboards` that the actor made or that are granted to one of their groups; any for an admin. */
export function visibleDashboard(actor: Actor): RawBuilder<boolean> {
  return sql`(dashboards.deleted_at is null and ${ownOrGrantedDashboard(actor)})`;
}

/** Deleted rows of `dashboards`, to bring them back. */
export function visibleDeletedDashboard(actor: Actor): RawBuilder<boolean> {
  return sql`(dashboards.deleted_at is not null and ${ownOrGrantedDashboard(actor)})`;
}

function ownOrGrantedDashboard(actor: Actor): RawBuilder<boolean> {
  const seen = sql<boolean>`(dashboards.org_id = ${actor.org_id} and (dashboards.created_by = ${actor.user_id}
    or ${granted(actor, "dashboard", sql`dashboards.id`)}))`;
  if (!actor.display) return seen;
  const shown = actor.display.items.map(({ dashboard_id }) => dashboard_id);
  return sql`(dashboards.id = any (${shown}::uuid[]) and ${seen})`;
}

/** Rows of `playlists`. What they name is seen by those who see the dashboards. */
export function visiblePlaylist(actor: Actor): RawBuilder<boolean> {
  return sql`(playlists.org_id = ${actor.org_id})`;
}

/** Rows of `display_links` of a dashboard that the actor sees, or of a playlist. */
export function visibleDisplayLink(actor: Actor): RawBuilder<boolean> {
  return sql`(display_links.org_id = ${actor.org_id} and (display_links.playlist_id is not null or exists (
    select from dashboards where dashboards.id = display_links.dashboard_id and ${visibleDashboard(actor)})))`;
}

/** Rows of `projects` that the actor made or that are granted to one of their groups; any for an admin. */
export function visibleProject(actor: Actor): RawBuilder<boolean> {
  return sql`(projects.deleted_at is null and ${ownOrGrantedProject(actor)})`;
}

/** Deleted rows of `projects`, to bring them back. */
export function visibleDeletedProject(actor: Actor): RawBuilder<boolean> {
  return sql`(projects.deleted_at is not null and ${ownOrGrantedProject(actor)})`;
}

function ownOrGrantedProject(actor: Actor): RawBuilder<boolean> {
  return sql`(projects.org_id = ${actor.org_id} and (projects.created_by = ${actor.user_id}
    or ${granted(actor, "project", sql`projects.id`)}))`;
}

/**
 * Rows of `jobs`: an admin sees all, others their own and those for them, and those of projects that they see now, as long
 * as these ran the project as it is saved; editors, who may write SQL, also those whose head was typed in
 * and those of files that were being edited.
 */
export function visibleJob(actor: Actor): RawBuilder<boolean> {
  if (actor.role === "admin") return sql`(jobs.org_id = ${actor.org_id})`;
  const typed =
    actor.role === "editor"
      ? sql`true`
      : sql`jobs.head_sql is null and exists (
          select from project_versions as saved
          where saved.project_id = jobs.project_id and saved.version = jobs.project_version and saved.tree = jobs.tree)`;
  return sql`(jobs.org_id = ${actor.org_id} and (jobs.created_by = ${actor.user_id} or jobs.user_id = ${actor.user_id}
    or (${typed} and exists (
      select from projects where projects.id = jobs.project_id and ${visibleProject(actor)}))))`;
}

/** Rows of `layers` whose state is a step of a job that the actor may see; all for an admin. */
export function visibleLayer(actor: Actor): RawBuilder<boolean> {
  if (actor.role === "admin") return sql`(layers.org_id = ${actor.org_id})`;
  return sql`(layers.org_id = ${actor.org_id} and exists (
    select from job_steps
    join jobs on jobs.id = job_steps.job_id
    where job_steps.state_key = layers.state_key and ${visibleJob(actor)}))`;
}

/**
 * Rows of `runs`: an admin sees all. Others need the datasource's grant now, and then see their own runs and those of
 * queries that are saved on it and those they share; editors, who may write the same SQL, also see other people's. Heads are seen with their
 * jobs; tests of unsaved forms, what was made of heads, and comparisons of two datasources, by their maker. A screen sees the runs that its tiles show.
 */
export function visibleRun(actor: Actor): RawBuilder<boolean> {
  if (actor.display) return shownRun(actor, actor.display);
  if (actor.role === "admin") return sql`(runs.org_id = ${actor.org_id})`;
  const whose =
    actor.role === "editor"
      ? sql`true`
      : sql`(runs.created_by = ${actor.user_id} or (runs.query_id is not null and ${onOwnDatasource}) or exists (
          select from run_callers where run_callers.run_id = runs.id and run_callers.user_id = ${actor.user_id}))`;
  return sql`(runs.org_id = ${actor.org_id} and case
    when runs.datasource_id is null then (runs.created_by = ${actor.user_id} and not ${comparesHidden(actor)}) or (runs.job_id is not null and exists (
      select from jobs where jobs.id = runs.job_id and ${visibleJob(actor)}))
    else ${whose} and runs.datasource_id = any (array(${grantedDatasources(actor)})) end)`;
}

/** Whether the row of `runs` compares results of datasources that the actor may not use, or may use no longer. */
function comparesHidden(actor: Actor): RawBuilder<boolean> {
  return sql`(runs.kind = 'result_comparison' and exists (
    select from runs as sides
    where sides.id in (runs.source_run_id, (runs.spec->>'other_run_id')::uuid)
      and sides.datasource_id is not null and sides.datasource_id <> all (array(${grantedDatasources(actor)}))))`;
}

function shownRun(actor: Actor, { shown = [] }: DisplayScope): RawBuilder<boolean> {
  const tiles = shown.map(({ tile_id }) => tile_id);
  const keys = shown.map(({ values_key }) => values_key);
  return sql`(runs.org_id = ${actor.org_id} and ${granted(actor, "datasource", sql`runs.datasource_id`)} and exists (
    select from tile_runs
    join unnest(${tiles}::uuid[], ${keys}::bytea[]) as shown (tile_id, values_key)
      on shown.tile_id = tile_runs.tile_id and shown.values_key = tile_runs.values_key
    where tile_runs.run_id = runs.id))`;
}

/**
 * Rows of `runs` with the query that they name are where that version of it is saved. Else somebody ran it on another
 * datasource, which is like SQL that they typed there.
 */
export const onOwnDatasource = sql<boolean>`exists (
  select from query_versions
  where query_versions.query_id = runs.query_id and query_versions.version = runs.query_version
    and query_versions.datasource_id = runs.datasource_id)`;

/**
 * Ids of the datasources that the actor may use now, and of those of their instances, ended or not: read once in a
 * statement, however many rows it looks at.
 */
export function grantedDatasources(actor: Actor): RawBuilder<{ id: string }> {
  return sql`
    ${groupsDatasources(actor)}
    union all
    select own.id from datasources as own join instances on instances.id = own.instance_id
    where own.org_id = ${actor.org_id} and instances.owner_id = ${actor.user_id}`;
}

/** Ids of the datasources granted to groups of the actor's. */
export function groupsDatasources(actor: Actor): RawBuilder<{ id: string }> {
  return sql`
    select grants.resource_id from grants
    join effective_group_members as members on members.group_id = grants.group_id
    where grants.resource_type = 'datasource' and grants.org_id = ${actor.org_id}
      and members.user_id = ${actor.user_id}`;
}

function queryOfGrantedDatasource(actor: Actor): RawBuilder<boolean> {
  return sql`(queries.org_id = ${actor.org_id} and exists (
    select from query_versions
    join datasources on datasources.id = query_versions.datasource_id
    where query_versions.query_id = queries.id and query_versions.version = queries.version
      and ${visibleDatasource(actor)}))`;
}

function granted(
  actor: Actor,
  type: "datasource" | "dashboard" | "project",
  id: RawBuilder<unknown>,
): RawBuilder<boolean> {
  if (actor.role === "admin") return sql`true`;
  const byGroup = sql<boolean>`exists (
    select from grants
    join effective_group_members as members on members.group_id = grants.group_id
    where grants.resource_type = ${type} and grants.resource_id = ${id}
      and grants.org_id = ${actor.org_id} and members.user_id = ${actor.user_id})`;
  return type === "datasource" ? sql`(${byGroup} or ${ownInstance(actor, id)})` : byGroup;
}

/** The datasource of an instance is its owner's, without a grant. */
function ownInstance(actor: Actor, id: RawBuilder<unknown>): RawBuilder<boolean> {
  return sql`exists (
    select from datasources as own join instances on instances.id = own.instance_id
    where own.id = ${id} and own.org_id = ${actor.org_id} and instances.owner_id = ${actor.user_id})`;
}

/** Makes the grants of a resource exactly these groups. Throws `Conflict` when one does not exist. */
export async function setGrants(
  db: Database,
  actor: Actor,
  resource: Resource,
  groupIds: readonly string[],
): Promise<void> {
  const { rows: known } = await sql`
    select from groups where org_id = ${actor.org_id} and id = any (${groupIds}::uuid[])`.execute(
    db,
  );
  if (known.length < new Set(groupIds).size) {
    throw new Conflict(
      "invalid_request",
      "One of the groups does not exist. Reload, and choose again.",
    );
  }
  await sql`
    delete from grants
    where org_id = ${actor.org_id} and resource_type = ${resource.type} and resource_id = ${resource.id}
      and group_id <> all (${groupIds}::uuid[])`.execute(db);
  await sql`
    insert into grants (org_id, group_id, resource_type, resource_id, created_by)
    select groups.org_id, groups.id, ${resource.type}, ${resource.id}, ${actor.user_id}
    from groups
    where groups.org_id = ${actor.org_id} and groups.id = any (${groupIds}::uuid[])
    on conflict on constraint grants_key do nothing`.execute(db);
}
