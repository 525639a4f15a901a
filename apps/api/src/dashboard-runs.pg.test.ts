import { randomUUID } from "node:crypto";
import { runDashboard } from "@quern/contract/dashboards";
import type { ParameterValues } from "@quern/contract/parameters";
import { changeQuery } from "@quern/contract/queries";
import { cancelRun, createRun, readRun } from "@quern/contract/runs";
import { changeSettings } from "@quern/contract/settings";
import type { TileInput } from "@quern/contract/tiles";
import type { Outcome } from "@quern/store/queue";
import { makeDatasource } from "@quern/store/testing-fixtures";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";
import {
  type Chart,
  chartTile,
  endRuns,
  FAILED_RUN,
  makeChart,
  makeDashboard,
  textTile,
} from "./testing-dashboards.ts";

type Person = Awaited<ReturnType<TestApi["as"]>>;
let api: TestApi;
let admin: Person;
let editor: Person;
let viewer: Person;
let datasource: string;
let plain: Chart;
let filtered: Chart;
beforeAll(async () => {
  api = await startTestApi();
  [admin, editor, viewer] = [await api.as("admin"), await api.as("editor"), await api.as("viewer")];
  datasource = await makeDatasource(api.db, admin.actor, { everyone: true, max_concurrency: 100 });
  plain = await makeChart(editor.client, datasource);
  filtered = await makeChart(editor.client, datasource, {
    name: "Outages",
    sql: "select * from outages where n > {{ n }} [[ and province = {{ province }} ]]",
    params: [
      { name: "n", type: "int8", default: "0" },
      { name: "province", type: "text" },
    ],
  });
});
afterAll(() => api.stop());
beforeEach(() => sql`delete from runs`.execute(api.db).then());

type Asked = Partial<Parameters<typeof runDashboard.body.parse>[0] & object>;
const show = async (
  person: Person,
  id: string,
  refresh: "none" | "stale" | "all" = "stale",
  asked: Asked = {},
) => {
  const body = { refresh, ...asked };
  return (await person.client.call(runDashboard, { params: { id }, body })).items;
};
const work = (outcome?: Outcome) => endRuns(api.db, outcome);
const age = (seconds: number) =>
  sql`update runs set finished_at = finished_at - ${seconds} * interval '1 s', queued_at = queued_at - ${seconds} * interval '1 s'`.execute(
    api.db,
  );
const made = async () =>
  Number(
    (await sql<{ n: string }>`select count(*)::text as n from runs`.execute(api.db)).rows[0]!.n,
  );

test("twenty viewers who open forty tiles at once make one run for each distinct work", async () => {
  const charts = [plain, filtered];
  for (let n = 0; n < 8; n++)
    charts.push(await makeChart(editor.client, datasource, { sql: `select ${n + 100}` }));
  const tiles = Array.from({ length: 40 }, (_, n) => chartTile(charts[n % 10]!, n));
  const { id } = await makeDashboard(editor.client, tiles);
  const people = [
    admin,
    editor,
    viewer,
    ...(await Promise.all([1, 2, 3].map(() => api.as("viewer")))),
  ];
  const shown = await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      show(people[n % people.length]!, id, n % 2 ? "all" : "stale"),
    ),
  );
  expect(await made()).toBe(10);
  for (const items of shown) {
    expect(items.map(({ tile_id }) => tile_id)).toEqual(tiles.map((tile) => tile.id));
    expect(items.map(({ run }) => run!.id)).toEqual(shown[0]!.map(({ run }) => run!.id));
  }
  const run = await viewer.client.call(readRun, { params: { id: shown[0]![0]!.run!.id } });
  expect(run).toMatchObject({ priority: "dashboard", trigger: "tile", dashboards: [{ id }] });
  expect(run.callers).toHaveLength(people.length);
  // One who leaves does not end it for the others.
  await editor.client.call(cancelRun, { params: { id: run.id } });
  expect(await viewer.client.call(readRun, { params: { id: run.id } })).toMatchObject({
    status: "queued",
  });

  expect(await work()).toBe(10);
  const again = await show(viewer, id);
  expect(again.every(({ run, last_good }) => run === null && last_good?.rows === 1)).toBe(true);
  expect(await made()).toBe(10);
});

