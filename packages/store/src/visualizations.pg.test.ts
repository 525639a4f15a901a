import type { ChartConfig } from "@quern/contract/chart-config";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Actor } from "./actor.ts";
import { type Database, openDatabase } from "./db.ts";
import { createQuery, deleteQuery } from "./queries.ts";
import { freshDatabase, type TestDatabase } from "./testing.ts";
import { makeActor, makeDatasource } from "./testing-fixtures.ts";
import {
  changeVisualization,
  createVisualization,
  listVisualizations,
  readVisualization,
} from "./visualizations.ts";

let database: TestDatabase;
let db: Database;
let admin: Actor;
let viewer: Actor;
let query: string;

const config: ChartConfig = {
  type: "bar",
  x: "k",
  y: ["v"],
  series: null,
  stacked: false,
  horizontal: false,
};

beforeAll(async () => {
  database = await freshDatabase();
  db = openDatabase(database.url);
  [admin, viewer] = await Promise.all([makeActor(db, "admin"), makeActor(db, "viewer")]);
  query = await makeQuery("Outages 100%", true);
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

async function makeQuery(name: string, everyone: boolean): Promise<string> {
  return createQuery(db, admin, {
    name,
    description: "",
    datasource_id: await makeDatasource(db, admin, { everyone }),
    sql: "select 1",
    params: [],
    limits: {},
    result_ttl_s: null,
  });
}
const make = (name: string, query_id = query) =>
  createVisualization(db, admin, { query_id, name, config });
const names = async (actor: Actor, filter: { query_id?: string; search?: string } = {}) =>
  (await listVisualizations(db, actor, { ...filter, limit: 200 })).items.map(({ name }) => name);

test("charts of all queries, the last changed first, by their name or their query's, page by page", async () => {
  const secret = await makeQuery("Salaries", false);
  const first = await make("By province");
  await make("By cause_1");
  await make("Hidden", secret);
  // Changes of one millisecond have no order.
  await sql`update visualizations set updated_at = updated_at - interval '1 second'`.execute(db);
  await changeVisualization(db, admin, first, { name: "By province, renamed" });
  expect(await names(admin)).toEqual(["By province, renamed", "Hidden", "By cause_1"]);
  expect(await names(viewer)).toEqual(["By province, renamed", "By cause_1"]);
  expect(await names(viewer, { query_id: query })).toEqual(["By province, renamed", "By cause_1"]);
  expect(await names(admin, { search: "salar" })).toEqual(["Hidden"]);
  expect(await names(viewer, { search: "salar" })).toEqual([]);
  expect(await names(admin, { search: "100%" })).toHaveLength(2);
  expect(await names(admin, { search: "cause_1" })).toEqual(["By cause_1"]);
  expect(await names(admin, { search: "_rovince" })).toEqual([]);

  for (const filter of [{}, { query_id: query }]) {
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await listVisualizations(db, admin, { ...filter, limit: 1, cursor });
      seen.push(...page.items.map(({ name }) => name));
      cursor = page.next_cursor ?? undefined;
    } while (cursor);
    expect(seen).toEqual(await names(admin, filter));
  }
  await deleteQuery(db, admin, secret);
  expect(await names(admin, { search: "Hidden" })).toEqual([]);
});

test("a save that was made on an older chart is refused, one that says nothing of it is not", async () => {
  const id = await make("Watched");
  const before = (await readVisualization(db, admin, id))!;
  expect(before).toMatchObject({ name: "Watched", query_name: "Outages 100%", config });
  await changeVisualization(db, admin, id, { name: "Theirs", updated_at: before.updated_at });
  await expect(
    changeVisualization(db, admin, id, { name: "Mine", updated_at: before.updated_at }),
  ).rejects.toMatchObject({ code: "version_conflict" });
  expect((await readVisualization(db, admin, id))?.name).toBe("Theirs");
  await changeVisualization(db, admin, id, { name: "Mine" });
  expect((await readVisualization(db, admin, id))?.name).toBe("Mine");
});
