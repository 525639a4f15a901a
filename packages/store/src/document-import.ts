/** Dashboards out of documents: everything that a document names is made or changed in one transaction. */
import { randomUUID } from "node:crypto";
import type {
  DashboardDocument,
  DocumentClick,
  DocumentParameter,
} from "@quern/contract/dashboard-documents";
import type { Parameter } from "@quern/contract/parameters";
import { checkParameters } from "@quern/contract/parameters/definitions";
import type { TileClick, TileInput } from "@quern/contract/tiles";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { canonicalJson } from "./canonical-json.ts";
import { Conflict } from "./conflict.ts";
import { changeDashboard, createDashboard, type DashboardContent } from "./dashboard-changes.ts";
import { checkDashboard } from "./dashboard-check.ts";
import { type DocumentKeys, lockKey, NO_KEYS, writeDocumentKeys } from "./dashboard-documents.ts";
import { type Database, inTransaction } from "./db.ts";
import { checkKeys, refuse } from "./document-check.ts";
import { importSchedules } from "./document-schedules.ts";
import { isVisible, visibleDashboard, visibleDatasource } from "./grants.ts";
import { changeQuery, createQuery, type QueryContent, readQuery } from "./queries.ts";
import { refuseAboveMaximum } from "./run-limits.ts";
import { readLimitScope } from "./settings.ts";
import { changeVisualization, createVisualization } from "./visualizations.ts";

export type Import = {
  document: DashboardDocument;
  /** Which datasource stands for a name of the document; else the one that is called so. */
  datasources: Record<string, string>;
  on_existing: "keep" | "replace";
};
export type Imported = { id: string; outcome: "created" | "replaced" | "kept" };

type Found = {
  id: string;
  version: number;
  deleted: boolean;
  document_keys: Partial<DocumentKeys>;
};
type DocumentQuery = DashboardDocument["queries"][number];

/**
 * Throws `Conflict` (`invalid_request`), with the place of everything that is wrong, when the document does not fit together or
 * names datasources that the actor may not use; `not_allowed` for a dashboard that the actor does not see. Then nothing changes.
 */
export async function importDocument(
  db: Database,
  actor: Actor,
  request: Import,
): Promise<Imported> {
  const { document, on_existing } = request;
  return inTransaction(db, async (trx) => {
    await lockKey(actor.org_id, document.key).execute(trx);
    const found = await findByKey(trx, actor, document.key);
    if (found && (found.deleted || on_existing === "keep"))
      return { id: found.id, outcome: "kept" };
    if (found && !(await isVisible(trx, actor, { type: "dashboard", id: found.id }))) {
      throw new Conflict(
        "not_allowed",
        `There is a dashboard “${document.key}” that you may not see. Change the document's key.`,
      );
    }
    refuse(checkKeys(document));
    const known = { ...NO_KEYS, ...found?.document_keys };
    const datasources = await resolveDatasources(trx, actor, request);
    const queries = await importQueries(trx, actor, document, datasources, known.queries);
    const visualizations = await importVisualizations(
      trx,
      actor,
      document,
      queries,
      known.visualizations,
    );
    const dashboards = await findDashboards(trx, actor, document);
    const id = found?.id;
    const tiles = Object.fromEntries(
      document.tiles.map(({ key }) => [key, known.tiles[key] ?? randomUUID()]),
    );
    const keys: DocumentKeys = { queries, visualizations, tiles };
    const content = contentOf(document, keys, dashboards);
    refuse(await checkDashboard(trx, actor, id ?? null, content));
    const made = id ?? (await createDashboard(trx, actor, content, { tags: document.tags }));
    if (found)
      await changeDashboard(trx, actor, made, found.version, content, { tags: document.tags });
    await writeDocumentKeys(trx, made, document.key, keys);
    await importSchedules(trx, actor, made, document.schedules, tiles);
    return { id: made, outcome: found ? "replaced" : "created" };
  });
}

async function findByKey(trx: Database, actor: Actor, key: string): Promise<Found | undefined> {
  const { rows } = await sql<Found>`
    select id, version, deleted_at is not null as deleted, document_keys
    from dashboards where org_id = ${actor.org_id} and key = ${key}`.execute(trx);
  return rows[0];
}

/** By name, the ids of the datasources that the queries use. */
async function resolveDatasources(
  trx: Database,
  actor: Actor,
  { document, datasources }: Import,
): Promise<Map<string, string>> {
  const names = [...new Set(document.queries.map(({ datasource }) => datasource))];
  const { rows } = await sql<{ id: string; name: string }>`
    select id, name from datasources where ${visibleDatasource(actor)}`.execute(trx);
  const ids = new Set(rows.map(({ id }) => id));
  const byName = new Map(rows.map(({ id, name }) => [name.toLowerCase(), id]));
  const resolved = new Map<string, string>();
  for (const name of names) {
    const id = datasources[name] ?? byName.get(name.toLowerCase());
    if (id !== undefined && ids.has(id)) resolved.set(name, id);
  }
  refuse(
    document.queries.flatMap(({ datasource }, index) =>
      resolved.has(datasource)
        ? []
        : [
            {
              path: `queries.${index}.datasource`,
              message: `There is no datasource “${datasource}” that you may use. Say which one stands for it.`,
            },
          ],
    ),
  );
  return resolved;
}

