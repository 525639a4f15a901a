import { randomUUID } from "node:crypto";
import {
  changeDashboard,
  createDashboard,
  type DashboardInput,
  readDashboard,
  runDashboard,
} from "@quern/contract/dashboards";
import { deleteDatasource } from "@quern/contract/datasources";
import { changeQuery, deleteQuery } from "@quern/contract/queries";
import { readRun } from "@quern/contract/runs";
import { makeDatasource } from "@quern/store/testing-fixtures";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";
import {
  type Chart,
  chartTile,
  endRuns,
  makeChart,
  makeDashboard,
  textTile,
  toInput,
} from "./testing-dashboards.ts";

type Person = Awaited<ReturnType<TestApi["as"]>>;
let api: TestApi;
let admin: Person;
let editor: Person;
let other: Person;
let viewer: Person;
let datasource: string;
let chart: Chart;
beforeAll(async () => {
  api = await startTestApi();
  [admin, editor, other, viewer] = [
    await api.as("admin"),
    await api.as("editor"),
    await api.as("editor"),
    await api.as("viewer"),
  ];
  datasource = await makeDatasource(api.db, admin.actor, { everyone: true });
  chart = await makeChart(editor.client, datasource, {
    sql: "select * from orders where day >= {{ range.start }} [[ and province = {{ province }} ]]",
    params: [
      { name: "range", type: "date_range", default: { relative: "last", count: 7, unit: "day" } },
      { name: "province", type: "text" },
    ],
  });
});
afterAll(() => api.stop());

const read = (person: Person, id: string) => person.client.call(readDashboard, { params: { id } });
const save = (person: Person, id: string, version: number, change: Partial<DashboardInput>) =>
  person.client.call(changeDashboard, { params: { id }, body: { version, ...change } });
const show = async (id: string) =>
  (await viewer.client.call(runDashboard, { params: { id }, body: { refresh: "stale" } })).items;

test("what does not fit is refused, each thing by its place", async () => {
  const int8 = { name: "n", type: "int8" as const };
  const range = { name: "days", type: "date_range" as const };
  const bad = [
    { tiles: [chartTile(chart, 0, { nothing: { type: "ask" } })], at: "tiles.0.bindings.nothing" },
    {
      tiles: [chartTile(chart, 0, { province: { type: "dashboard", name: "x" } })],
      at: "tiles.0.bindings.province",
    },
    {
      params: [int8],
      tiles: [chartTile(chart, 0, { province: { type: "dashboard", name: "n" } })],
      at: "tiles.0.bindings.province",
    },
    {
      params: [range],
      tiles: [chartTile(chart, 0, { province: { type: "dashboard", name: "days" } })],
      at: "tiles.0.bindings.province",
    },
    {
      tiles: [chartTile(chart, 0, { range: { type: "fixed", value: "soon" } })],
      at: "tiles.0.bindings.range",
    },
    {
      tiles: [{ ...textTile("x"), place: { x: 20, y: 0, width: 5, height: 2 } }],
      at: "tiles.0.place.width",
    },
    { params: [int8, int8], at: "params.1.name" },
    { params: [{ ...int8, default: "many" }], at: "params.0.default" },
    {
      settings: { refresh_s: null, max_age_s: 0, time_zone: "Mars/Olympus" },
      at: "settings.time_zone",
    },
    {
      tiles: [
        {
          ...chartTile(chart),
          click: { type: "filter" as const, set: { x: { type: "column" as const, column: "a" } } },
        },
      ],
      at: "tiles.0.click.set.x",
    },
    {
      tiles: [
        {
          ...chartTile(chart),
          click: { type: "dashboard" as const, dashboard_id: randomUUID(), set: {} },
        },
      ],
      at: "tiles.0.click",
    },
  ];
  for (const { at, ...body } of bad) {
    const problem = await problemOf(
      editor.client.call(createDashboard, { body: { name: "bad", ...body } }),
    );
    expect(problem, at).toMatchObject({ status: 400, code: "invalid_request" });
    expect(problem.errors!.map(({ path }) => path)).toEqual([`body.${at}`]);
  }
  const twice = textTile("x");
  expect(await problemOf(makeDashboard(editor.client, [twice, twice]))).toMatchObject({
    status: 400,
  });
  const { tiles } = await makeDashboard(editor.client, [chartTile(chart)]);
  expect(await problemOf(makeDashboard(editor.client, toInput(tiles)))).toMatchObject({
    status: 400,
    errors: [{ path: "body.tiles.0.id" }],
  });
  // Of the right types it is taken.
  await makeDashboard(
    editor.client,
    [chartTile(chart, 0, { range: { type: "dashboard", name: "days" } })],
    {
      params: [range],
    },
  );
});

