/** Dashboards as documents. */
import {
  DashboardDocument,
  type DocumentClick,
  type DocumentParameter,
  type DocumentTile,
} from "@quern/contract/dashboard-documents";
import type { Dashboard } from "@quern/contract/dashboards";
import type { Parameter } from "@quern/contract/parameters";
import type { Query } from "@quern/contract/queries";
import type { Tile, TileClick } from "@quern/contract/tiles";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import {
  type DocumentKeys,
  keyOf,
  lockKey,
  NO_KEYS,
  nameKeys,
  writeDocumentKeys,
} from "./dashboard-documents.ts";
import { readDashboard } from "./dashboards.ts";
import { type Database, inTransaction } from "./db.ts";
import { exportSchedules } from "./document-schedules.ts";
import { readQuery } from "./queries.ts";

type ChartTile = Extract<Tile, { type: "visualization" }>;
type Charted = NonNullable<ChartTile["visualization"]>;
/** By id, what the document calls each thing. */
type Names = Record<keyof DocumentKeys, Map<string, string>> & { dashboards: Map<string, string> };

/**
 * The dashboard with all that the actor sees of it; tiles whose chart is gone, or not for them, are left out. What it calls
 * things is remembered, so that the next export, and an import, call them the same. Undefined when the actor sees no such
 * dashboard.
 */
export async function exportDocument(
  db: Database,
  actor: Actor,
  id: string,
): Promise<DashboardDocument | undefined> {
  return inTransaction(db, async (trx) => {
    const dashboard = await readDashboard(trx, actor, id);
    if (!dashboard) return undefined;
    const charts = new Map<string, Charted>();
    for (const tile of dashboard.tiles)
      if (tile.type === "visualization" && tile.visualization)
        charts.set(tile.visualization.id, tile.visualization);
    const queries = await readQueries(trx, actor, dashboard, [...charts.values()]);
    const names = await nameThings(trx, actor, dashboard, charts, queries);
    const key = names.dashboards.get(id)!;
    // Parsing puts the fields of each thing in the order of the schema: the same document is the same text.
    return DashboardDocument.parse({
      ...{
        format: "quern.dashboard/1",
        key,
        name: dashboard.name,
        description: dashboard.description,
      },
      ...{
        tags: dashboard.tags,
        params: paramsOf(dashboard.params, names),
        settings: dashboard.settings,
      },
      queries: byKey(queries.map((query) => queryOf(query, names))),
      visualizations: byKey(
        [...charts.values()].map(({ id: chart, name, config, query }) => ({
          ...{
            key: names.visualizations.get(chart)!,
            query: names.queries.get(query.id)!,
            name,
            config,
          },
        })),
      ),
      tiles: dashboard.tiles.flatMap((tile) => tileOf(tile, names)),
      schedules: await exportSchedules(trx, id, names.tiles),
    });
  });
}

/** The queries of the charts, of clicks, and of options of parameters, as far as the actor sees them. */
async function readQueries(
  trx: Database,
  actor: Actor,
  dashboard: Dashboard,
  charts: Charted[],
): Promise<Query[]> {
  const clicked = dashboard.tiles.flatMap((tile) =>
    tile.type === "visualization" && tile.click?.type === "query" ? [tile.click.query_id] : [],
  );
  const wanted = new Set([
    ...charts.map(({ query }) => query.id),
    ...clicked,
    ...optionsOf(dashboard.params),
  ]);
  const found: Query[] = [];
  // A set gives what is added while it is walked through.
  for (const queryId of wanted) {
    const query = await readQuery(trx, actor, queryId);
    if (!query) continue;
    found.push(query);
    for (const each of optionsOf(query.params)) wanted.add(each);
  }
  return found;
}

function optionsOf(params: readonly Parameter[]): string[] {
  return params.flatMap(({ options_query }) => (options_query ? [options_query.query_id] : []));
}

