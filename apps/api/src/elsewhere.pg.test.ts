/** Saved queries and dashboards on another datasource than their own. */
import { runDashboard } from "@quern/contract/dashboards";
import { openInstanceDatasource } from "@quern/contract/instances";
import { changeQuery } from "@quern/contract/queries";
import { createRun, explainRun, listRuns, readRun, rerunRun } from "@quern/contract/runs";
import type { Actor } from "@quern/store/actor";
import { insertInstance, noteEnded, noteRunning } from "@quern/store/instance-keeping";
import { makeDatasource } from "@quern/store/testing-fixtures";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";
import { type Chart, chartTile, endRuns, makeChart, makeDashboard } from "./testing-dashboards.ts";

type Person = Awaited<ReturnType<TestApi["as"]>>;
let api: TestApi;
let admin: Person;
let editor: Person;
let viewer: Person;
/** Everybody's; what the chart's query is saved on. */
let main: string;
/** Of the editor's own instance. */
let branch: { instance: string; datasource: string };
let chart: Chart;
let dashboard: string;
let tile: string;

beforeAll(async () => {
  api = await startTestApi();
  [admin, editor, viewer] = [await api.as("admin"), await api.as("editor"), await api.as("viewer")];
  main = await makeDatasource(api.db, admin.actor, { everyone: true });
  branch = await makeBranch(editor, "branch");
  chart = await makeChart(editor.client, main);
  const shown = chartTile(chart);
  tile = shown.id;
  dashboard = (await makeDashboard(editor.client, [shown])).id;
});
afterAll(() => api.stop());

const PROXY = { host: "sandbox.example.test", port: 6432, tls: false };
async function makeBranch({ actor, client }: Person, name: string) {
  const { org_id, user_id: owner_id }: Actor = actor;
  const { id } = await insertInstance(api.db, {
    ...{ org_id, owner_id, name, project_id: null, job_id: null, proxy: PROXY },
    ...{ state_key: Buffer.alloc(32, 1), engine: "18.4", sandbox: "there", lease_ms: 600_000 },
    environment: { extensions: [], settings: {}, superuser: false },
    ttl_s: null,
  });
  await noteRunning(api.db, id, false);
  const { datasource_id } = await client.call(openInstanceDatasource, { params: { id } });
  await sql`delete from runs where kind = 'introspect'`.execute(api.db);
  return { instance: id, datasource: datasource_id };
}
const run = ({ client }: Person, datasource_id?: string, max_age_s = 0) =>
  client.call(createRun, {
    body: { query_id: chart.query_id, max_age_s, ...(datasource_id ? { datasource_id } : {}) },
  });
const show = async (
  { client }: Person,
  on?: Record<string, string>,
  refresh: "none" | "stale" | "all" = "stale",
  id = dashboard,
) =>
  (await client.call(runDashboard, { params: { id }, body: { refresh, ...(on ? { on } : {}) } }))
    .items;
const read = ({ client }: Person, id: string) => client.call(readRun, { params: { id } });

test("a saved query runs on another datasource for who may write SQL there, and says so", async () => {
  const { id } = await run(editor, branch.datasource);
  expect(await read(editor, id)).toMatchObject({
    datasource: { id: branch.datasource, name: "Instance branch" },
    query: { id: chart.query_id, saved_on: { id: main } },
    sql: "select 1",
  });
  const listed = { query: { query_id: chart.query_id } };
  expect((await editor.client.call(listRuns, listed)).items.map((each) => each.id)).toContain(id);
  const again = await editor.client.call(rerunRun, { params: { id } });
  expect(await read(editor, again.id)).toMatchObject({
    datasource: { id: branch.datasource },
    query: { saved_on: { id: main } },
  });
  // Its own datasource by name is no other one.
  expect(await read(viewer, (await run(viewer, main)).id)).toMatchObject({
    query: { saved_on: null },
  });
  const { rows } = await sql`
    select user_id, details from audit_log
    where action = 'query.run_elsewhere' and resource_id = ${chart.query_id}`.execute(api.db);
  expect(rows).toEqual([
    { user_id: editor.actor.user_id, details: { on: { [main]: branch.datasource } } },
  ]);
});

