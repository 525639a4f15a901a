/** Charts to make dashboards of: on the demo's flights, and on a table that a test can change. */
import type { Client } from "@quern/contract/client";
import { createDatasource, listDatasources } from "@quern/contract/datasources";
import type { Parameter } from "@quern/contract/parameters";
import { createQuery } from "@quern/contract/queries";
import type { TileInput } from "@quern/contract/tiles";
import { createVisualization } from "@quern/contract/visualizations";
import { testServer } from "@quern/store/testing";
import pg from "pg";

const DATABASE = "e2e_dashboards";
const ORIGIN: Parameter = {
  name: "origin",
  type: "enum",
  required: false,
  options: ["ATL", "ORD", "DFW"].map((value) => ({ value })),
};
const charts: Record<string, string> = {};

async function makeChart(
  client: Client,
  datasource_id: string,
  name: string,
  sql: string,
  type: "bar" | "stat" | "table",
  params: Parameter[] = [],
) {
  const query = await client.call(createQuery, { body: { name, datasource_id, sql, params } });
  const [x, y] =
    type === "bar" ? ["origin", ["flights"]] : [null, type === "stat" ? ["value"] : []];
  const config = { type, x, y, series: null, stacked: false, horizontal: false } as const;
  const made = await client.call(createVisualization, {
    body: { query_id: query.id, name, config: { ...config, y: [...y] } },
  });
  charts[name] = made.id;
}

/** A tile of 12 × 8 cells for one of the charts of `makeCharts`. */
export function tileOf(
  chart: string,
  x: number,
  y: number,
  more: Partial<Extract<TileInput, { type: "visualization" }>> = {},
): TileInput {
  return {
    id: crypto.randomUUID(),
    type: "visualization",
    title: null,
    place: { x, y, width: 12, height: 8 },
    visualization_id: charts[chart]!,
    bindings: {},
    click: null,
    ...more,
  };
}

/** A database with the table `state` of one number `n`, as its superuser. It is gone with the test run. */
export async function openState(): Promise<pg.Client> {
  const { host, port, user, password } = testServer();
  const admin = new pg.Client({ host, port, user, password, database: "postgres" });
  await admin.connect();
  await admin.query(`create database ${DATABASE}`);
  await admin.end();
  const state = new pg.Client({ host, port, user, password, database: DATABASE });
  await state.connect();
  await state.query("create table state as select 4 as n");
  return state;
}

/** Saves "Flights by origin" (bars, with a parameter), "Origins" (a table) and "Quotient" (100 / n of `state`). */
export async function makeCharts(client: Client): Promise<void> {
  const { host, port, user, password } = testServer();
  const { items } = await client.call(listDatasources, {});
  const demo = items.find((each) => each.name.includes("Demo"))?.id ?? "";
  const { id: changing } = await client.call(createDatasource, {
    body: {
      name: "Changing",
      type: "postgres",
      config: { host, port, database: DATABASE, user, sslmode: "disable", read_only: true },
      secret: { password },
    },
  });
  const where = "where true [[ and origin = {{ origin }} ]]";
  await makeChart(
    client,
    demo,
    "Flights by origin",
    `select origin, count(*) as flights from flights.flights ${where} group by 1 order by 2 desc limit 8`,
    "bar",
    [ORIGIN],
  );
  await makeChart(
    client,
    demo,
    "Origins",
    "select origin, count(*) as flights from flights.flights group by 1 order by 2 desc limit 8",
    "table",
  );
  await makeChart(client, changing, "Quotient", "select 100 / n as value from state", "stat");
}
