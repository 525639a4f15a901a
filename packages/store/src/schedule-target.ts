/** What a firing runs, with the rights that its owner has now. */
import type { ParameterValues } from "@quern/contract/parameters";
import { ParametersError } from "@quern/contract/parameters/errors";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { Conflict } from "./conflict.ts";
import type { Database } from "./db.ts";
import { visibleQuery } from "./grants.ts";
import { findActor } from "./members.ts";
import type { NewRun } from "./new-run.ts";
import { type QueryTarget, type RunnableQuery, targetOfQuery } from "./query-target.ts";
import { type PreparedTile, prepareTileRuns, type TileValues } from "./tile-runs.ts";

/** Why a schedule cannot run anything now, in sentences for people. The cause is what is wrong with its values, where that is it. */
export class ScheduleTrouble extends Error {
  override name = "ScheduleTrouble";
}

export type TargetOfSchedule = {
  query_id: string | null;
  dashboard_id: string | null;
  tile_ids: string[] | null;
  params: ParameterValues;
};

export type PreparedRun = {
  tile_id: string | null;
  /** Of the tile, or the name of the query. */
  title: string;
  run: QueryTarget;
  /** Of a tile. */
  values?: TileValues;
};

/** The owner as an actor. Throws `ScheduleTrouble` when they may not run anything any more. */
export async function readOwner(db: Database, ownerId: string | null): Promise<Actor> {
  if (ownerId === null) {
    throw new ScheduleTrouble(
      "The person with whose rights it ran is gone. Take it over, and it runs with yours.",
    );
  }
  const owner = await findActor(db, ownerId);
  if (owner) return { ...owner, token_id: null };
  const { rows } = await sql<{
    name: string;
  }>`select name from users where id = ${ownerId}`.execute(db);
  throw new ScheduleTrouble(
    `${rows[0]?.name ?? "The person"}, with whose rights it runs, was deactivated. Take it over, and it runs with yours.`,
  );
}

/**
 * The runs of one firing, as of the instant that it was due: ranges such as the last day end there. Throws `ScheduleTrouble`
 * when there is nothing that can run; `problems` says what cannot while the rest can.
 */
export async function prepareFiring(
  db: Database,
  owner: Actor,
  target: TargetOfSchedule,
  due: Date,
): Promise<{ runs: PreparedRun[]; problems: string[] }> {
  return target.query_id === null
    ? prepareDashboard(db, owner, target.dashboard_id!, target, due)
    : { runs: [await prepareQuery(db, owner, target.query_id, target.params, due)], problems: [] };
}

async function prepareQuery(
  db: Database,
  owner: Actor,
  queryId: string,
  params: ParameterValues,
  now: Date,
): Promise<PreparedRun> {
  const { rows } = await sql<RunnableQuery & { name: string }>`
    select queries.id, queries.version, query_versions.name, query_versions.sql, query_versions.params, query_versions.limits,
      query_versions.result_ttl_s, jsonb_build_object('id', query_versions.datasource_id) as datasource
    from queries
    join query_versions on query_versions.query_id = queries.id and query_versions.version = queries.version
    where queries.id = ${queryId} and ${visibleQuery(owner)}`.execute(db);
  const query = rows[0];
  if (!query) throw new ScheduleTrouble(await whyUnseen(db, owner, "queries", queryId));
  try {
    return {
      tile_id: null,
      title: query.name,
      run: await targetOfQuery(db, query, { params, now }),
    };
  } catch (error) {
    if (error instanceof ParametersError || error instanceof Conflict)
      throw new ScheduleTrouble(error.message, { cause: error });
    throw error;
  }
}

async function prepareDashboard(
  db: Database,
  owner: Actor,
  dashboardId: string,
  { params, tile_ids }: TargetOfSchedule,
  now: Date,
): Promise<{ runs: PreparedRun[]; problems: string[] }> {
  const tiles = await prepareTilesOf(db, owner, dashboardId, { params, tile_ids }, now);
  const runs: PreparedRun[] = [];
  const problems: string[] = [];
  for (const tile of tiles) {
    if ("run" in tile) runs.push(tile);
    else problems.push(`“${tile.title}”: ${tile.problem.detail}`);
  }
  if (runs.length > 0) return { runs, problems };
  throw new ScheduleTrouble(
    problems.length > 0
      ? `No tile can run. ${problems.slice(0, 5).join(" ")}`
      : "The dashboard has no tile that shows data, or none of those that were chosen. Add one, or choose others.",
  );
}

async function prepareTilesOf(
  db: Database,
  owner: Actor,
  dashboardId: string,
  asked: Pick<TargetOfSchedule, "params" | "tile_ids">,
  now: Date,
): Promise<PreparedTile[]> {
  try {
    const tiles = await prepareTileRuns(db, owner, dashboardId, { ...asked, now });
    if (tiles) return tiles;
  } catch (error) {
    if (error instanceof ParametersError)
      throw new ScheduleTrouble(error.message, { cause: error });
    throw error;
  }
  throw new ScheduleTrouble(await whyUnseen(db, owner, "dashboards", dashboardId));
}

async function whyUnseen(
  db: Database,
  owner: Actor,
  table: "queries" | "dashboards",
  id: string,
): Promise<string> {
  const what = table === "queries" ? "query" : "dashboard";
  const { rows } = await sql<{ deleted: boolean }>`
    select deleted_at is not null as deleted from ${sql.table(table)} where id = ${id}`.execute(db);
  if (rows[0] === undefined || rows[0].deleted)
    return `Its ${what} was deleted. Restore it, or let the schedule run another.`;
  const right = what === "query" ? "use the datasource of its query" : "see its dashboard";
  return `${owner.name}, with whose rights it runs, may not ${right} any more. Ask an admin for the grant, or take it over, and it runs with yours.`;
}

/** A run of a firing, not yet in the queue. */
export function newRunOf({ run }: PreparedRun, firingId: string): NewRun {
  return {
    ...run,
    kind: "query",
    priority: "schedule",
    trigger: "schedule",
    request_id: firingId,
  };
}
