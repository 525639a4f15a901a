/**
 * What the tiles of a dashboard run, and which runs each tile has shown. The newest good one for the same values is what a
 * tile shows while a later one goes on or when it fails.
 */
import type { DashboardSettings } from "@quern/contract/dashboards";
import type { Parameter, ParameterValues } from "@quern/contract/parameters";
import { ParametersError } from "@quern/contract/parameters/errors";
import type { ProblemCode } from "@quern/contract/problem";
import type { Settings } from "@quern/contract/settings";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { Conflict } from "./conflict.ts";
import { readTiles, type TileSource, type TileTrouble } from "./dashboard-tiles.ts";
import { type Database, inTransaction } from "./db.ts";
import { visibleDashboard } from "./grants.ts";
import type { NewRun } from "./new-run.ts";
import { readSwaps, type Swap, type Swaps } from "./other-datasources.ts";
import { targetWithin } from "./query-target.ts";
import { readSettings } from "./settings.ts";
import {
  type AskedValues,
  checkFixedValues,
  refuseUnknownValues,
  valuesKey,
  valuesOfTile,
} from "./tile-values.ts";

export type TileWork = Omit<NewRun, "priority" | "trigger" | "request_id" | "max_age_s">;

/** Which of a tile's results are alike: those for the same values of the same query. */
export type TileValues = {
  key: Buffer;
  /** Whether these are the values that the dashboard opens with. */
  is_default: boolean;
};

type Prepared = {
  tile_id: string;
  title: string;
  /** The datasource that takes the place of the query's own. */
  on: { id: string; name: string } | null;
};
export type PreparedTile = Prepared &
  ({ run: TileWork; values: TileValues } | { problem: { code: ProblemCode; detail: string } });

type Asked = AskedValues & {
  tile_ids?: readonly string[] | null | undefined;
  /** Datasources in the place of others. The caller has made sure that the actor may write SQL. */
  on?: Swaps | undefined;
  /** When ranges that move with the clock are looked at: the present when left out. */
  now?: Date;
};

export type DashboardWork = { settings: DashboardSettings; tiles: PreparedTile[] };

/**
 * For each visualization tile of the dashboard, or of those with `tile_ids`, the run that shows it to the actor with these
 * values, or in words why there is none. Undefined when the actor sees no such dashboard. Throws `ParametersError` for values
 * that nothing asks for.
 */
export async function prepareTileRuns(
  db: Database,
  actor: Actor,
  dashboardId: string,
  asked: Asked = {},
): Promise<PreparedTile[] | undefined> {
  return (await prepareDashboard(db, actor, dashboardId, asked))?.tiles;
}

/** The same with the settings of the dashboard. */
export async function prepareDashboard(
  db: Database,
  actor: Actor,
  dashboardId: string,
  { now = new Date(), ...asked }: Asked,
): Promise<DashboardWork | undefined> {
  const { rows } = await sql<{ params: Parameter[]; settings: DashboardSettings }>`
    select params, settings from dashboards where id = ${dashboardId} and ${visibleDashboard(actor)}`.execute(
    db,
  );
  const dashboard = rows[0];
  if (!dashboard) return undefined;
  const { tiles, sources } = await readTiles(db, actor, dashboardId);
  refuseUnknownValues(dashboard, sources, asked);
  const [org, swaps] = await Promise.all([
    readSettings(db, actor.org_id),
    readSwaps(db, actor, asked.on ?? {}),
  ]);
  const context = { ...dashboard, org, swaps };
  const wanted = asked.tile_ids ? new Set(asked.tile_ids) : null;
  const prepared = sources
    .filter(({ id }) => wanted === null || wanted.has(id))
    .map((source) => prepareTile(context, source, asked, now));
  const unknown = [...(wanted ?? [])].filter((id) => !tiles.some((tile) => tile.id === id));
  return { settings: dashboard.settings, tiles: [...prepared, ...unknown.map(goneTile)] };
}

type Context = {
  params: Parameter[];
  settings: DashboardSettings;
  org: Settings;
  /** By the datasource of a query. */
  swaps: ReadonlyMap<string, Swap>;
};

function goneTile(tile_id: string): PreparedTile {
  const detail = "This tile is not on the dashboard any more. Reload the page.";
  return { tile_id, title: "", on: null, problem: { code: "not_found", detail } };
}

const TROUBLE: Record<TileTrouble, { code: ProblemCode; detail: string }> = {
  visualization_deleted: {
    code: "not_found",
    detail: "The chart of this tile was deleted. Choose another in the tile's settings.",
  },
  query_deleted: {
    code: "not_found",
    detail: "The query of this tile was deleted. Restore it, or choose another chart.",
  },
  datasource_deleted: {
    code: "not_found",
    detail: "The datasource of this tile's query was deleted. Choose a chart of another.",
  },
  not_allowed: {
    code: "not_allowed",
    detail:
      "You may not use the datasource of this tile. An admin can grant it to a group of yours.",
  },
};

