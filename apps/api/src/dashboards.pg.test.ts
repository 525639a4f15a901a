import { randomUUID } from "node:crypto";
import {
  changeDashboard,
  type DashboardInput,
  deleteDashboard,
  duplicateDashboard,
  listDashboards,
  listDashboardVersions,
  readDashboard,
  restoreDashboard,
} from "@quern/contract/dashboards";
import { createGroup, listGroups } from "@quern/contract/groups";
import { deleteVisualization } from "@quern/contract/visualizations";
import { makeDatasource } from "@quern/store/testing-fixtures";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";
import { type Chart, chartTile, makeChart, makeDashboard, textTile } from "./testing-dashboards.ts";

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
const ids = async (person: Person, query = {}) =>
  (await person.client.call(listDashboards, { query })).items.map(({ id }) => id);

test("a dashboard is read as it was saved, with what its tiles show", async () => {
  const click = {
    type: "filter" as const,
    set: { place: { type: "column" as const, column: "province" } },
  };
  const tile = {
    ...chartTile(chart, 0, { province: { type: "dashboard", name: "place" } }),
    click,
  };
  const tiles = [textTile("# Hello <img onerror=alert(1)>", 1), tile];
  const params = [{ name: "place", label: "Province", type: "text" as const, required: false }];
  const made = await makeDashboard(editor.client, tiles, { params, tags: ["ops", "ops"] });
  expect(made).toMatchObject({
    version: 1,
    tags: ["ops"],
    params,
    settings: { refresh_s: null, max_age_s: 300, time_zone: null },
    groups: [{ name: "Everyone" }],
    created_by: { id: editor.actor.user_id },
    updated_by: { id: editor.actor.user_id },
    tiles: [
      {
        ...tile,
        trouble: null,
        visualization: {
          name: "Orders by day",
          query: { id: chart.query_id, version: 1, datasource: { id: datasource } },
        },
      },
      { type: "text", content: "# Hello <img onerror=alert(1)>" },
    ],
  });
  expect(await read(viewer, made.id)).toEqual(made);
  const { items } = await viewer.client.call(listDashboards, {
    query: { query_id: chart.query_id },
  });
  expect(items).toMatchObject([{ id: made.id, tiles: 2, favorite: false }]);
});

test("lists are filtered by words, tag, favourite and folder, and paged without loss", async () => {
  const made = [];
  for (const name of ["100% of_all", "Outages", "Outages again"])
    made.push(await makeDashboard(editor.client, [], { name, tags: [name.slice(0, 3)] }));
  const [odd, first, second] = made.map(({ id }) => id) as [string, string, string];
  expect(await ids(viewer, { search: "0% of_" })).toEqual([odd]);
  expect(await ids(viewer, { search: "outages" })).toEqual([second, first]);
  expect(await ids(viewer, { tag: "Out" })).toEqual([second, first]);
  await sql`insert into favorites (user_id, resource_type, resource_id) values (${viewer.actor.user_id}, 'dashboard', ${odd})`.execute(
    api.db,
  );
  expect(await ids(viewer, { favorite: "true" })).toEqual([odd]);
  expect(await ids(editor, { favorite: "true" })).toEqual([]);
  const all = await ids(viewer);
  const paged: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await viewer.client.call(listDashboards, { query: { limit: 2, cursor } });
    paged.push(...page.items.map(({ id }) => id));
    cursor = page.next_cursor ?? undefined;
  } while (cursor);
  expect(paged).toEqual(all);

  const { rows } = await sql<{ id: string }>`
    insert into folders (org_id, name) values (${editor.actor.org_id}, 'Ops') returning id`.execute(
    api.db,
  );
  const folder_id = rows[0]!.id;
  expect(await save(editor, first, 1, { folder_id })).toMatchObject({ folder_id, version: 1 });
  expect(await ids(viewer, { folder_id })).toEqual([first]);
  expect(await problemOf(save(editor, first, 1, { folder_id: randomUUID() }))).toMatchObject({
    status: 400,
    errors: [{ path: "body.folder_id" }],
  });
});

test("two people who save at once: the second is told who was first and when, and nothing is lost", async () => {
  const tile = chartTile(chart);
  const { id } = await makeDashboard(editor.client, [tile]);
  const saved = await save(editor, id, 1, { tiles: [{ ...tile, title: "Mine" }] });
  expect(saved).toMatchObject({ version: 2, tiles: [{ id: tile.id, title: "Mine" }] });
  const problem = await problemOf(save(other, id, 1, { name: "Theirs" }));
  expect(problem).toMatchObject({ status: 409, code: "version_conflict" });
  expect(problem.detail).toMatch(
    /^A editor saved version 2 of this dashboard at \d{4}-\d\d-\d\d \d\d:\d\d UTC, while/,
  );
  const results = await Promise.allSettled(
    [editor, other, admin].map((person, n) => save(person, id, 2, { name: `name ${n}` })),
  );
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  expect((await read(other, id)).version).toBe(3);
});

