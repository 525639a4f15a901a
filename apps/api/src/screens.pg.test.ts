import { createClient } from "@quern/contract/client";
import { changeDashboard, runDashboard } from "@quern/contract/dashboards";
import {
  createDashboardDisplayLink,
  deleteDisplayLink,
  listDisplayLinks,
  readDisplay,
} from "@quern/contract/display";
import { changeMember } from "@quern/contract/members";
import type { ParameterValues } from "@quern/contract/parameters";
import { createRun, readRun } from "@quern/contract/runs";
import { changeSettings } from "@quern/contract/settings";
import { makeDatasource } from "@quern/store/testing-fixtures";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openScreens } from "./screens.ts";
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
  const tile = chartTile(chart, 0, bindings);
  dashboard = (await makeDashboard(admin.client, [tile], { params })).id;
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
const GONE = { status: 401, code: "not_signed_in" };

test("whatever ends the maker's rights, or the link, ends what the screen shows at once", async () => {
  const works = async (screen: Screen) => (await show(screen)).items[0]!.problem?.code ?? "shown";
  const screen = screenOf(await link());
  expect(await works(screen)).toBe("shown");
  await admin.client.call(changeSettings, { body: { display_links: false } });
  expect(await problemOf(works(screen))).toMatchObject(GONE);
  await admin.client.call(changeSettings, { body: { display_links: true } });
  expect(await works(screen)).toBe("shown");

  const { rows: grants } = await sql<{ group_id: string }>`
    delete from grants where resource_type = 'datasource' and resource_id = ${datasource} returning group_id`.execute(
    api.db,
  );
  const { items } = await show(screen);
  expect(items).toMatchObject([{ run: null, last_good: null, problem: { code: "not_allowed" } }]);
  await sql`insert into grants (org_id, group_id, resource_type, resource_id)
    values (${admin.actor.org_id}, ${grants[0]!.group_id}, 'datasource', ${datasource})`.execute(
    api.db,
  );

  await admin.client.call(changeDashboard, {
    params: { id: dashboard },
    body: { version: 1, group_ids: [] },
  });
  expect(await problemOf(works(screen))).toMatchObject({ status: 404 });
  expect((await screen.call(readDisplay, {})).items).toEqual([]);
  await admin.client.call(changeDashboard, {
    params: { id: dashboard },
    body: { version: 1, group_ids: [grants[0]!.group_id] },
  });
  expect(await works(screen)).toBe("shown");

  for (const change of [{ role: "viewer" as const }, { role: "editor" as const, active: false }]) {
    await admin.client.call(changeMember, { params: { id: maker.actor.user_id }, body: change });
    expect(await problemOf(works(screen))).toMatchObject(GONE);
  }
  const { items: listed } = await admin.client.call(listDisplayLinks, {});
  expect(listed[0]).toMatchObject({ trouble: "maker_left" });
  expect(listed[0]!.last_seen_at).not.toBeNull();

  const another = await api.as("editor");
  const second = await link({}, another);
  await sql`update display_links set expires_at = now() where id = ${second.id}`.execute(api.db);
  expect(await problemOf(works(screenOf(second)))).toMatchObject(GONE);
  const third = await link({}, another);
  await maker.client.call(deleteDisplayLink, { params: { id: third.id } }).catch(() => undefined);
  await another.client.call(deleteDisplayLink, { params: { id: third.id } });
  expect(await problemOf(works(screenOf(third)))).toMatchObject(GONE);
});

test("a link whose fixed parameter is gone shows nothing rather than everything", async () => {
  const params = [{ name: "place", type: "text" as const }];
  const bindings = { province: { type: "dashboard" as const, name: "place" } };
  const tile = chartTile(chart, 0, bindings);
  const made = await makeDashboard(admin.client, [tile], { params });
  const screen = screenOf(await link({ place: "QC" }, maker, made.id));
  const { items } = await show(screen, made.id);
  await admin.client.call(changeDashboard, {
    params: { id: made.id },
    body: { version: 1, params: [], tiles: [{ ...tile, bindings: {} }] },
  });
  expect(await problemOf(show(screen, made.id))).toMatchObject({
    status: 400,
    code: "invalid_request",
  });
  const run = items[0]!.run ?? { id: items[0]!.last_good!.run_id };
  expect(await problemOf(screen.call(readRun, { params: { id: run.id } }))).toMatchObject({
    status: 404,
  });
});

test("a screen's event stream tells of the runs that it shows, and of no others", async () => {
  const { token } = await link({ place: "SK" });
  const screen = screenOf({ token });
  const leave = new AbortController();
  const response = await fetch(`${api.address}/api/v1/events`, {
    headers: { authorization: `Bearer ${token}` },
    signal: leave.signal,
  });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let said = (await reader.read()).value!;
  const hidden = await viewer.client.call(createRun, { body: { query_id: chart.query_id } });
  const { items } = await show(screen);
  await endRuns(api.db);
  while (!said.includes(items[0]!.run!.id)) said += (await reader.read()).value;
  leave.abort();
  expect(said).not.toContain(hidden.id);
  expect(said).not.toContain(maker.actor.user_id);
});

test("a link that asks too often waits for the next minute; its first use of a day is in the audit log", async () => {
  const { id, token } = await link();
  let now = 0;
  const screens = openScreens(api.db, () => now, 2);
  const origin = { request_id: "request", ip_address: "192.0.2.1" };
  expect(await screens.find(token, origin)).toMatchObject({ display: { link_id: id } });
  await screens.find(token, origin);
  await expect(screens.find(token, origin)).rejects.toMatchObject({ code: "rate_limited" });
  now += 60_000;
  expect(await screens.find(token, origin)).toMatchObject({ user_id: maker.actor.user_id });
  expect(await screens.find(`${token}x`, origin)).toBeUndefined();
  const { rows } = await sql<{ action: string; ip_address: string }>`
    select action, ip_address from audit_log where resource_id = ${id} order by id`.execute(api.db);
  expect(rows.map(({ action }) => action)).toEqual(["display_link.created", "display_link.used"]);
  expect(rows[1]!.ip_address).toBe("192.0.2.1");
});

/** All that a screen may call. A new entry here is a decision. */
const FOR_SCREENS = [
  "GET /api/v1/dashboards/{id}",
  "GET /api/v1/display",
  "GET /api/v1/events",
  "GET /api/v1/runs/{id}",
  "GET /api/v1/runs/{id}/rows",
  "POST /api/v1/dashboards/{id}/runs",
];

test("every other route is closed to a screen", async () => {
  const { token } = await link();
  const document = (await (await fetch(`${api.address}/api/v1/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { security?: object[] }>>;
  };
  const open: string[] = [];
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [verb, { security }] of Object.entries(methods)) {
      const method = verb.toUpperCase();
      if (security?.length === 0) continue;
      if (security?.some((way) => "display" in way)) {
        open.push(`${method} ${path}`);
        continue;
      }
      const place = path.replace(/\{format\}/, "csv").replace(/\{\w+\}/g, dashboard);
      const response = await fetch(api.address + place, {
        method,
        headers: { authorization: `Bearer ${token}` },
      });
      const { code } = (await response.json()) as { code: string };
      expect([400, 403, 404, 415], `${method} ${path}`).toContain(response.status);
      expect(
        ["not_allowed", "not_found", "invalid_request", "invalid_json"],
        `${method} ${path}`,
      ).toContain(code);
    }
  }
  expect(open.sort()).toEqual(FOR_SCREENS);
});
