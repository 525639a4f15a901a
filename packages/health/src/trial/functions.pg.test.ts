/** What the sandbox of a trial does with statements that are slow, refused or canceled. */
import { type Database, openDatabase } from "@quern/store/db";
import { emptyDatabase, type TestDatabase } from "@quern/store/testing";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { FUNCTIONS } from "./functions.ts";
import { jsonLiteral } from "./json-literal.ts";
import { ROW_FUNCTIONS } from "./row-functions.ts";

let database: TestDatabase;
/** One session each. */
let client: Database;
let other: Database;
let pid: number;

const query = async <T = unknown>(text: string, as = client) =>
  (await sql.raw<T>(text).execute(as)).rows;

beforeAll(async () => {
  database = await emptyDatabase();
  client = openDatabase(database.url, { max: 1 });
  other = openDatabase(database.url, { max: 1 });
  await query(FUNCTIONS);
  await query(ROW_FUNCTIONS);
  await query("create table kept (a integer); insert into kept values (1)");
  pid = (await query<{ pid: number }>("select pg_backend_pid() as pid"))[0]!.pid;
});
afterAll(async () => {
  await client.destroy();
  await other.destroy();
  await database.drop();
});
beforeEach(async () => {
  await query("deallocate all; reset all; truncate quern_trial.answers, quern_trial.gaps");
});

const begin = (settings: object) =>
  query(`call quern_trial.begin_side(${jsonLiteral(settings)}, 'public')`);
const reads = [{ s: "public", t: "kept", object: "public.kept" }];
const time = (n: number, text: string) =>
  query(`call quern_trial.time(${jsonLiteral({ n, text, parameters: [], reads })})`);
const answers = () => query("select * from quern_trial.answers order by n");

test("a statement that runs into its bound says so, and what comes after it is timed", async () => {
  await begin({});
  // Enough for the others on a busy machine.
  await query("set statement_timeout = '2s'");
  await time(1, "select pg_sleep(30)");
  await time(2, "delete from kept");
  await time(3, "select 1 / a from kept where a = 0 / a");
  await time(4, "select a / 0 from kept");
  expect(await answers()).toMatchObject([
    { n: 1, untimed: "too_long", why: "2", ms: null, plan: expect.stringContaining("Result") },
    { n: 2, untimed: null, runs: 5, plan: expect.stringContaining("Actual Rows") },
    { n: 3, untimed: null, runs: 5 },
    { n: 4, untimed: "failed", why: "22012", ms: null },
  ]);
  expect(await query("select * from kept"), "what was written is undone").toHaveLength(1);
});

test.each(["0", "1min"])("whoever cancels means all of it, with a bound of %s", async (bound) => {
  await begin({});
  await query(`set statement_timeout = '${bound}'`);
  let over = false;
  const timed = time(1, "select pg_sleep(30)")
    .catch((error: unknown) => error)
    .finally(() => {
      over = true;
    });
  const isAsleep = `select from pg_stat_activity where pid = ${pid} and wait_event = 'PgSleep'`;
  while (!over && (await query(isAsleep, other)).length === 0);
  await query(`select pg_cancel_backend(${pid})`, other);
  expect(await timed).toMatchObject({ code: "57014" });
  expect(await answers()).toEqual([]);
});

test("settings that are refused are noted, and the others hold", async () => {
  await begin({ work_mem: "1", enable_hashjoin: "off", enable_nothing: "on", seq_page_cost: "3" });
  const rows = await query(`
    select current_setting('enable_hashjoin') as hashjoin, current_setting('seq_page_cost') as page,
      (select array_agg(object order by object) from quern_trial.gaps where kind = 'setting') as refused`);
  expect(rows).toEqual([{ hashjoin: "off", page: "3", refused: ["enable_nothing", "work_mem"] }]);
});

test("a plan for no reader is left out, and its cost stays", async () => {
  const rows = await query(`
    select quern_trial.readable(to_jsonb(repeat('x', 1000000))) is null as large, quern_trial.readable('{"a": 1}') as small`);
  expect(rows).toEqual([{ large: true, small: '{"a": 1}' }]);
});
