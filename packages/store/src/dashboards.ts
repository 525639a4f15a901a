/** Dashboards as people look at them: lists, one with its tiles, and its earlier saves. */
import type { Dashboard, DashboardSummary, DashboardVersion } from "@quern/contract/dashboards";
import type { DashboardEvent } from "@quern/contract/events";
import { type RawBuilder, sql } from "kysely";
import type { Actor } from "./actor.ts";
import { readTiles } from "./dashboard-tiles.ts";
import type { Database } from "./db.ts";
import { visibleDashboard } from "./grants.ts";
import { containing, isUuid, toPage } from "./page.ts";
import { personRef } from "./queries.ts";

type Times = { created_at: Date; updated_at: Date };
type SummaryRow = Omit<DashboardSummary, keyof Times> & Times;
type DashboardRow = SummaryRow & Pick<Dashboard, "params" | "settings">;

export type DashboardFilter = {
  search?: string | undefined;
  folder_id?: string | undefined;
  tag?: string | undefined;
  favorite?: "true" | undefined;
  query_id?: string | undefined;
  limit: number;
  cursor?: string | undefined;
};

/** Dashboards the actor may see, the last changed first. A cursor that is not one of ours starts at the beginning. */
export async function listDashboards(
  db: Database,
  actor: Actor,
  filter: DashboardFilter,
): Promise<{ items: DashboardSummary[]; next_cursor: string | null }> {
  const after = readCursor(filter.cursor);
  const conditions = [visibleDashboard(actor)];
  if (filter.search !== undefined) {
    const pattern = containing(filter.search);
    conditions.push(
      sql`(dashboards.name ilike ${pattern} or dashboards.description ilike ${pattern})`,
    );
  }
  if (filter.folder_id !== undefined)
    conditions.push(sql`dashboards.folder_id = ${filter.folder_id}`);
  if (filter.tag !== undefined) conditions.push(sql`dashboards.tags @> array[${filter.tag}]`);
  if (filter.favorite !== undefined) conditions.push(isFavorite(actor));
  if (filter.query_id !== undefined) {
    conditions.push(sql`exists (
      select from tiles join visualizations on visualizations.id = tiles.visualization_id
      where tiles.dashboard_id = dashboards.id and visualizations.query_id = ${filter.query_id})`);
  }
  if (after) {
    conditions.push(
      sql`(date_trunc('milliseconds', dashboards.updated_at), dashboards.id) < (${after.at}::timestamptz, ${after.id}::uuid)`,
    );
  }
  const { rows } = await sql<SummaryRow>`
    ${summaries(actor)}
    where ${sql.join(conditions, sql` and `)}
    order by date_trunc('milliseconds', dashboards.updated_at) desc, dashboards.id desc
    limit ${filter.limit + 1}`.execute(db);
  return toPage(rows.map(withIsoTimes), filter.limit, (last) => `${last.updated_at}_${last.id}`);
}

/** One dashboard that the actor may see, with its tiles in reading order. */
export async function readDashboard(
  db: Database,
  actor: Actor,
  id: string,
): Promise<Dashboard | undefined> {
  const { rows } = await sql<DashboardRow>`
    ${summaries(actor, sql`, dashboards.params, dashboards.settings`)}
    where dashboards.id = ${id} and ${visibleDashboard(actor)}`.execute(db);
  if (!rows[0]) return undefined;
  const { tiles } = await readTiles(db, actor, id);
  // A screen shows tiles; people are not for it.
  const screened = actor.display ? { groups: [], created_by: null, updated_by: null } : {};
  return { ...withIsoTimes(rows[0]), tiles, ...screened };
}

function summaries(actor: Actor, more = sql``): RawBuilder<unknown> {
  return sql`
    select dashboards.id, dashboards.name, dashboards.description, dashboards.version,
      (select count(*)::integer from tiles where tiles.dashboard_id = dashboards.id) as tiles,
      coalesce((
        select jsonb_agg(jsonb_build_object('id', groups.id, 'name', groups.name) order by groups.system nulls last, groups.name)
        from grants join groups on groups.id = grants.group_id
        where grants.resource_type = 'dashboard' and grants.resource_id = dashboards.id
      ), '[]') as groups,
      dashboards.folder_id, dashboards.tags, ${isFavorite(actor)} as favorite,
      ${personRef("creators")} as created_by, dashboards.created_at,
      ${personRef("savers")} as updated_by, dashboards.updated_at ${more}
    from dashboards
    left join users as creators on creators.id = dashboards.created_by
    left join users as savers on savers.id = dashboards.updated_by`;
}

function isFavorite(actor: Actor): RawBuilder<boolean> {
  return sql`exists (
    select from favorites where favorites.user_id = ${actor.user_id}
      and favorites.resource_type = 'dashboard' and favorites.resource_id = dashboards.id)`;
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

/** Saves of these dashboards, those that the actor may see, for whoever shows them. */
export async function readDashboardEvents(
  db: Database,
  actor: Actor,
  ids: readonly string[],
): Promise<DashboardEvent[]> {
  const { rows } = await sql<DashboardEvent>`
    select dashboards.id, dashboards.version, ${personRef("savers")} as updated_by
    from dashboards left join users as savers on savers.id = dashboards.updated_by
    where dashboards.id = any (${ids}::uuid[]) and ${visibleDashboard(actor)}`.execute(db);
  return actor.display ? rows.map((row) => ({ ...row, updated_by: null })) : rows;
}

/** Every save, the newest first. The caller has made sure that the actor sees the dashboard. The cursor is the version to start below. */
export async function listDashboardVersions(
  db: Database,
  id: string,
  page: { limit: number; cursor?: string | undefined },
): Promise<{ items: DashboardVersion[]; next_cursor: string | null }> {
  const before =
    page.cursor !== undefined && /^\d{1,9}$/.test(page.cursor) ? Number(page.cursor) : null;
  const { rows } = await sql<Omit<DashboardVersion, "created_at"> & { created_at: Date }>`
    select versions.version, versions.name, versions.description, versions.params, versions.settings, versions.tiles,
      ${personRef("users")} as created_by, versions.created_at
    from dashboard_versions as versions
    left join users on users.id = versions.created_by
    where versions.dashboard_id = ${id} and (${before}::int is null or versions.version < ${before})
    order by versions.version desc
    limit ${page.limit + 1}`.execute(db);
  const versions = rows.map((row) => ({ ...row, created_at: row.created_at.toISOString() }));
  return toPage(versions, page.limit, (last) => String(last.version));
}
