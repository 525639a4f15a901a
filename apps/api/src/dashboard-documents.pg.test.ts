import {
  type DashboardDocument,
  exportDashboard,
  importDashboard,
} from "@quern/contract/dashboard-documents";
import { changeDashboard, deleteDashboard, readDashboard } from "@quern/contract/dashboards";
import { listQueryVersions, readQuery } from "@quern/contract/queries";
import { listSchedules } from "@quern/contract/schedules";
import { makeDatasource } from "@quern/store/testing-fixtures";
import { afterAll, beforeAll, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";

let api: TestApi;
let admin: Awaited<ReturnType<TestApi["as"]>>;
let editor: Awaited<ReturnType<TestApi["as"]>>;
let open: string;
let closed: string;
beforeAll(async () => {
  api = await startTestApi();
  [admin, editor] = await Promise.all([api.as("admin"), api.as("editor")]);
  open = await makeDatasource(api.db, admin.actor, { everyone: true });
  closed = await makeDatasource(api.db, admin.actor);
});
afterAll(() => api.stop());

function document(key: string): DashboardDocument {
  const place = { x: 0, y: 0, width: 12, height: 8 };
  return {
    ...{ format: "quern.dashboard/1", key, name: "Outages", description: "Now", tags: ["ops"] },
    params: [{ name: "province", type: "enum", options_query: { query: "provinces" } }],
    settings: { refresh_s: 60, max_age_s: 300, time_zone: "America/Toronto" },
    queries: [
      {
        ...{ key: "open", name: "Open", description: "", datasource: "Demo" },
        sql: "select 1 as n [[ where {{ province }} = 'ON' ]]",
        params: [{ name: "province", type: "enum", options_query: { query: "provinces" } }],
        limits: { timeout_ms: 5000 },
      },
      {
        ...{ key: "provinces", name: "Provinces", description: "", datasource: "Demo" },
        ...{ sql: "select 'ON'", params: [] },
      },
    ],
    visualizations: [
      {
        ...{ key: "open-bars", query: "open", name: "Open by n" },
        config: { type: "bar", x: "n", y: ["n"], series: null, stacked: false, horizontal: false },
      },
    ],
    tiles: [
      {
        ...{ key: "bars", type: "visualization", title: null, place, visualization: "open-bars" },
        bindings: { province: { type: "dashboard", name: "province" } },
        click: { type: "query", query: "open", set: {} },
      },
      { key: "words", type: "text", title: null, place: { ...place, x: 12 }, content: "*Hello*" },
    ],
    schedules: [
      {
        ...{ name: "Hourly", recurrence: "hourly", time_zone: "America/Toronto", params: {} },
        ...{ overlap_policy: "skip", misfire_policy: "run_latest", tiles: ["bars"] },
      },
    ],
  };
}

const bring = (
  body: { document: DashboardDocument; on_existing?: "keep" | "replace" },
  person = editor,
) => person.client.call(importDashboard, { body: { ...body, datasources: { Demo: open } } });

test("a document becomes a dashboard, and exporting, importing, exporting gives the same text", async () => {
  const { id, outcome, dashboard } = await bring({ document: document("round") });
  expect(outcome).toBe("created");
  expect(dashboard).toMatchObject({ name: "Outages", tags: ["ops"], version: 1 });
  const { items } = await editor.client.call(listSchedules, { query: { dashboard_id: id } });
  expect(items).toMatchObject([
    { name: "Hourly", target: { tile_ids: [dashboard?.tiles[0]?.id] } },
  ]);

  const first = await editor.client.call(exportDashboard, { params: { id } });
  expect(first.queries.map(({ key }) => key)).toEqual(["open", "provinces"]);
  const names = { queries: first.queries.map((query) => ({ ...query, datasource: "Demo" })) };
  expect(await bring({ document: { ...first, ...names }, on_existing: "replace" })).toMatchObject({
    outcome: "replaced",
    id,
  });
  const second = await editor.client.call(exportDashboard, { params: { id } });
  expect(JSON.stringify(second)).toBe(JSON.stringify(first));
  const queryId = dashboard!.tiles.flatMap((tile) =>
    tile.type === "visualization" ? (tile.visualization?.query.id ?? []) : [],
  )[0]!;
  const versions = await editor.client.call(listQueryVersions, {
    params: { id: queryId },
    query: {},
  });
  expect(versions.items).toHaveLength(1);
});

test("what is there stays, deleted or not, unless it is to be replaced; then queries get new versions", async () => {
  const { id } = await bring({ document: document("again") });
  const changed = document("again");
  changed.name = "Renamed";
  changed.queries[0]!.sql = "select 2 as n [[ where {{ province }} = 'ON' ]]";
  expect(await bring({ document: changed })).toMatchObject({
    outcome: "kept",
    dashboard: { name: "Outages" },
  });
  const { dashboard } = await bring({ document: changed, on_existing: "replace" });
  expect(dashboard).toMatchObject({ id, name: "Renamed", version: 2 });
  const [tile] = dashboard!.tiles;
  if (tile?.type !== "visualization") throw new Error("no chart");
  const query = await editor.client.call(readQuery, {
    params: { id: tile.visualization!.query.id },
  });
  expect(query).toMatchObject({ version: 2, sql: changed.queries[0]!.sql });

  await editor.client.call(deleteDashboard, { params: { id } });
  expect(await bring({ document: changed, on_existing: "replace" })).toEqual({
    outcome: "kept",
    id,
    dashboard: null,
  });
  expect((await problemOf(editor.client.call(readDashboard, { params: { id } }))).code).toBe(
    "not_found",
  );
});

test("a dashboard of the app becomes a document, with keys after its names", async () => {
  const { id } = await bring({ document: document("home-made") });
  const { version } = await editor.client.call(readDashboard, { params: { id } });
  const tile = {
    id: crypto.randomUUID(),
    type: "text" as const,
    title: "Été à Montréal!",
    content: "x",
  };
  await editor.client.call(changeDashboard, {
    params: { id },
    body: { version, tiles: [{ ...tile, place: { x: 0, y: 0, width: 6, height: 2 } }] },
  });
  const exported = await editor.client.call(exportDashboard, { params: { id } });
  expect(exported.tiles.map(({ key }) => key)).toEqual(["ete-a-montreal"]);
});

test("everything that does not fit is said with its place, and nothing is left behind", async () => {
  const wrong = document("wrong");
  wrong.visualizations[0]!.query = "gone";
  wrong.tiles[0]!.key = "words";
  wrong.schedules[0]!.tiles = ["bars"];
  const { code, errors } = await problemOf(bring({ document: wrong }));
  expect(code).toBe("invalid_request");
  expect(errors?.map(({ path }) => path)).toEqual([
    "body.document.tiles.1.key",
    "body.document.visualizations.0.query",
    "body.document.schedules.0.tiles",
  ]);
  const undeclared = document("wrong");
  undeclared.queries[0]!.params = [];
  expect((await problemOf(bring({ document: undeclared }))).errors).toMatchObject([
    { path: "body.document.queries.0.sql" },
  ]);
  const never = document("wrong");
  never.schedules[0]!.recurrence = "0 0 31 2 *";
  expect((await problemOf(bring({ document: never }))).errors).toMatchObject([
    { path: "body.document.schedules.0.recurrence" },
  ]);
  expect((await bring({ document: document("wrong") })).outcome).toBe("created");
});

test("a datasource that one may not use cannot be named, and a viewer imports nothing", async () => {
  const body = { document: document("theirs"), datasources: { Demo: closed } };
  expect((await problemOf(editor.client.call(importDashboard, { body }))).errors).toMatchObject([
    { path: "body.document.queries.0.datasource" },
    { path: "body.document.queries.1.datasource" },
  ]);
  const viewer = await api.as("viewer");
  expect((await problemOf(bring({ document: document("theirs") }, viewer))).code).toBe(
    "not_allowed",
  );
});

test("two imports of one key at once make one dashboard", async () => {
  const outcomes = await Promise.all(
    Array.from({ length: 5 }, () => bring({ document: document("at-once") })),
  );
  expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual([
    "created",
    "kept",
    "kept",
    "kept",
    "kept",
  ]);
});