test("a result that is kept is shown at once; one that is too old is shown while a run goes on, and after it failed", async () => {
  const tile = chartTile(plain);
  const { id } = await makeDashboard(editor.client, [tile, textTile("words", 1)]);
  expect(await show(viewer, id, "none")).toEqual([
    { tile_id: tile.id, run: null, last_good: null, problem: null, on: null },
  ]);
  const [first] = await show(viewer, id);
  expect(first).toMatchObject({ run: { status: "queued", reused: false }, last_good: null });
  await work();
  const good = { run_id: first!.run!.id, statement: 0, rows: 1 };
  expect(await show(viewer, id)).toMatchObject([{ run: null, last_good: good }]);
  await age(301);
  expect(await show(viewer, id, "none")).toMatchObject([{ run: null, last_good: good }]);
  const [second] = await show(viewer, id);
  expect(second).toMatchObject({ run: { status: "queued" }, last_good: good });
  // Its run goes on: whoever asks for everything anew shares it.
  expect(await show(editor, id, "all")).toMatchObject([
    { run: { id: second!.run!.id, reused: true } },
  ]);
  await work(FAILED_RUN);
  expect(await show(viewer, id, "none")).toMatchObject([
    { run: { id: second!.run!.id, status: "failed" }, last_good: good },
  ]);
  expect(await show(viewer, id, "stale", { max_age_s: 600 })).toMatchObject([
    { run: { id: second!.run!.id, status: "failed" }, last_good: good },
  ]);
  // It has just failed: that is no reason for every viewer to try it again.
  await sql`update runs set finished_at = now() where status = 'failed'`.execute(api.db);
  expect(await show(viewer, id)).toMatchObject([{ run: { id: second!.run!.id }, last_good: good }]);
  await age(11);
  const [third] = await show(viewer, id);
  expect(third).toMatchObject({ run: { status: "queued", reused: false }, last_good: good });
  await work();
  await age(2);
  expect(await show(viewer, id, "all")).toMatchObject([
    { run: { status: "queued", reused: false }, last_good: { run_id: third!.run!.id } },
  ]);
});

test("what the editor has just run is what the dashboard shows", async () => {
  const { id } = await makeDashboard(editor.client, [chartTile(plain)]);
  const run = await editor.client.call(createRun, { body: { query_id: plain.query_id } });
  await work();
  expect(await show(viewer, id, "none")).toMatchObject([{ last_good: null }]);
  expect(await show(viewer, id)).toMatchObject([{ run: null, last_good: { run_id: run.id } }]);
  expect(await show(viewer, id, "none")).toMatchObject([{ last_good: { run_id: run.id } }]);
  await editor.client.call(changeQuery, {
    params: { id: plain.query_id },
    body: { version: 1, sql: "select 1 as another" },
  });
  // Of another text: nothing of the old one is shown as if it were this one's.
  expect(await show(viewer, id, "none")).toMatchObject([{ run: null, last_good: null }]);
});

test("values come from the dashboard, from the tile, from who looks, or are the query's own", async () => {
  const params = [
    { name: "place", label: "Province", type: "text" as const, required: false },
    { name: "least", type: "int8" as const, default: "5" },
  ];
  const bound = {
    n: { type: "dashboard" as const, name: "least" },
    province: { type: "dashboard" as const, name: "place" },
  };
  const tiles: TileInput[] = [
    chartTile(filtered, 0, bound),
    chartTile(filtered, 1, { n: { type: "fixed", value: "7" } }),
    chartTile(filtered, 2, { province: { type: "ask" } }),
  ];
  const { id } = await makeDashboard(editor.client, tiles, { params });
  const given = async (asked: Asked) => {
    const items = await show(viewer, id, "stale", asked);
    const runs = await Promise.all(
      items.map(({ run }) => viewer.client.call(readRun, { params: { id: run!.id } })),
    );
    return runs.map(({ params }) =>
      Object.fromEntries(params.map(({ name, given }) => [name, given])),
    );
  };
  expect(await given({})).toEqual([{ n: "5" }, { n: "7" }, { n: "0" }]);
  const values: ParameterValues = { place: "ON", least: "6" };
  expect(
    await given({ params: values, tile_params: { [tiles[2]!.id]: { province: "QC" } } }),
  ).toEqual([{ n: "6", province: "ON" }, { n: "7" }, { n: "0", province: "QC" }]);
  expect(await made()).toBe(5);
  for (const [asked, path] of [
    [{ params: { nothing: 1 } }, "body.params.nothing"],
    [{ tile_params: { [tiles[1]!.id]: { n: "1" } } }, `body.tile_params.${tiles[1]!.id}.n`],
  ] as const) {
    expect(await problemOf(show(viewer, id, "stale", asked))).toMatchObject({
      status: 400,
      errors: [{ path }],
    });
  }
});