test("who may run the query only, whose instance it is not, another engine and a deleted one are refused", async () => {
  const refusals = async (person: Person, other: string) => [
    await problemOf(run(person, other)),
    (await show(person, { [main]: other }))[0]!.problem,
  ];
  expect(await problemOf(run(viewer, branch.datasource))).toMatchObject({ status: 403 });
  const viewers = show(viewer, { [main]: branch.datasource });
  expect(await problemOf(viewers)).toMatchObject({ status: 403, code: "not_allowed" });
  // Nor what is granted to them: they may run what is saved there, and nothing else.
  const granted = await makeDatasource(api.db, admin.actor, { everyone: true });
  expect(await problemOf(run(viewer, granted))).toMatchObject({ status: 403 });

  const other = await api.as("editor");
  const closed = await makeDatasource(api.db, admin.actor);
  for (const hidden of [branch.datasource, closed, "00000000-0000-4000-8000-000000000000"]) {
    const unknown = { code: "not_found", detail: expect.not.stringContaining(closed) };
    expect(await refusals(other, hidden)).toMatchObject([{ ...unknown, status: 404 }, unknown]);
  }
  const duckdb = await makeDatasource(api.db, admin.actor, { everyone: true });
  await sql`update datasources set type = 'duckdb' where id = ${duckdb}`.execute(api.db);
  expect(await refusals(editor, duckdb)).toMatchObject([
    { status: 400, code: "engine_mismatch", errors: [{ path: "body.datasource_id" }] },
    { code: "engine_mismatch", detail: expect.stringContaining(duckdb) },
  ]);
  await sql`select delete_datasource(${granted})`.execute(api.db);
  expect(await refusals(editor, granted)).toMatchObject([
    { status: 404, code: "not_found" },
    { code: "not_found" },
  ]);
  // Nothing was started for any of these.
  const { rows } = await sql`
    select 1 from runs where datasource_id in (${duckdb}, ${granted}, ${closed})`.execute(api.db);
  expect(rows).toEqual([]);
});

test("what a dashboard shows on another datasource is never what it shows on its own, nor on a third", async () => {
  await sql`delete from runs`.execute(api.db);
  const second = await makeBranch(editor, "second");
  const asked = [undefined, { [main]: branch.datasource }, { [main]: second.datasource }];
  const started = await Promise.all(asked.map((on) => show(editor, on)));
  expect(new Set(started.map(([item]) => item!.run!.id)).size).toBe(3);
  expect(started.map(([item]) => item!.on?.id ?? null)).toEqual([
    null,
    branch.datasource,
    second.datasource,
  ]);
  await endRuns(api.db);
  for (const [n, on] of asked.entries()) {
    const [item] = await show(editor, on, "stale");
    expect(item).toMatchObject({ run: null, last_good: { run_id: started[n]![0]!.run!.id } });
  }
  expect(await show(viewer)).toMatchObject([
    { on: null, last_good: { run_id: started[0]![0]!.run!.id } },
  ]);
  const runs = await Promise.all(started.map(([item]) => read(editor, item!.run!.id)));
  expect(runs.map(({ query }) => query!.saved_on?.id ?? null)).toEqual([null, main, main]);
  expect(runs.every(({ dashboards }) => dashboards[0]?.id === dashboard)).toBe(true);
  const { rows } = await sql<{ is_default: boolean }>`
    select is_default from tile_runs where tile_id = ${tile} order by run_id`.execute(api.db);
  expect(rows.filter((row) => row.is_default)).toHaveLength(1);
  // Each was asked for twice within the hour: the log says it once.
  const { rows: log } = await sql`
    select details from audit_log where action = 'dashboard.run_elsewhere' and resource_id = ${dashboard}
    and user_id = ${editor.actor.user_id} and details->'on'->>${main} in (${branch.datasource}, ${second.datasource})`.execute(
    api.db,
  );
  expect(log).toHaveLength(2);
  // A map that names other datasources, or the same one, changes nothing.
  const same = await show(editor, { [main]: main, [second.datasource]: branch.datasource });
  expect(same).toMatchObject([{ on: null, last_good: { run_id: started[0]![0]!.run!.id } }]);
  // Two people on the same other datasource want the same.
  const [shared] = await show(admin, asked[1]);
  expect(shared).toMatchObject({ run: null, last_good: { run_id: started[1]![0]!.run!.id } });
});

