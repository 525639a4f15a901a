import { eventually } from "@quern/connectors/testing/conformance";
import { type TestClient, testClient } from "@quern/connectors/testing/target";
import type { Place } from "@quern/psql/session";
import { emptyDatabase, type TestDatabase } from "@quern/store/testing";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { ExecutionEvents } from "./executor-process.ts";
import type { ScriptRequest } from "./messages.ts";
import { LIMITS, testExecutors } from "./testing.ts";
import { removeTrees, scriptRequest, startScript, type Tree } from "./testing-scripts.ts";

let database: TestDatabase;
let client: TestClient;
let pool: Awaited<ReturnType<typeof testExecutors>>;

beforeAll(async () => {
  database = await emptyDatabase();
  client = await testClient(database);
  pool = await testExecutors(() => database.name, { size: 2, warm: 2 });
});

afterAll(async () => {
  await pool.stop();
  removeTrees();
  await client.end();
  await database.drop();
});

const start = (tree: Tree, over: Partial<ScriptRequest> = {}, events: ExecutionEvents = {}) =>
  startScript(pool.executors, database.name, tree, over, events);
const run = (...given: Parameters<typeof start>) => start(...given).result;

async function one(sql: string): Promise<unknown> {
  const { rows } = await client.query({ text: sql, rowMode: "array" });
  return rows[0]?.[0] ?? null;
}

test("a script's answers are results, wherever its files are", async () => {
  const outcome = await run(
    {
      "test/head.sql":
        "-- é😀\n\\ir ../lib/made.sql\nselect :'who' as who, :n::int8 as n;\n\\echo done :n\nselect 1 \\; select 2;",
      "lib/made.sql": "create table made (n int);\ninsert into made values (1), (2) returning n;",
    },
    { variables: { who: "it's", n: "7" } },
  );
  expect(outcome).toMatchObject({ status: "succeeded", error: null, rows: 5 });
  const shown = outcome.statements.map(({ command, start, end }) => [command, start, end]);
  const text = "-- é😀\n\\ir ../lib/made.sql\n";
  expect(shown).toEqual([
    ["CREATE TABLE", 0, 0],
    ["INSERT 0 2", 0, 0],
    ["SELECT 1", text.length, text.length + "select :'who' as who, :n::int8 as n;".length],
    ["SELECT 1", expect.any(Number), expect.any(Number)],
    ["SELECT 1", expect.any(Number), expect.any(Number)],
  ]);
  expect(outcome.parts.map(({ statement, rows }) => [statement, rows])).toEqual([
    [1, 2],
    [2, 1],
    [3, 1],
    [4, 1],
  ]);
  expect(outcome.script).toMatchObject({
    statements: 4,
    transaction: "idle",
    output: "done 7\n",
    place: null,
    ended_at_place: { file: "test/head.sql", line: 5 },
  });
});

test("an error has its file, line and place, and what it is", async () => {
  const included = await run({
    "a.sql": "select 1;\n\\i lib/b.sql\n",
    "lib/b.sql": "-- é😀\nselect 2;\nselect '😀', nope;\n",
  });
  expect(included.error).toMatchObject({
    code: "sql_error",
    sqlstate: "42703",
    file: "lib/b.sql",
    line: 3,
    position: null,
  });
  expect(included.script).toMatchObject({
    error_code: "sql_error",
    place: { file: "lib/b.sql", line: 3, statement: 3 },
    position: "-- é😀\nselect 2;\nselect '😀', ".length,
  });
  const own = await run({ "a.sql": "select 1;\nselect\n  'é', nope;" });
  const position = "select 1;\nselect\n  'é', ".length;
  expect(own.error).toMatchObject({ file: "a.sql", line: 3, position });
  const unknown = await run({ "a.sql": "select 1;\n\\frobnicate\n" });
  expect(unknown).toMatchObject({
    status: "failed",
    error: { code: "script_error", file: "a.sql", line: 2, sqlstate: null },
    script: { error_code: "unsupported_meta_command", statements: 1 },
  });
  const missing = await run({ "a.sql": "\\i nowhere.sql" });
  expect(missing.script?.error_code).toBe("include_missing");
  const denied = await run({
    "a.sql": "set role pg_monitor;\ncreate table public.x ();",
  });
  expect(denied.error).toMatchObject({ code: "permission_denied", line: 2 });
  const { target } = scriptRequest(database.name, {});
  const wrong = { ...target, secret: { password: "wrong-password" } };
  const unreachable = await run({ "a.sql": "select 1" }, { target: wrong });
  expect(unreachable.error).toMatchObject({ code: "auth_failed", file: null, line: null });
  expect(JSON.stringify(unreachable)).not.toContain("wrong-password");
});

test("a transaction that is left open, and errors that the script passes over, are told", async () => {
  const open = await run({ "a.sql": "create table kept ();\nbegin;\ncreate table lost ();\n" });
  expect(open).toMatchObject({
    status: "failed",
    error: { code: "script_error", file: "a.sql", line: 2 },
    script: { error_code: "open_transaction_at_boundary", transaction: "open" },
  });
  const found = "select to_regclass('kept') is not null and to_regclass('lost') is null";
  expect(await one(found)).toBe(true);
  const over = await run({
    "a.sql": "\\set ON_ERROR_STOP off\nselect 1/0;\nselect 'on' as went;\n\\warn careful\n",
  });
  expect(over).toMatchObject({ status: "succeeded", error: null, rows: 1 });
  expect(over.script?.passed_over).toMatchObject([{ sqlstate: "22012", place: { line: 2 } }]);
  expect(over.script?.output).toMatch(/division by zero[\s\S]*careful\n$/);
});