test("every save is kept whole; an old one is restored by saving it again, deleted charts and all", async () => {
  const gone = await makeChart(editor.client, datasource);
  const [first, second] = [chartTile(chart), chartTile(gone, 1)];
  const { id } = await makeDashboard(editor.client, [first, second]);
  await save(editor, id, 1, { tiles: [textTile("only words")], name: "Emptied" });
  await editor.client.call(deleteVisualization, { params: { id: gone.visualization_id } });
  const { items } = await viewer.client.call(listDashboardVersions, { params: { id } });
  expect(items).toMatchObject([
    {
      version: 2,
      name: "Emptied",
      tiles: [{ type: "text" }],
      created_by: { id: editor.actor.user_id },
    },
    { version: 1, name: "Operations", tiles: [first, second] },
  ]);
  const { version: _, created_by: __, created_at: ___, ...content } = items[1]!;
  const restored = await save(editor, id, 2, content);
  expect(restored).toMatchObject({
    version: 3,
    name: "Operations",
    tiles: [
      { id: first.id, trouble: null },
      {
        id: second.id,
        trouble: "visualization_deleted",
        visualization: null,
        visualization_id: gone.visualization_id,
      },
    ],
  });
  // A chart that never stood there is another matter.
  expect(
    await problemOf(
      save(editor, id, 3, { tiles: [chartTile({ visualization_id: randomUUID() })] }),
    ),
  ).toMatchObject({
    status: 400,
    errors: [{ path: "body.tiles.0.visualization_id" }],
  });
  const page = await viewer.client.call(listDashboardVersions, {
    params: { id },
    query: { limit: 1, cursor: "3" },
  });
  expect(page).toMatchObject({ items: [{ version: 2 }], next_cursor: "2" });
});

test("its maker and admins say who sees it; others do not know that it is there", async () => {
  const { id: group } = await admin.client.call(createGroup, {
    body: { name: "Night shift", member_ids: [viewer.actor.user_id] },
  });
  const { id } = await makeDashboard(editor.client, [], { group_ids: [] });
  for (const person of [other, viewer]) {
    expect(await problemOf(read(person, id))).toMatchObject({ status: 404 });
    expect(await ids(person)).not.toContain(id);
  }
  expect(await read(admin, id)).toMatchObject({ groups: [] });
  await save(editor, id, 1, { group_ids: [group] });
  expect(await read(viewer, id)).toMatchObject({ version: 1, groups: [{ name: "Night shift" }] });
  expect(await problemOf(read(other, id))).toMatchObject({ status: 404 });
  const everyone = (await other.client.call(listGroups, {})).items.find(
    ({ system }) => system === "everyone",
  )!;
  await save(admin, id, 1, { group_ids: [everyone.id] });
  expect(await problemOf(save(other, id, 1, { group_ids: [] }))).toMatchObject({ status: 403 });
  expect(await save(other, id, 1, { name: "renamed" })).toMatchObject({ version: 2 });
  expect(await problemOf(save(viewer, id, 2, { name: "no" }))).toMatchObject({ status: 403 });
  const copy = await other.client.call(duplicateDashboard, {
    params: { id },
    body: { name: "Copy" },
  });
  expect(copy).toMatchObject({ name: "Copy", version: 1, groups: [{ name: "Everyone" }] });
});

test("a deleted dashboard is gone for everybody until it is restored as it was", async () => {
  const { id, tiles } = await makeDashboard(editor.client, [chartTile(chart)]);
  await other.client.call(deleteDashboard, { params: { id } });
  expect(await problemOf(read(admin, id))).toMatchObject({ status: 404 });
  expect(await problemOf(save(editor, id, 1, { name: "x" }))).toMatchObject({ status: 404 });
  expect(await editor.client.call(restoreDashboard, { params: { id } })).toMatchObject({
    version: 1,
    tiles,
  });
  const { rows } = await sql<{ action: string }>`
    select action from audit_log where resource_id = ${id} order by id`.execute(api.db);
  expect(rows.map(({ action }) => action)).toEqual([
    "dashboard.created",
    "dashboard.deleted",
    "dashboard.restored",
  ]);
});

test("a save is told to the tabs of those who may see it, and to no others", async () => {
  const { id } = await makeDashboard(editor.client, [], { group_ids: [] });
  const [mine, theirs] = await Promise.all([events(editor), events(other)]);
  await save(editor, id, 1, { name: "hidden" });
  const open = await makeDashboard(editor.client, []);
  await save(editor, open.id, 1, { name: "seen" });
  const isOpen = (event: string) => event.includes(open.id) && event.includes('"version":2');
  // Saves of one moment are told in any order.
  await mine.until((event) => event.includes(id), isOpen);
  const seen = await theirs.until(isOpen);
  expect(seen).toContain(`"updated_by":{"id":"${editor.actor.user_id}"`);
  expect(seen).not.toContain(id);
});

/** What a person's event stream has said of dashboards, once it has said all that is waited for. */
async function events({ token }: Person) {
  const leave = new AbortController();
  const response = await fetch(`${api.address}/api/v1/events`, {
    headers: { authorization: `Bearer ${token}` },
    signal: leave.signal,
  });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let said = (await reader.read()).value ?? "";
  return {
    async until(...all: ((event: string) => boolean)[]) {
      const told = () => all.every((is) => said.split("\n\n").some(is));
      while (!told()) said += (await reader.read()).value ?? "";
      leave.abort();
      return said;
    },
  };
}