test("of a dashboard over several datasources only those that are named are exchanged", async () => {
  const third = await makeDatasource(api.db, admin.actor, { everyone: true });
  const tiles = [chartTile(chart, 0), chartTile(await makeChart(editor.client, third), 1)];
  const { id } = await makeDashboard(editor.client, tiles);
  const items = await show(editor, { [main]: branch.datasource }, "all", id);
  expect(items.map(({ on }) => on?.id ?? null)).toEqual([branch.datasource, null]);
});

test("to people without the query such a run is SQL that somebody ran, and viewers do not see it", async () => {
  const target = await makeDatasource(api.db, admin.actor, { everyone: true });
  const closed = await makeDatasource(api.db, admin.actor);
  const hidden = await makeChart(admin.client, closed, { name: "Salaries", sql: "select 42" });
  const asked = { query_id: hidden.query_id, datasource_id: target };
  const { id } = await admin.client.call(createRun, { body: asked });
  expect(await read(admin, id)).toMatchObject({ query: { saved_on: { id: closed } } });
  expect(await read(editor, id)).toMatchObject({ query: null, datasource: { id: target } });
  expect(await problemOf(read(viewer, id))).toMatchObject({ status: 404 });
  expect(await problemOf(viewer.client.call(rerunRun, { params: { id } }))).toMatchObject({
    status: 404,
  });
  // A query of the viewer's that happens to be the same there has a run of its own.
  const open = await makeChart(editor.client, target, { sql: "select 42" });
  const shown = chartTile(open);
  const board = await makeDashboard(editor.client, [shown]);
  const [item] = await show(viewer, undefined, "stale", board.id);
  expect(item!.run!.id).not.toBe(id);
  expect(await read(viewer, item!.run!.id)).toMatchObject({ query: { id: open.query_id } });
});

test("a query that moves to the other datasource shows viewers nothing of what ran there before", async () => {
  await sql`delete from runs`.execute(api.db);
  const target = await makeDatasource(api.db, admin.actor, { everyone: true });
  const moving = await makeChart(editor.client, main, { sql: "select 7" });
  const shown = chartTile(moving);
  const board = await makeDashboard(editor.client, [shown]);
  const [before] = await show(editor, { [main]: target }, "stale", board.id);
  await endRuns(api.db);
  await editor.client.call(changeQuery, {
    params: { id: moving.query_id },
    body: { version: 1, datasource_id: target },
  });
  const [after] = await show(viewer, undefined, "stale", board.id);
  expect(after).toMatchObject({ last_good: null, on: null });
  expect(after!.run!.id).not.toBe(before!.run!.id);
  await read(viewer, after!.run!.id);
});

test("an instance's owner charts it; when it ends, tiles say so and the runs stay theirs", async () => {
  await sql`delete from runs`.execute(api.db);
  const own = await makeBranch(editor, "charted");
  const charted = await makeChart(editor.client, own.datasource, { sql: "select 3" });
  const board = await makeDashboard(editor.client, [chartTile(charted)]);
  const [item] = await show(editor, undefined, "stale", board.id);
  expect(item).toMatchObject({ problem: null, run: { status: "queued" } });
  expect(await read(editor, item!.run!.id)).toMatchObject({ datasource: { id: own.datasource } });
  const [swapped] = await show(editor, { [main]: own.datasource });
  const plan = await editor.client.call(explainRun, {
    params: { id: swapped!.run!.id },
    body: {},
  });
  expect(await read(editor, plan.id)).toMatchObject({ datasource: { id: own.datasource } });
  await endRuns(api.db);
  await noteEnded(api.db, own.instance, "expired", "");
  const over = { code: "instance_ended", detail: expect.stringContaining("Instance charted") };
  for (const person of [editor, admin]) {
    const asked = await show(person, { [main]: own.datasource });
    expect(asked).toMatchObject([{ problem: over, run: null, on: { name: "Instance charted" } }]);
  }
  const stranger = await api.as("editor");
  expect(await show(stranger, { [main]: own.datasource })).toMatchObject([
    { problem: { code: "not_found" }, on: null },
  ]);
  expect(await problemOf(run(editor, own.datasource))).toMatchObject({ ...over, status: 410 });
  expect(await read(editor, swapped!.run!.id)).toMatchObject({ status: "succeeded" });
  expect(await problemOf(read(stranger, swapped!.run!.id))).toMatchObject({ status: 404 });
});
