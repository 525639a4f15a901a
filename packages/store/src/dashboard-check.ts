/** What is wrong with a dashboard that is to be saved. What an earlier save of it had may stay, so that nobody is locked out. */

import type { Parameter } from "@quern/contract/parameters";
import { canBind } from "@quern/contract/parameters/binding";
import { checkParameters } from "@quern/contract/parameters/definitions";
import { type ParameterProblem, ValueError } from "@quern/contract/parameters/errors";
import { isTimeZone } from "@quern/contract/parameters/times";
import { boundValue, isAll } from "@quern/contract/parameters/value";
import type { TileInput } from "@quern/contract/tiles";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { canonicalJson } from "./canonical-json.ts";
import type { DashboardContent } from "./dashboard-changes.ts";
import type { Database } from "./db.ts";
import { visibleDashboard, visibleQuery, visibleVisualization } from "./grants.ts";

const COLUMNS = 24;

type ChartTile = Extract<TileInput, { type: "visualization" }>;
type Charted = { id: string; query: string; params: Parameter[] };
/** `kept`: what of the tile has the problem, which may stay as it was in an earlier save. */
type TileProblem = ParameterProblem & { kept?: unknown };

/** All that is wrong; `id` is null for a new dashboard. Paths are those of the request's body. */
export async function checkDashboard(
  db: Database,
  actor: Actor,
  id: string | null,
  content: DashboardContent,
): Promise<ParameterProblem[]> {
  const { params, settings, tiles } = content;
  const charts = await readCharts(db, actor, tiles);
  const targets = await readTargets(db, actor, tiles);
  const found: TileProblem[] = [
    ...checkParameters("", params),
    ...checkZone(settings.time_zone),
    ...checkPlaces(tiles),
    ...tiles.flatMap((tile, index) =>
      tile.type === "visualization"
        ? [
            ...checkChart(tile, index, charts.get(tile.visualization_id), params),
            ...checkClick(tile, index, params, targets),
          ]
        : [],
    ),
  ];
  if (id === null || found.every(({ kept }) => kept === undefined)) return found.map(withoutKept);
  const earlier = await readEarlier(db, id);
  return found
    .filter(({ kept }) => kept === undefined || !earlier.has(canonicalJson(kept)))
    .map(withoutKept);
}

function withoutKept({ kept: _, ...problem }: TileProblem): ParameterProblem {
  return problem;
}

function checkZone(zone: string | null): ParameterProblem[] {
  if (zone === null || isTimeZone(zone)) return [];
  const message = `There is no time zone ${zone}; write America/Toronto, say.`;
  return [{ path: "settings.time_zone", message }];
}

function checkPlaces(tiles: readonly TileInput[]): ParameterProblem[] {
  const seen = new Set<string>();
  return tiles.flatMap(({ id, place }, index) => {
    const problems: ParameterProblem[] = [];
    if (seen.has(id))
      problems.push({ path: `tiles.${index}.id`, message: "Two tiles have the same id." });
    seen.add(id);
    if (place.x + place.width > COLUMNS) {
      const message = `A tile at column ${place.x} may be ${COLUMNS - place.x} columns wide at most: the grid has ${COLUMNS}.`;
      problems.push({ path: `tiles.${index}.place.width`, message });
    }
    return problems;
  });
}

function checkChart(
  tile: ChartTile,
  index: number,
  chart: Charted | undefined,
  params: readonly Parameter[],
): TileProblem[] {
  const { visualization_id, bindings } = tile;
  const unbound = checkBoundNames(tile, index, params);
  if (!chart) {
    const message = "The chart does not exist any more, or you may not see it. Choose another.";
    const path = `tiles.${index}.visualization_id`;
    return [{ path, message, kept: { visualization_id } }, ...unbound];
  }
  const problems = Object.entries(bindings).flatMap(([name, binding]): TileProblem[] => {
    const path = `tiles.${index}.bindings.${name}`;
    const kept = { visualization_id, name, binding };
    const parameter = chart.params.find((each) => each.name === name);
    if (!parameter) {
      const message = `The query “${chart.query}” has no parameter called “${name}”. Take the binding out, or bind another.`;
      return [{ path, message, kept }];
    }
    if (binding.type === "fixed") return checkFixed(parameter, binding.value, path, kept);
    const from =
      binding.type === "dashboard" ? params.find((each) => each.name === binding.name) : undefined;
    if (!from || canBind(from, parameter)) return [];
    const message = `“${from.name}” is ${from.type} and cannot give a value to “${name}” of the query “${chart.query}”, which is ${parameter.type}.`;
    // A parameter of the query that became another type may wait; one of the dashboard is in this save.
    return [{ path, message, kept: { ...kept, from: kindOf(from) } }];
  });
  return [...unbound, ...problems];
}