function prepareTile(
  context: Context,
  source: TileSource,
  asked: AskedValues,
  now: Date,
): PreparedTile {
  const { id: tile_id, query, trouble } = source;
  const title = source.title ?? source.visualization?.name ?? "";
  if (trouble !== null || query === null) {
    return { tile_id, title, on: null, problem: TROUBLE[trouble ?? "query_deleted"] };
  }
  const swap = context.swaps.get(query.datasource.id);
  const on = swap?.datasource ? { id: swap.datasource.id, name: swap.datasource.name } : null;
  const tile = { tile_id, title, on };
  if (swap && swap.trouble !== null) return { ...tile, problem: swap.trouble };
  try {
    const { run, key } = workOfTile(context, source, query, asked, now);
    const is_default = swap === undefined && isDefault(context, source, asked, key, now);
    return { ...tile, run, values: { key, is_default } };
  } catch (error) {
    if (error instanceof ParametersError)
      return { ...tile, problem: { code: "invalid_request", detail: error.message } };
    if (error instanceof Conflict)
      return { ...tile, problem: { code: error.code, detail: error.message } };
    throw error;
  }
}

function workOfTile(
  context: Context,
  source: TileSource,
  saved: NonNullable<TileSource["query"]>,
  asked: AskedValues,
  now: Date,
): { run: TileWork; key: Buffer } {
  const swap = context.swaps.get(saved.datasource.id);
  const swapped = swap !== undefined && swap.trouble === null;
  const query = swapped ? { ...saved, datasource: swap.datasource } : saved;
  const { definitions, values } = valuesOfTile(context, source, query, asked, now);
  const scope = { settings: context.org, datasource: query.datasource.limits };
  const target = targetWithin(scope, { ...query, params: definitions }, { params: values, now });
  const in_place_of = swapped ? saved.datasource.id : null;
  const key = valuesKey(query, definitions, target.params ?? [], in_place_of);
  return { run: { kind: "query", ...target }, key };
}

/** Whether the key is that of the values that the dashboard opens with. */
function isDefault(
  context: Context,
  source: TileSource,
  asked: AskedValues,
  key: Buffer,
  now: Date,
): boolean {
  const own = asked.tile_params?.[source.id] ?? {};
  if (Object.keys(asked.params ?? {}).length + Object.keys(own).length === 0) return true;
  try {
    return workOfTile(context, source, source.query!, {}, now).key.equals(key);
  } catch (error) {
    // Without values it cannot run: then it has none that it opens with.
    if (error instanceof ParametersError) return false;
    throw error;
  }
}

/** Throws `ParametersError` when values that are to be fixed for a dashboard do not fit its parameters. False: the actor sees none. */
export async function demandFixedValues(
  db: Database,
  actor: Actor,
  dashboardId: string,
  values: ParameterValues,
): Promise<boolean> {
  const { rows } = await sql<{ params: Parameter[] }>`
    select params from dashboards where id = ${dashboardId} and ${visibleDashboard(actor)}`.execute(
    db,
  );
  if (!rows[0]) return false;
  const problems = checkFixedValues(rows[0].params, values);
  if (problems.length > 0) throw new ParametersError(problems);
  return true;
}

export type TileNote = { tile_id: string; run_id: string; values: TileValues };

/** Notes that a tile shows this run for these values. */
export async function noteTileRun(
  db: Database,
  tileId: string,
  runId: string,
  values: TileValues,
): Promise<void> {
  await noteTileRuns(db, [{ tile_id: tileId, run_id: runId, values }]);
}

/**
 * Notes what tiles show. Forgets what was older than the newest good run for the same values, and which values the dashboard
 * opened with before. Tiles that were just deleted are passed over.
 */
export async function noteTileRuns(db: Database, notes: readonly TileNote[]): Promise<void> {
  if (notes.length === 0) return;
  const noted = sql`unnest(${notes.map(({ tile_id }) => tile_id)}::uuid[], ${notes.map(({ run_id }) => run_id)}::uuid[],
    ${notes.map(({ values }) => values.key)}::bytea[], ${notes.map(({ values }) => values.is_default)}::boolean[])
    as noted (tile_id, run_id, values_key, is_default)`;
  await inTransaction(db, async (trx) => {
    await sql`
      insert into tile_runs (tile_id, run_id, values_key, is_default)
      select noted.tile_id, noted.run_id, noted.values_key, noted.is_default
      from ${noted} join tiles on tiles.id = noted.tile_id
      order by noted.tile_id, noted.values_key, noted.run_id
      -- Waits for whoever deletes a tile at this moment, and passes it over then.
      for key share of tiles
      on conflict do nothing`.execute(trx);
    await sql`
      update tile_runs set is_default = tile_runs.values_key = noted.values_key
      from ${noted}
      where noted.is_default and tile_runs.tile_id = noted.tile_id
        and tile_runs.is_default <> (tile_runs.values_key = noted.values_key)`.execute(trx);
    await sql`
      delete from tile_runs using ${noted}
      where tile_runs.tile_id = noted.tile_id and tile_runs.values_key = noted.values_key
        and tile_runs.run_id < (
          select good.run_id from tile_runs as good join runs on runs.id = good.run_id
          where good.tile_id = noted.tile_id and good.values_key = noted.values_key
            and runs.status = 'succeeded' and runs.result_deleted_at is null
          order by good.run_id desc limit 1)`.execute(trx);
  });
}

/**
 * Forgets notes that show nothing any more: of runs that ended a day ago without a result, or whose result was deleted.
 * Says how many.
 */
export async function sweepTileRuns(db: Database): Promise<number> {
  const swept = await sql`
    delete from tile_runs using runs
    where runs.id = tile_runs.run_id and runs.finished_at < now() - interval '1 day'
      and (runs.status <> 'succeeded' or runs.result_deleted_at is not null)`.execute(db);
  return Number(swept.numAffectedRows ?? 0n);
}
