/** The history is read along an index and page by page, whoever asks for whatever. */
import { CompiledQuery, sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Actor } from "./actor.ts";
import { type Database, openDatabase } from "./db.ts";
import { candidates, type RunFilter } from "./run-filter.ts";
import { readRunHistogram } from "./run-histogram.ts";
import { listRuns } from "./run-history.ts";
import { freshDatabase, type TestDatabase } from "./testing.ts";
import { makeActor, makeDatasource } from "./testing-fixtures.ts";

const RUNS = 6_000;
const LAST = Date.parse("2026-11-01T00:00:00.000Z");

let database: TestDatabase;
let db: Database;
let admin: Actor;
let editor: Actor;
let viewer: Actor;
let datasource: string;
let hidden: string;
let query: string;
beforeAll(async () => {
  database = await freshDatabase();
  db = openDatabase(database.url);
  admin = await makeActor(db, "admin");
  editor = await makeActor(db, "editor");
  viewer = await makeActor(db, "viewer");
  datasource = await makeDatasource(db, admin, { everyone: true });
  hidden = await makeDatasource(db, admin);
  query = await makeQuery();
  // A run a second; every second one is on the datasource that nobody but admins may use.
  await sql`
    insert into runs (id, org_id, kind, status, datasource_id, query_id, query_version, sql, timeout_ms, max_rows, max_bytes,
      trigger, created_by, queued_at, finished_at, error)
    select (lpad(to_hex(${LAST}::bigint - 1000 * (${RUNS}::int - n)), 12, '0') || '7000' || '8000' || lpad(to_hex(n), 12, '0'))::uuid,
      ${admin.org_id}, case when n % 50 = 0 then 'introspect' else 'query' end,
      case when n % 500 = 1 then 'failed' else 'succeeded' end,
      case when n % 2 = 0 then ${hidden}::uuid else ${datasource}::uuid end,
      case when n % 3 = 0 then ${query}::uuid end, case when n % 3 = 0 then 1 end,
      case when n % 50 <> 0 then 'select ' || n end, 1, 1, 1,
      case when n % 10 = 0 then 'schedule' else 'user' end,
      case when n % 1000 = 3 then ${viewer.user_id}::uuid else ${editor.user_id}::uuid end,
      to_timestamp((${LAST}::bigint - 1000 * (${RUNS}::int - n)) / 1000.0), now(),
      case when n % 500 = 1 then '{"code": "sql_error"}'::jsonb end
    from generate_series(1, ${RUNS}::int) as n`.execute(db);
  await sql`analyze runs`.execute(db);
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

async function makeQuery(): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    with made as (insert into queries (org_id) values (${admin.org_id}) returning id)
    insert into query_versions (query_id, version, name, datasource_id, sql)
    select id, 1, 'q', ${datasource}, 'select 1' from made returning query_id as id`.execute(db);
  return rows[0]!.id;
}

/** All pages of a list, and how many there were. */
async function everything(actor: Actor, filter: RunFilter, budget?: number) {
  const numbers: number[] = [];
  let pages = 0;
  let cursor: string | undefined;
  do {
    const page = await listRuns(db, actor, { ...filter, limit: 200, cursor }, budget);
    numbers.push(...page.items.map(({ id }) => Number.parseInt(id.slice(-12), 16)));
    pages += 1;
    cursor = page.next_cursor ?? undefined;
    if (page.searched_to !== null) expect(page.next_cursor).not.toBeNull();
  } while (cursor !== undefined);
  return { numbers, pages };
}

const all = Array.from({ length: RUNS }, (_, n) => RUNS - n);

test("every filter finds exactly its runs, in order, however little a page may look through", async () => {
  const at = (n: number) => new Date(LAST - 1000 * (RUNS - n)).toISOString();
  const filters: [RunFilter, (n: number) => boolean][] = [
    [{}, () => true],
    [{ status: "failed" }, (n) => n % 500 === 1],
    [{ status: "succeeded", trigger: "schedule" }, (n) => n % 10 === 0],
    [{ kind: "introspect" }, (n) => n % 50 === 0],
    [{ kind: "query", datasource_id: hidden }, (n) => n % 2 === 0 && n % 50 !== 0],
    [{ query_id: query, status: "failed" }, (n) => n % 3 === 0 && n % 500 === 1],
    [{ created_by: viewer.user_id }, (n) => n % 1000 === 3],
    [{ search: "SELECT 59" }, (n) => n % 50 !== 0 && `${n}`.startsWith("59")],
    [{ from: at(100), to: at(110) }, (n) => n >= 100 && n < 110],
  ];
  for (const [filter, matches] of filters) {
    const expected = all.filter(matches);
    expect((await everything(admin, filter)).numbers).toEqual(expected);
    expect((await everything(admin, filter, 700)).numbers).toEqual(expected);
  }
});

test("each person sees theirs, and only theirs", async () => {
  const granted = (n: number) => n % 2 === 1;
  expect((await everything(editor, {}, 1_000)).numbers).toEqual(all.filter(granted));
  const ofViewer = all.filter((n) => granted(n) && (n % 3 === 0 || n % 1000 === 3));
  expect((await everything(viewer, {}, 1_000)).numbers).toEqual(ofViewer);
  expect((await everything(viewer, { status: "failed" })).numbers).toEqual(
    ofViewer.filter((n) => n % 500 === 1),
  );
  expect((await everything(editor, { datasource_id: hidden })).numbers).toEqual([]);
});

test("a page that has looked through enough says how far, and its cursor goes on from there", async () => {
  const page = await listRuns(db, admin, { search: "nowhere", limit: 50 }, 1_000);
  expect(page.items).toEqual([]);
  expect(page.searched_to).toBe(new Date(LAST - 1000 * 999).toISOString());
  const { numbers, pages } = await everything(admin, { search: "nowhere" }, 1_000);
  expect(numbers).toEqual([]);
  expect(pages).toBe(RUNS / 1_000 + 1);
});

test("a histogram that has counted enough says from when on it did", async () => {
  const range = {
    from: new Date(LAST - 1000 * RUNS).toISOString(),
    to: new Date(LAST + 1000).toISOString(),
    buckets: 6,
  };
  const { buckets, counted_from } = await readRunHistogram(db, admin, range);
  expect(counted_from).toBeNull();
  expect(buckets.reduce((sum, { succeeded, failed }) => sum + succeeded + failed, 0)).toBe(RUNS);
  const some = await readRunHistogram(db, admin, range, 1_000);
  expect(some.counted_from).toBe(new Date(LAST - 1000 * 999).toISOString());
  expect(some.buckets.reduce((sum, { succeeded, failed }) => sum + succeeded + failed, 0)).toBe(
    1_000,
  );
});

test("no filter reads the table from end to end", async () => {
  const id = hidden;
  const filters: RunFilter[] = [
    {},
    { status: "queued" },
    { status: "running" },
    { status: "failed" },
    { status: "succeeded" },
    { kind: "introspect" },
    { trigger: "schedule" },
    { datasource_id: id },
    { query_id: id },
    { created_by: id },
    { related_to: id },
    { search: "x" },
    { from: new Date(0).toISOString(), to: new Date().toISOString() },
  ];
  for (const actor of [admin, editor, viewer]) {
    for (const filter of filters) {
      const { some } = await candidates(db, actor, filter, null, 1_000);
      const { sql: text, parameters } = sql`explain (format json) ${some}`.compile(db);
      const plan = await db.transaction().execute(async (trx) => {
        // Small tables are read whole because that is cheap; here it is asked whether there is another way.
        await sql`set local enable_seqscan = off`.execute(trx);
        return trx.executeQuery(CompiledQuery.raw(text, [...parameters]));
      });
      const shape = JSON.stringify(plan.rows);
      expect(shape, JSON.stringify(filter)).not.toMatch(/Seq Scan/);
      expect(shape, JSON.stringify(filter)).toMatch(/"Index Name":"(runs|queue)_/);
    }
  }
});
