import { createClient } from "@quern/contract/client";
import { deleteDashboard, readDashboard, runDashboard } from "@quern/contract/dashboards";
import {
  changePlaylist,
  createDashboardDisplayLink,
  createPlaylist,
  createPlaylistDisplayLink,
  listDashboardDisplayLinks,
  listPlaylists,
  type PlaylistItem,
  readDisplay,
} from "@quern/contract/display";
import type { ParameterValues } from "@quern/contract/parameters";
import { readRunRows } from "@quern/contract/run-results";
import { createRun, readRun } from "@quern/contract/runs";
import { changeSettings } from "@quern/contract/settings";
import { makeDatasource, SUCCEEDED } from "@quern/store/testing-fixtures";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";
import { type Chart, chartTile, endRuns, makeChart, makeDashboard } from "./testing-dashboards.ts";

type Person = Awaited<ReturnType<TestApi["as"]>>;
let api: TestApi;
let admin: Person;
let maker: Person;
let viewer: Person;
let datasource: string;
let chart: Chart;
let dashboard: string;
let other: string;
beforeAll(async () => {
  api = await startTestApi();
  [admin, viewer] = [await api.as("admin"), await api.as("viewer")];
  datasource = await makeDatasource(api.db, admin.actor, { everyone: true });
  chart = await makeChart(admin.client, datasource, {
    sql: "select * from outages where province = {{ province }}",
    params: [{ name: "province", type: "text", default: "ON" }],
  });
  const bindings = { province: { type: "dashboard" as const, name: "place" } };
  const params = [{ name: "place", type: "text" as const, default: "ON" }];
  const made = [0, 1].map(() =>
    makeDashboard(admin.client, [chartTile(chart, 0, bindings)], { params }),
  );
  [dashboard, other] = (await Promise.all(made)).map(({ id }) => id) as [string, string];
});
afterAll(() => api.stop());
beforeEach(async () => {
  await admin.client.call(changeSettings, { body: { display_links: true } });
  maker = await api.as("editor");
});

const link = (params: ParameterValues = {}, person = maker, id = dashboard) =>
  person.client.call(createDashboardDisplayLink, {
    params: { id },
    body: { name: "Wall", params },
  });
const screenOf = ({ token }: { token: string }) => createClient(api.address, token);
type Screen = ReturnType<typeof screenOf>;
const show = (screen: Screen, id = dashboard, params?: ParameterValues) =>
  screen.call(runDashboard, {
    params: { id },
    body: { refresh: "stale", ...(params ? { params } : {}) },
  });
const work = () => endRuns(api.db, EMPTY);
const EMPTY = { ...SUCCEEDED, statements: [{ ...SUCCEEDED.statements[0]!, rows: 0 }], parts: [] };

test("a link is made where an admin allows it, and its token is shown once", async () => {
  await admin.client.call(changeSettings, { body: { display_links: false } });
  expect(await problemOf(link())).toMatchObject({
    status: 403,
    detail: expect.stringMatching(/An admin can switch them on/),
  });
  await admin.client.call(changeSettings, { body: { display_links: true } });
  expect(await problemOf(link({}, viewer))).toMatchObject({ status: 403 });
  expect(await problemOf(link({ nothing: 1 }))).toMatchObject({
    status: 400,
    errors: [{ path: "body.params.nothing" }],
  });
  const made = await link({ place: "QC" });
  expect(made.token).toMatch(/^qrd_[\w-]{43}$/);
  expect(made.url).toBe(`http://quern.example.test/display#${made.token}`);
  const { items } = await maker.client.call(listDashboardDisplayLinks, {
    params: { id: dashboard },
  });
  expect(items[0]).toMatchObject({
    id: made.id,
    name: "Wall",
    params: { place: "QC" },
    dashboard: { id: dashboard },
    created_by: { id: maker.actor.user_id },
    last_seen_at: null,
    trouble: null,
  });
  expect(made.token).toContain(items[0]!.prefix);
  const { rows } = await sql<{ everything: string }>`
    select string_agg(display_links::text, ' ') || (select string_agg(audit_log::text, ' ') from audit_log) as everything
    from display_links`.execute(api.db);
  expect(rows[0]!.everything).not.toContain(made.token);
  expect(rows[0]!.everything).toContain("display_link.created");
});

