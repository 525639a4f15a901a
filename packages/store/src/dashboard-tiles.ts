/** Tiles with the charts, queries and datasources behind them, as far as the actor may know of these. */
import type { ChartConfig } from "@quern/contract/chart-config";
import type { DashboardSettings } from "@quern/contract/dashboards";
import type { Limits } from "@quern/contract/datasources";
import type { Parameter } from "@quern/contract/parameters";
import type { Tile, TileBinding, TileClick, TilePlace } from "@quern/contract/tiles";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import type { Database } from "./db.ts";
import { grantedDatasources } from "./grants.ts";

export type TileTrouble = NonNullable<Extract<Tile, { type: "visualization" }>["trouble"]>;

/** What a visualization tile runs. `query` is null when `trouble` says why. */
export type TileSource = {
  id: string;
  title: string | null;
  visualization_id: string;
  bindings: Record<string, TileBinding>;
  click: TileClick | null;
  trouble: TileTrouble | null;
  visualization: { id: string; name: string; config: ChartConfig } | null;
  query: {
    id: string;
    name: string;
    version: number;
    sql: string;
    params: Parameter[];
    limits: Partial<Limits>;
    result_ttl_s: number | null;
    datasource: { id: string; name: string; limits: Partial<Limits> };
  } | null;
};

type TileRow = Omit<TileSource, "visualization_id"> & {
  visualization_id: string | null;
  type: Tile["type"];
  content: string | null;
  collapsed: boolean;
  place: TilePlace;
};

/** Tiles of a dashboard in reading order. The caller has made sure that the actor sees the dashboard. */
export async function readTiles(
  db: Database,
  actor: Actor,
  dashboardId: string,
): Promise<{ tiles: Tile[]; sources: TileSource[] }> {
  const granted =
    actor.role === "admin"
      ? sql`true`
      : sql`datasources.id = any (array(${grantedDatasources(actor)}))`;
  const { rows } = await sql<TileRow>`
    select shown.id, shown.type, shown.title, shown.content, shown.collapsed, shown.visualization_id, shown.bindings,
      shown.click, shown.place, shown.trouble,
      case when shown.trouble is null then shown.visualization end as visualization,
      case when shown.trouble is null then shown.query end as query
    from (
      select tiles.*,
        jsonb_build_object('x', tiles.x, 'y', tiles.y, 'width', tiles.width, 'height', tiles.height) as place,
        case
          when tiles.type <> 'visualization' then null
          when visualizations.id is null then 'visualization_deleted'
          -- Its grants went with it.
          when datasources.deleted_at is not null then 'datasource_deleted'
          when not (${granted}) then 'not_allowed'
          when queries.deleted_at is not null then 'query_deleted'
        end as trouble,
        jsonb_build_object('id', visualizations.id, 'name', visualizations.name, 'config', visualizations.config) as visualization,
        jsonb_build_object(
          'id', queries.id, 'name', query_versions.name, 'version', query_versions.version, 'sql', query_versions.sql,
          'params', query_versions.params, 'limits', query_versions.limits, 'result_ttl_s', query_versions.result_ttl_s,
          'datasource', jsonb_build_object('id', datasources.id, 'name', datasources.name, 'limits', datasources.limits)) as query
      from tiles
      left join visualizations on visualizations.id = tiles.visualization_id and visualizations.org_id = ${actor.org_id}
      left join queries on queries.id = visualizations.query_id
      left join query_versions on query_versions.query_id = queries.id and query_versions.version = queries.version
      left join datasources on datasources.id = query_versions.datasource_id
      where tiles.dashboard_id = ${dashboardId}
    ) as shown
    order by shown.y, shown.x, shown.id`.execute(db);
  return { tiles: rows.map(toTile), sources: rows.flatMap(toSource) };
}

function toSource(row: TileRow): TileSource[] {
  const { type, visualization_id, title, bindings, click, trouble, visualization, query } = row;
  if (type !== "visualization") return [];
  const id = visualization_id!;
  return [
    { id: row.id, visualization_id: id, title, bindings, click, trouble, visualization, query },
  ];
}

function toTile(row: TileRow): Tile {
  const { id, title, place } = row;
  switch (row.type) {
    case "text":
      return { id, type: "text", title, place, content: row.content ?? "" };
    case "section":
      return { id, type: "section", title, place, collapsed: row.collapsed };
    case "visualization": {
      const { bindings, click, visualization_id, trouble, visualization, query } = row;
      return {
        id,
        type: "visualization",
        title,
        place,
        visualization_id,
        bindings,
        click,
        trouble,
        visualization:
          visualization && query
            ? {
                ...visualization,
                query: {
                  id: query.id,
                  name: query.name,
                  version: query.version,
                  params: query.params,
                  datasource: { id: query.datasource.id, name: query.datasource.name },
                },
              }
            : null,
      };
    }
  }
}

/** What holds for a whole dashboard when nobody says otherwise. */
export const DEFAULT_DASHBOARD_SETTINGS: DashboardSettings = {
  refresh_s: null,
  max_age_s: 300,
  time_zone: null,
};