test("rows of a statement that failed half-way are no result, and the next ones are", async () => {
  const sql = `\\set ON_ERROR_STOP off
select n, repeat('x', 200), 1 / (100000 - n) from generate_series(1, 200000) n;
select n from generate_series(1, 30000) n;`;
  const outcome = await run({ "a.sql": sql });
  expect(outcome).toMatchObject({ status: "succeeded", rows: 30_000 });
  const index = outcome.statements[0]?.index;
  const rows = outcome.parts.filter(({ statement }) => statement === index);
  expect(rows.reduce((sum, part) => sum + part.rows, 0)).toBe(30_000);
});

test("notices say where, settings hold from the start, limits cut", async () => {
  const outcome = await run(
    {
      "a.sql":
        "do $$ begin raise notice 'hello'; end $$;\nreset all;\nselect current_setting('search_path') as path, generate_series(1, 100) as n;",
    },
    {
      session: { settings: { search_path: "pg_catalog, public" }, statement_timeout_ms: 4_000 },
      limits: { ...LIMITS, max_rows: 10 },
    },
  );
  expect(outcome).toMatchObject({
    status: "succeeded",
    rows: 10,
    truncated: "rows",
    notices: ["a.sql:1: NOTICE: hello"],
  });
  const slow = await run(
    { "a.sql": "select 1;\nselect pg_sleep(30);" },
    { session: { statement_timeout_ms: 1_000 } },
  );
  expect(slow.error).toMatchObject({ code: "timeout", sqlstate: "57014", line: 2 });
});

test("a long script tells where it is, and a cancel stops it at the server, after \\c too", async () => {
  await using other = await emptyDatabase();
  const places: Place[] = [];
  const sleeping = async () =>
    await one(
      `select pid from pg_stat_activity where datname = '${other.name}' and query like '%pg_sleep%'`,
    );
  const execution = start(
    { "a.sql": `select 1;\n\\c ${other.name}\n\nselect pg_sleep(60);` },
    {},
    { onPlace: (place) => places.push(place) },
  );
  await eventually(sleeping);
  const told = () => (places.at(-1)?.line === 4 ? places.at(-1) : null);
  expect(await eventually(async () => told())).toMatchObject({ file: "a.sql", statement: 2 });
  execution.cancel();
  expect(await execution.result).toMatchObject({ status: "canceled", cancel: { confirmed: true } });
  expect(await sleeping()).toBeNull();
});

test("a cancel in the middle of COPY ends it; a timeout of the run, too", async () => {
  await client.query("create table copied (n int)");
  // Big enough to be on its way for a while.
  const data = Buffer.alloc(64 * 1024 * 1024, "1234567\n");
  const begin = Buffer.from("copy copied from stdin;\n");
  const execution = start({ "a.sql": Buffer.concat([begin, data, Buffer.from("\\.\n")]) });
  await eventually(async () =>
    one(
      "select pid from pg_stat_activity where datname = current_database() and query like 'copy copied%'",
    ),
  );
  execution.cancel();
  expect(await execution.result).toMatchObject({ status: "canceled", cancel: { confirmed: true } });
  expect(await one("select count(*)::int from copied")).toBe(0);
  const late = await run(
    { "a.sql": "select pg_sleep(60)" },
    { limits: { ...LIMITS, timeout_ms: 300 } },
  );
  expect(late.error).toMatchObject({ code: "timeout" });
});

/** A second or two, but for a machine that has other work. */
const LOADED_MS = 120_000;
test(
  "memory stays where it is: 200 MB into COPY, millions of rows and huge ones thrown away",
  async () => {
    // Processes that have done other work before are bigger.
    const fresh = await testExecutors(() => database.name, { size: 1, warm: 1 });
    onTestFinished(() => fresh.stop());
    const alone = (file: string | Uint8Array) =>
      startScript(fresh.executors, database.name, { "a.sql": file }, { rows: "discard" }).result;
    const line = Buffer.from(`${"x".repeat(1_023)}\n`);
    const data = Buffer.alloc(200 * 1024 * 1024, line);
    const copy = Buffer.concat([
      Buffer.from("create unlogged table texts (t text);\ncopy texts from stdin;\n"),
      data.subarray(0, data.length - (data.length % line.length)),
      Buffer.from("\\.\nselect count(*) from texts;\n"),
    ]);
    const copied = await alone(copy);
    expect(copied).toMatchObject({ status: "succeeded", error: null, statements: [], parts: [] });
    expect(await one("select count(*)::int from texts")).toBe(204_800);
    await client.query("drop table texts");
    const discarded = await alone(
      "select n, n, n from generate_series(1, 3000000) n;\nselect repeat('x', 100000000) from generate_series(1, 3);",
    );
    expect(discarded).toMatchObject({ status: "succeeded", error: null, rows: 0 });
    for (const { peak_rss } of [copied, discarded]) expect(peak_rss).toBeLessThan(200 * 1024 ** 2);
  },
  LOADED_MS,
);