test("200 tiles and a hostile name are saved as they are", async () => {
  const name = `<img src=x onerror=alert(1)> ‮ ${"é".repeat(150)}`;
  const tiles = Array.from({ length: 200 }, (_, index) => chartTile(chart, index));
  const made = await makeDashboard(editor.client, tiles, { name });
  expect(made.name).toBe(name);
  expect(made.tiles.map(({ id }) => id)).toEqual(tiles.map(({ id }) => id));
  expect(
    await problemOf(save(editor, made.id, 1, { tiles: [...tiles, chartTile(chart, 200)] })),
  ).toMatchObject({
    status: 400,
  });
});

test("a tile whose query has a hundred parameters binds every one", async () => {
  const names = Array.from({ length: 100 }, (_, n) => `p${n}`);
  const wide = await makeChart(editor.client, datasource, {
    sql: `select ${names.map((name) => `{{ ${name} }}`).join(", ")}`,
    params: names.map((name) => ({ name, type: "text" })),
  });
  const bindings = Object.fromEntries(
    names.map((name) => [name, { type: "dashboard" as const, name: "all" }]),
  );
  const params = [{ name: "all", type: "text" as const, default: "x" }];
  const made = await makeDashboard(editor.client, [chartTile(wide, 0, bindings)], { params });
  expect(made.tiles[0]).toMatchObject({ bindings });
  const { items } = await viewer.client.call(runDashboard, {
    params: { id: made.id },
    body: { refresh: "stale" },
  });
  expect(items).toMatchObject([{ run: { status: "queued" }, problem: null }]);
});

test("a tile says that its query, its datasource or the right to it is gone, and can be saved all the same", async () => {
  const doomed = await makeDatasource(api.db, admin.actor, { everyone: true });
  const closed = await makeDatasource(api.db, admin.actor);
  const charts = [
    await makeChart(editor.client, datasource),
    await makeChart(admin.client, doomed),
    await makeChart(admin.client, closed),
  ];
  const { id, tiles } = await makeDashboard(
    admin.client,
    charts.map((each, n) => chartTile(each, n)),
  );
  await editor.client.call(deleteQuery, { params: { id: charts[0]!.query_id } });
  await admin.client.call(deleteDatasource, { params: { id: doomed } });
  const troubles = async (person: Person) =>
    (await read(person, id)).tiles.map((tile) => tile.type === "visualization" && tile.trouble);
  expect(await troubles(admin)).toEqual(["query_deleted", "datasource_deleted", null]);
  expect(await troubles(editor)).toEqual(["query_deleted", "datasource_deleted", "not_allowed"]);
  const text = JSON.stringify(await read(viewer, id));
  expect(text).not.toContain(closed);
  const moved = toInput(tiles).map((tile) => ({ ...tile, place: { ...tile.place, y: 40 } }));
  expect(await save(other, id, 1, { tiles: moved })).toMatchObject({ version: 2 });
});

test("a parameter that is renamed under a dashboard does not lock it", async () => {
  const renamed = await makeChart(editor.client, datasource, {
    sql: "select {{ n }}",
    params: [{ name: "n", type: "int8", default: "1" }],
  });
  const tile = chartTile(renamed, 0, { n: { type: "fixed", value: "2" } });
  const { id } = await makeDashboard(editor.client, [tile]);
  await editor.client.call(changeQuery, {
    params: { id: renamed.query_id },
    body: {
      version: 1,
      sql: "select {{ m }}",
      params: [{ name: "m", type: "int8", default: "1" }],
    },
  });
  expect(await save(editor, id, 1, { tiles: [{ ...tile, title: "Moved" }] })).toMatchObject({
    version: 2,
  });
  const another = { ...tile, bindings: { n: { type: "fixed" as const, value: "3" } } };
  expect(await problemOf(save(editor, id, 2, { tiles: [another] }))).toMatchObject({
    status: 400,
    errors: [{ path: "body.tiles.0.bindings.n" }],
  });
});

test("a range that moves with the clock is read in the dashboard's zone, and yesterday's result is its last good one", async () => {
  const recent = await makeChart(editor.client, datasource, {
    sql: "select * from outages where at >= {{ range.start }}",
    params: [
      {
        name: "range",
        type: "date_range",
        bound_as: "timestamptz",
        default: { relative: "this", unit: "day" },
      },
    ],
  });
  const { id } = await makeDashboard(editor.client, [chartTile(recent)], {
    settings: { refresh_s: null, max_age_s: 300, time_zone: "America/St_Johns" },
  });
  const [first] = await show(id);
  const run = await viewer.client.call(readRun, { params: { id: first!.run!.id } });
  expect(run.params[0]!.bound[0]!.value).toMatch(/T0[23]:30:00/);
  await endRuns(api.db);
  // As if it had been yesterday's: bound to other instants, and so other work.
  await sql`update runs set cache_key = sha256('yesterday'), finished_at = finished_at - interval '1 day'`.execute(
    api.db,
  );
  expect(await show(id)).toMatchObject([
    { run: { status: "queued", reused: false }, last_good: { run_id: run.id } },
  ]);
});
