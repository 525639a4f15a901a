/** Dashboards with charts of queries for tests. Only tests may import this file. */
import { randomUUID } from "node:crypto";
import type { Client } from "@quern/contract/client";
import { createDashboard, type Dashboard, type DashboardInput } from "@quern/contract/dashboards";
import type { Parameter } from "@quern/contract/parameters";
import { createQuery } from "@quern/contract/queries";
import type { TileBinding, TileInput } from "@quern/contract/tiles";
import { createVisualization } from "@quern/contract/visualizations";
import type { Database } from "@quern/store/db";
import { claimRuns, finishRun, type Outcome } from "@quern/store/queue";
import { SUCCEEDED } from "@quern/store/testing-fixtures";

export type Chart = { query_id: string; visualization_id: string };

const BARS = {
  type: "bar" as const,
  x: "a",
  y: ["b"],
  series: null,
  stacked: false,
  horizontal: false,
};

/** A chart of a new query. */
export async function makeChart(
  client: Client,
  datasource_id: string,
  query: { sql?: string; params?: Parameter[]; name?: string } = {},
): Promise<Chart> {
  const name = query.name ?? "Orders";
  const { id: query_id } = await client.call(createQuery, {
    body: { name, datasource_id, sql: query.sql ?? "select 1", params: query.params ?? [] },
  });
  const { id: visualization_id } = await client.call(createVisualization, {
    body: { query_id, name: `${name} by day`, config: BARS },
  });
  return { query_id, visualization_id };
}

/** A tile for the `index`th place of two in a row. */
export function chartTile(
  { visualization_id }: Pick<Chart, "visualization_id">,
  index = 0,
  bindings: Record<string, TileBinding> = {},
): Extract<TileInput, { type: "visualization" }> {
  return {
    id: randomUUID(),
    type: "visualization",
    title: null,
    place: placeOf(index),
    visualization_id,
    bindings,
    click: null,
  };
}

export function textTile(content: string, index = 0): TileInput {
  return { id: randomUUID(), type: "text", title: null, place: placeOf(index), content };
}

function placeOf(index: number) {
  return { x: (index % 2) * 12, y: Math.floor(index / 2) * 8, width: 12, height: 8 };
}

export function makeDashboard(
  client: Client,
  tiles: TileInput[],
  input: Partial<DashboardInput> = {},
): Promise<Dashboard> {
  return client.call(createDashboard, { body: { name: "Operations", tiles, ...input } });
}

/** Tiles as they are saved, out of a dashboard that was read. */
export function toInput(tiles: Dashboard["tiles"]): TileInput[] {
  return tiles.map((tile) => {
    if (tile.type !== "visualization") return tile;
    const { visualization: _, trouble: __, visualization_id, ...rest } = tile;
    return { ...rest, visualization_id: visualization_id! };
  });
}

/** Ends every run that waits, well unless said otherwise. Says how many there were. */
export async function endRuns(db: Database, outcome: Outcome = SUCCEEDED): Promise<number> {
  const claims = await claimRuns(db, "runner", 500, 60_000);
  for (const claim of claims) await finishRun(db, claim, outcome);
  return claims.length;
}

export const FAILED_RUN: Outcome = {
  ...SUCCEEDED,
  status: "failed",
  error: {
    code: "sql_error",
    message: "no such table",
    sqlstate: "42P01",
    position: null,
    detail: null,
    hint: null,
  },
  statements: [],
  parts: [],
};