/** Queries whose options come from another query are made after that one. Returns ids by key. */
async function importQueries(
  trx: Database,
  actor: Actor,
  document: DashboardDocument,
  datasources: Map<string, string>,
  known: Record<string, string>,
): Promise<Record<string, string>> {
  const ids: Record<string, string> = {};
  const waiting = new Map(document.queries.map((query, index) => [query.key, { query, index }]));
  while (waiting.size > 0) {
    const ready = [...waiting.values()].filter(({ query }) =>
      query.params.every(
        ({ options_query }) => !options_query || ids[options_query.query] !== undefined,
      ),
    );
    const [stuck] = waiting.values();
    if (ready.length === 0 && stuck) {
      const { key } = stuck.query;
      const message = `The options of “${key}” come from a query that waits for “${key}” itself.`;
      refuse([{ path: `queries.${stuck.index}.params`, message }]);
    }
    for (const { query, index } of ready) {
      const content = queryContent(query, datasources.get(query.datasource)!, ids);
      await demandSound(trx, content, `queries.${index}`);
      ids[query.key] = await saveQuery(trx, actor, content, known[query.key]);
      waiting.delete(query.key);
    }
  }
  return ids;
}

function queryContent(
  query: DocumentQuery,
  datasource_id: string,
  ids: Record<string, string>,
): QueryContent {
  const { name, description, sql: text, limits = {}, result_ttl_s = null } = query;
  return {
    name,
    description,
    datasource_id,
    sql: text,
    params: paramsOf(query.params, ids),
    limits,
    result_ttl_s,
  };
}

async function demandSound(trx: Database, content: QueryContent, path: string): Promise<void> {
  refuse(
    checkParameters(content.sql, content.params).map((problem) => ({
      ...problem,
      path: `${path}.${problem.path}`,
    })),
  );
  const scope = await readLimitScope(trx, content.datasource_id);
  if (!scope)
    throw new Conflict("not_found", "A datasource of the document was deleted meanwhile.");
  const asked = { ...content.limits, result_ttl_s: content.result_ttl_s };
  refuseAboveMaximum(
    asked,
    scope.settings.limits,
    scope.datasource,
    `body.document.${path}.limits`,
  );
}

/** The query of an earlier import, as a new version when it differs; a new one when there is none, or it was deleted. */
async function saveQuery(
  trx: Database,
  actor: Actor,
  content: QueryContent,
  known: string | undefined,
): Promise<string> {
  const before = known === undefined ? undefined : await readQuery(trx, actor, known);
  if (!before) return createQuery(trx, actor, content);
  const { name, description, datasource, sql: text, params, limits, result_ttl_s } = before;
  const was: QueryContent = {
    name,
    description,
    datasource_id: datasource.id,
    sql: text,
    params,
    limits,
    result_ttl_s,
  };
  if (canonicalJson(was) !== canonicalJson(content))
    await changeQuery(trx, actor, before.id, before.version, content);
  return before.id;
}

async function importVisualizations(
  trx: Database,
  actor: Actor,
  document: DashboardDocument,
  queries: Record<string, string>,
  known: Record<string, string>,
): Promise<Record<string, string>> {
  const ids: Record<string, string> = {};
  for (const { key, query, name, config } of document.visualizations) {
    const query_id = queries[query]!;
    const { rows } = await sql<{ id: string }>`
      select id from visualizations where id = ${known[key] ?? null}::uuid and query_id = ${query_id}`.execute(
      trx,
    );
    const before = rows[0]?.id;
    if (before !== undefined) await changeVisualization(trx, actor, before, { name, config });
    ids[key] = before ?? (await createVisualization(trx, actor, { query_id, name, config }));
  }
  return ids;
}

/** By key, the other dashboards that clicks lead to. */
async function findDashboards(
  trx: Database,
  actor: Actor,
  document: DashboardDocument,
): Promise<Map<string, string>> {
  const keys = document.tiles.flatMap((tile) =>
    tile.type === "visualization" && tile.click?.type === "dashboard" ? [tile.click.dashboard] : [],
  );
  const { rows } = await sql<{ key: string; id: string }>`
    select key, id from dashboards where key = any (${keys}) and ${visibleDashboard(actor)}`.execute(
    trx,
  );
  const found = new Map(rows.map(({ key, id }) => [key, id]));
  refuse(
    document.tiles.flatMap((tile, index) =>
      tile.type === "visualization" &&
      tile.click?.type === "dashboard" &&
      !found.has(tile.click.dashboard)
        ? [
            {
              path: `tiles.${index}.click.dashboard`,
              message: `There is no dashboard “${tile.click.dashboard}”. Import that one first.`,
            },
          ]
        : [],
    ),
  );
  return found;
}

function contentOf(
  document: DashboardDocument,
  keys: DocumentKeys,
  dashboards: Map<string, string>,
): DashboardContent {
  const { name, description, params, settings } = document;
  const tiles = document.tiles.map((tile): TileInput => {
    const id = keys.tiles[tile.key]!;
    if (tile.type !== "visualization") {
      const { key: _, ...rest } = tile;
      return { id, ...rest };
    }
    const { key: _, visualization, click, ...rest } = tile;
    const visualization_id = keys.visualizations[visualization]!;
    return { id, ...rest, visualization_id, click: clickOf(click, keys, dashboards) };
  });
  return { name, description, params: paramsOf(params, keys.queries), settings, tiles };
}

function clickOf(
  click: DocumentClick | null,
  keys: DocumentKeys,
  dashboards: Map<string, string>,
): TileClick | null {
  if (click?.type === "dashboard") {
    const { dashboard, ...rest } = click;
    return { ...rest, dashboard_id: dashboards.get(dashboard)! };
  }
  if (click?.type === "query") {
    const { query, ...rest } = click;
    return { ...rest, query_id: keys.queries[query]! };
  }
  return click;
}

function paramsOf(params: readonly DocumentParameter[], ids: Record<string, string>): Parameter[] {
  return params.map(({ options_query, ...parameter }) => {
    if (!options_query) return parameter;
    const { query, ...options } = options_query;
    return { ...parameter, options_query: { ...options, query_id: ids[query]! } };
  });
}