test("a tile that cannot run says why, and the others run", async () => {
  const closed = await makeDatasource(api.db, admin.actor);
  const secret = await makeChart(admin.client, closed, { sql: "select secret" });
  const renamed = await makeChart(editor.client, datasource, {
    name: "Renamed",
    sql: "select {{ n }}",
    params: [{ name: "n", type: "int8" }],
  });
  const tiles = [
    chartTile(plain),
    chartTile(secret, 1),
    chartTile(renamed, 2, { n: { type: "dashboard", name: "least" } }),
    chartTile(renamed, 3),
    chartTile(renamed, 4, { n: { type: "fixed", value: "1" } }),
  ];
  const params = [{ name: "least", label: "At least", type: "int8" as const }];
  const { id } = await makeDashboard(admin.client, tiles, { params });
  const problems = async (asked: Asked = {}) =>
    (await show(viewer, id, "stale", asked)).map(
      ({ problem, run, last_good }) => problem?.detail ?? (run || last_good ? "shown" : null),
    );
  expect(await problems()).toEqual([
    "shown",
    "You may not use the datasource of this tile. An admin can grant it to a group of yours.",
    "“At least” needs a value.",
    "“n” needs a value.",
    "shown",
  ]);
  expect((await problems({ params: { least: "many" } }))[2]).toMatch(/^“At least” must be/);
  expect(await show(viewer, id, "stale", { tile_ids: [tiles[0]!.id, randomUUID()] })).toMatchObject(
    [{ problem: null }, { problem: { code: "not_found" } }],
  );
  await editor.client.call(changeQuery, {
    params: { id: renamed.query_id },
    body: {
      version: 1,
      sql: "select {{ m }}",
      params: [{ name: "m", type: "int8", default: "1" }],
    },
  });
  expect((await problems()).slice(2)).toEqual([
    "The query “Renamed” has no parameter called “n” any more. Bind the tile anew in its settings.",
    "shown",
    "The query “Renamed” has no parameter called “n” any more. Bind the tile anew in its settings.",
  ]);
});

test("one person's dashboard cannot fill the queue, and says so at the tiles that had no room", async () => {
  await admin.client.call(changeSettings, { body: { max_queued_per_person: 2 } });
  const charts = await Promise.all(
    [1, 2, 3].map((n) => makeChart(editor.client, datasource, { sql: `select 'flood ${n}'` })),
  );
  const { id } = await makeDashboard(
    editor.client,
    charts.map((chart, n) => chartTile(chart, n)),
  );
  const items = await show(viewer, id);
  expect(items.map(({ run, problem }) => (run ? "run" : problem!.code))).toEqual([
    "run",
    "run",
    "rate_limited",
  ]);
  await work();
  expect(
    (await show(viewer, id)).map(({ run, last_good }) => [run !== null, last_good !== null]),
  ).toEqual([
    [false, true],
    [false, true],
    [true, false],
  ]);
  await admin.client.call(changeSettings, { body: { max_queued_per_person: 10_000 } });
});

test("looking at what is kept writes nothing", async () => {
  const tiles = [chartTile(plain), chartTile(filtered, 1)];
  const { id } = await makeDashboard(editor.client, tiles);
  await show(viewer, id);
  await work();
  const rows = async () => {
    const { rows } = await sql<{ state: string }>`
      select md5(string_agg(state, ';' order by state)) as state from (
        select runs::text || runs.xmin as state from runs
        union all select tile_runs::text || tile_runs.xmin from tile_runs
        union all select run_callers::text || run_callers.xmin from run_callers) as states`.execute(
      api.db,
    );
    return rows[0]!.state;
  };
  const before = await rows();
  for (const refresh of ["none", "stale"] as const) {
    for (const person of [viewer, editor, admin]) await show(person, id, refresh);
  }
  expect(await rows()).toBe(before);
});