test("a screen shows its dashboard with the link's values, and reads the runs of these only", async () => {
  const screen = screenOf(await link({ place: "QC" }));
  expect(await screen.call(readDisplay, {})).toMatchObject({
    kind: "dashboard",
    items: [{ dashboard_id: dashboard, params: { place: "QC" }, seconds: null, version: 1 }],
  });
  const read = await screen.call(readDashboard, { params: { id: dashboard } });
  expect(read).toMatchObject({ tiles: [{ trouble: null }], created_by: null, groups: [] });
  const { items } = await show(screen);
  const id = items[0]!.run!.id;
  const run = await screen.call(readRun, { params: { id } });
  expect(run).toMatchObject({
    status: "queued",
    sql: null,
    params: [],
    callers: [],
    created_by: null,
  });
  const full = await maker.client.call(readRun, { params: { id } });
  expect(full.params).toMatchObject([{ name: "province", given: "QC" }]);
  await work();
  expect(await screen.call(readRunRows, { params: { id } })).toMatchObject({ total: 0, rows: [] });

  // What is saved is what it shows, on the datasources that it is saved with.
  const elsewhere = screen.call(runDashboard, {
    params: { id: dashboard },
    body: { refresh: "stale", on: { [dashboard]: other } },
  });
  expect(await problemOf(elsewhere)).toMatchObject({ status: 403, code: "not_allowed" });

  // The same tile with other values, another run of the same query, and the other dashboard's.
  const seen = await viewer.client.call(runDashboard, {
    params: { id: dashboard },
    body: { refresh: "stale" },
  });
  const saved = await viewer.client.call(createRun, { body: { query_id: chart.query_id } });
  const far = await viewer.client.call(runDashboard, {
    params: { id: other },
    body: { refresh: "stale", params: { place: "NB" } },
  });
  for (const hidden of [seen.items[0]!.run!.id, saved.id, far.items[0]!.run!.id]) {
    expect(await problemOf(screen.call(readRun, { params: { id: hidden } }))).toMatchObject({
      status: 404,
    });
    expect(await problemOf(screen.call(readRunRows, { params: { id: hidden } }))).toMatchObject({
      status: 404,
    });
  }
  expect(await problemOf(show(screen, dashboard, { place: "ON" }))).toMatchObject({
    status: 403,
    code: "not_allowed",
  });
  expect((await show(screen, dashboard, { place: "QC" })).items).toMatchObject([
    { last_good: { run_id: id } },
  ]);
  expect(await problemOf(show(screen, other))).toMatchObject({ status: 404 });
  expect(await problemOf(screen.call(readDashboard, { params: { id: other } }))).toMatchObject({
    status: 404,
  });
});

test("a playlist is shown in its order, with each dashboard's own values, and changes while it is shown", async () => {
  const items: PlaylistItem[] = [
    { dashboard_id: dashboard, params: { place: "QC" }, seconds: 10 },
    { dashboard_id: other, params: {}, seconds: 20 },
    { dashboard_id: dashboard, params: { place: "NB" }, seconds: 30 },
  ];
  const { id } = await maker.client.call(createPlaylist, { body: { name: "Lobby", items } });
  expect(
    await problemOf(viewer.client.call(createPlaylist, { body: { name: "no", items } })),
  ).toMatchObject({ status: 403 });
  const made = await maker.client.call(createPlaylistDisplayLink, {
    params: { id },
    body: { name: "Hall" },
  });
  const screen = screenOf(made);
  const display = await screen.call(readDisplay, {});
  expect(display).toMatchObject({ kind: "playlist", name: "Lobby", items });
  for (const { dashboard_id, params } of display.items) {
    const shown = await show(screen, dashboard_id, params);
    const [tile] = shown.items;
    const run = await screen.call(readRun, {
      params: { id: tile!.run?.id ?? tile!.last_good!.run_id },
    });
    expect(run.query).toMatchObject({ id: chart.query_id });
  }
  expect(await problemOf(show(screen, dashboard, { place: "BC" }))).toMatchObject({ status: 403 });
  await maker.client.call(changePlaylist, { params: { id }, body: { items: [items[1]!] } });
  expect((await screen.call(readDisplay, {})).items).toMatchObject([{ dashboard_id: other }]);
  expect(await problemOf(show(screen, dashboard, { place: "QC" }))).toMatchObject({ status: 404 });

  const hidden = await makeDashboard(admin.client, [], { group_ids: [] });
  const adding = [{ dashboard_id: hidden.id, params: {}, seconds: 5 }];
  expect(
    await problemOf(maker.client.call(changePlaylist, { params: { id }, body: { items: adding } })),
  ).toMatchObject({ status: 400 });
  await admin.client.call(changePlaylist, { params: { id }, body: { items: adding } });
  // The screen has the rights of who made the link, not of who changed the playlist.
  expect((await screen.call(readDisplay, {})).items).toEqual([]);
  expect(await problemOf(show(screen, hidden.id))).toMatchObject({ status: 404 });
  const { items: listed } = await viewer.client.call(listPlaylists, {});
  expect(listed).toMatchObject([
    { name: "Lobby", items: [{ dashboard_id: hidden.id, name: null }] },
  ]);
  await admin.client.call(deleteDashboard, { params: { id: hidden.id } });
});