/** Parameters of the dashboard are part of what is saved: a name that it does not have is never kept. */
function checkBoundNames(
  { bindings }: ChartTile,
  index: number,
  params: readonly Parameter[],
): TileProblem[] {
  return Object.entries(bindings).flatMap(([name, binding]) =>
    binding.type === "dashboard" && !params.some((each) => each.name === binding.name)
      ? [
          {
            path: `tiles.${index}.bindings.${name}`,
            message: `The dashboard has no parameter called “${binding.name}”. Add it, or bind “${name}” to another.`,
          },
        ]
      : [],
  );
}

function checkFixed(
  parameter: Parameter,
  value: Parameter["default"],
  path: string,
  kept: unknown,
): TileProblem[] {
  if (value === undefined || isAll(value)) return [];
  try {
    boundValue(parameter, value, new Date());
    return [];
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    return [{ path, message: `The value for “${parameter.name}” ${error.message}.`, kept }];
  }
}

function checkClick(
  { click }: ChartTile,
  index: number,
  params: readonly Parameter[],
  targets: ReadonlySet<string>,
): TileProblem[] {
  if (click === null || click.type === "link") return [];
  const path = `tiles.${index}.click`;
  const missing = (name: string) => !params.some((each) => each.name === name);
  const problems: TileProblem[] = Object.entries(click.set).flatMap(([name, value]) => {
    const unknown =
      click.type === "filter" && missing(name)
        ? name
        : value.type === "parameter" && missing(value.name)
          ? value.name
          : null;
    if (unknown === null) return [];
    const message = `The dashboard has no parameter called “${unknown}”. Add it, or change what a click does.`;
    return [{ path: `${path}.set.${name}`, message }];
  });
  if (click.type === "filter") return problems;
  const target = click.type === "dashboard" ? click.dashboard_id : click.query_id;
  if (targets.has(target)) return problems;
  const message = `The ${click.type} that a click leads to does not exist any more, or you may not see it. Choose another.`;
  return [...problems, { path, message, kept: { target } }];
}

/** Charts that the tiles name and the actor may see. */
async function readCharts(
  db: Database,
  actor: Actor,
  tiles: readonly TileInput[],
): Promise<Map<string, Charted>> {
  const ids = tiles.flatMap((tile) =>
    tile.type === "visualization" ? [tile.visualization_id] : [],
  );
  const { rows } = await sql<Charted>`
    select visualizations.id, query_versions.name as query, query_versions.params
    from visualizations
    join queries on queries.id = visualizations.query_id
    join query_versions on query_versions.query_id = queries.id and query_versions.version = queries.version
    where visualizations.id = any (${ids}::uuid[]) and ${visibleVisualization(actor)}`.execute(db);
  return new Map(rows.map((row) => [row.id, row]));
}

/** Ids of the dashboards and queries that clicks lead to and the actor may see. */
async function readTargets(
  db: Database,
  actor: Actor,
  tiles: readonly TileInput[],
): Promise<Set<string>> {
  const clicks = tiles.flatMap((tile) =>
    tile.type === "visualization" && tile.click ? [tile.click] : [],
  );
  const ids = clicks.flatMap((click) =>
    click.type === "dashboard"
      ? [click.dashboard_id]
      : click.type === "query"
        ? [click.query_id]
        : [],
  );
  if (ids.length === 0) return new Set();
  const { rows } = await sql<{ id: string }>`
    select id from dashboards where id = any (${ids}::uuid[]) and ${visibleDashboard(actor)}
    union all select id from queries where id = any (${ids}::uuid[]) and ${visibleQuery(actor)}`.execute(
    db,
  );
  return new Set(rows.map(({ id }) => id));
}

/** What may stay as it was in one of the saves, each as canonical JSON. */
async function readEarlier(db: Database, id: string): Promise<Set<string>> {
  const { rows } = await sql<{ tile: TileInput; params: Parameter[] }>`
    select distinct tiles.tile, versions.params
    from dashboard_versions as versions cross join jsonb_array_elements(versions.tiles) as tiles (tile)
    where versions.dashboard_id = ${id} and tiles.tile ->> 'type' = 'visualization'`.execute(db);
  const kept = rows.flatMap(({ tile, params }): unknown[] => {
    if (tile.type !== "visualization") return [];
    const { visualization_id, bindings, click } = tile;
    return [
      { visualization_id },
      ...Object.entries(bindings).flatMap(([name, binding]) => {
        const bound = { visualization_id, name, binding };
        const from = params.find(
          (each) => binding.type === "dashboard" && each.name === binding.name,
        );
        return from ? [bound, { ...bound, from: kindOf(from) }] : [bound];
      }),
      ...(click?.type === "dashboard" ? [{ target: click.dashboard_id }] : []),
      ...(click?.type === "query" ? [{ target: click.query_id }] : []),
    ];
  });
  return new Set(kept.map(canonicalJson));
}

function kindOf({ type, multiple }: Parameter) {
  return { type, multiple: multiple ?? false };
}