async function nameThings(
  trx: Database,
  actor: Actor,
  dashboard: Dashboard,
  charts: Map<string, Charted>,
  queries: Query[],
): Promise<Names> {
  const { rows } = await sql<{ key: string | null; document_keys: Partial<DocumentKeys> }>`
    select key, document_keys from dashboards where id = ${dashboard.id}`.execute(trx);
  const known = { ...NO_KEYS, ...rows[0]!.document_keys };
  const titled = dashboard.tiles.map((tile) => ({ id: tile.id, name: titleOf(tile) }));
  const names: Names = {
    queries: nameKeys(queries, known.queries),
    visualizations: nameKeys([...charts.values()], known.visualizations),
    tiles: nameKeys(titled, known.tiles),
    dashboards: await dashboardKeys(trx, dashboard),
  };
  const key = rows[0]!.key ?? (await freeKey(trx, actor, dashboard.name));
  names.dashboards.set(dashboard.id, key);
  const ids = (map: Map<string, string>) =>
    Object.fromEntries([...map].map(([id, name]) => [name, id]));
  const keys = {
    queries: ids(names.queries),
    visualizations: ids(names.visualizations),
    tiles: ids(names.tiles),
  };
  await writeDocumentKeys(trx, dashboard.id, key, keys);
  return names;
}

function titleOf(tile: Tile): string {
  return (
    tile.title ??
    (tile.type === "visualization" ? tile.visualization?.name : undefined) ??
    tile.type
  );
}

/** Other dashboards that clicks lead to, as far as they have a key: those that were never a document have none. */
async function dashboardKeys(trx: Database, dashboard: Dashboard): Promise<Map<string, string>> {
  const ids = dashboard.tiles.flatMap((tile) =>
    tile.type === "visualization" && tile.click?.type === "dashboard"
      ? [tile.click.dashboard_id]
      : [],
  );
  const { rows } = await sql<{ id: string; key: string }>`
    select id, key from dashboards where id = any (${ids}::uuid[]) and key is not null`.execute(
    trx,
  );
  return new Map(rows.map(({ id, key }) => [id, key]));
}

async function freeKey(trx: Database, actor: Actor, name: string): Promise<string> {
  const base = keyOf(name);
  await lockKey(actor.org_id, base).execute(trx);
  const { rows } = await sql<{ key: string }>`
    select key from dashboards where org_id = ${actor.org_id} and (key = ${base} or key like ${`${base}-%`})`.execute(
    trx,
  );
  const taken = new Set(rows.map(({ key }) => key));
  for (let n = 1; ; n++) {
    const key = n === 1 ? base : `${base}-${n}`;
    if (!taken.has(key)) return key;
  }
}

function queryOf(query: Query, names: Names) {
  const { id, name, description, datasource, sql: text, params, limits, result_ttl_s } = query;
  return {
    ...{ key: names.queries.get(id)!, name, description, datasource: datasource.name, sql: text },
    params: paramsOf(params, names),
    ...(Object.keys(limits).length > 0 ? { limits } : {}),
    ...(result_ttl_s === null ? {} : { result_ttl_s }),
  };
}

/** A query of options that the actor does not see stays out, and with it the options. */
function paramsOf(params: readonly Parameter[], names: Names): DocumentParameter[] {
  return params.map(({ options_query, ...parameter }) => {
    const query = options_query && names.queries.get(options_query.query_id);
    if (!options_query || query === undefined) return parameter;
    const { query_id: _, ...options } = options_query;
    return { ...parameter, options_query: { ...options, query } };
  });
}

function tileOf(tile: Tile, names: Names): DocumentTile[] {
  const key = names.tiles.get(tile.id)!;
  if (tile.type === "text")
    return [{ key, type: tile.type, title: tile.title, place: tile.place, content: tile.content }];
  if (tile.type === "section")
    return [
      { key, type: tile.type, title: tile.title, place: tile.place, collapsed: tile.collapsed },
    ];
  const visualization = tile.visualization && names.visualizations.get(tile.visualization.id);
  if (!visualization) return [];
  const { type, title, place, bindings } = tile;
  return [{ key, type, title, place, visualization, bindings, click: clickOf(tile.click, names) }];
}

/** A click that leads to what has no name here is left out. */
function clickOf(click: TileClick | null, names: Names): DocumentClick | null {
  if (click?.type === "dashboard") {
    const dashboard = names.dashboards.get(click.dashboard_id);
    return dashboard === undefined ? null : { type: click.type, dashboard, set: click.set };
  }
  if (click?.type === "query") {
    const query = names.queries.get(click.query_id);
    return query === undefined ? null : { type: click.type, query, set: click.set };
  }
  return click;
}

function byKey<T extends { key: string }>(things: T[]): T[] {
  return things.sort((one, other) => (one.key < other.key ? -1 : 1));
}
