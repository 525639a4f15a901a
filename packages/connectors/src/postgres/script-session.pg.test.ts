import type { QueryRequest } from "@quern/psql/session";
import { emptyDatabase, type TestDatabase, testServer } from "@quern/store/testing";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { BackendHandle, Target } from "../connector.ts";
import {
  GENEROUS,
  keepingSink,
  type TestClient,
  testClient,
  testTarget,
} from "../testing/target.ts";
import { cancel } from "./cancel.ts";
import { type OpenScriptSession, openScriptSession } from "./script-session.ts";

let database: TestDatabase;
let client: TestClient;
const opened: OpenScriptSession[] = [];

beforeAll(async () => {
  database = await emptyDatabase();
  client = await testClient(database);
});

afterEach(() => {
  for (const session of opened.splice(0)) session.close();
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

const PLACE = { file: "a.sql", line: 1, end_line: 1, offset: 0, statement: 1 };

async function open(over: Partial<typeof GENEROUS> & { target?: Target } = {}) {
  const { sink, seen } = keepingSink();
  const handles: BackendHandle[] = [];
  const session = await openScriptSession(over.target ?? testTarget(database.name), {
    sink,
    limits: { ...GENEROUS, ...over },
    spanOf: () => ({ start: 0, end: 0 }),
    settings: { search_path: "public, pg_catalog" },
    async onSession(handle) {
      handles.push(handle);
    },
    onNotice: sink.notice,
  });
  opened.push(session);
  const ask = (sql: string, more: Partial<QueryRequest> = {}) =>
    session.query({
      sql,
      single: true,
      place: PLACE,
      rows: { to: "result" },
      params: null,
      async *copyData() {},
      ...more,
    });
  return { session, seen, handles, ask };
}

const several = { single: false };
const discard = { rows: { to: "discard" } } as const;
const collect = { rows: { to: "collect", max_rows: 3, max_bytes: 1_000 } } as const;

test("one statement's rows come typed, those of several texts as exact", async () => {
  const { ask, seen } = await open();
  await client.query("create type mood as enum ('fine')");
  const row =
    "select 1::int2, -7, 9007199254740993, 1.5::float4, 'NaN'::float8, true, 12.30::numeric(9,2), 'fine'::mood, null::int";
  const binary = await ask(row);
  const text = await ask(`${row}; select`, several);
  expect(binary).toEqual({
    answers: [{ command: "SELECT 1", rows: 1 }],
    error: null,
    collected: null,
  });
  expect(text.answers).toEqual([
    { command: "SELECT 1", rows: 1 },
    { command: "SELECT 1", rows: 1 },
  ]);
  const cells = [1, -7, 9007199254740993n, 1.5, Number.NaN, true, 1230n, "fine", null];
  expect(seen.statements.map(({ seen }) => seen)).toEqual([[cells], [cells], [[]]]);
  expect(seen.statements[0]?.columns?.[7]?.source_type).toBe("mood");
  expect(seen.statements.map(({ index }) => index)).toEqual([0, 1, 2]);
});

test("settings are the server's own but for those that were asked for", async () => {
  const { ask } = await open();
  const shown = await ask(
    "select current_setting('search_path'), current_setting('application_name'), current_setting('DateStyle'), current_setting('statement_timeout')",
    collect,
  );
  const { rows } = await client.query<{ style: string }>(
    "select current_setting('DateStyle') as style",
  );
  expect(shown.collected?.rows).toEqual([["public, pg_catalog", "psql", rows[0]?.style, "0"]]);
});

test("an error has its place in what was sent, and the session goes on", async () => {
  const { ask, session } = await open();
  const error = { sqlstate: "42703", position: 21, message: 'column "nope" does not exist' };
  for (const more of [{}, several, discard]) {
    expect(await ask("select 'é😀', 1 + 1, nope", more)).toMatchObject({ answers: [], error });
  }
  expect((await ask("insert into nowhere values (1)")).error?.sqlstate).toBe("42P01");
  expect((await ask("select $1")).error?.sqlstate).toBe("42P02");
  expect((await ask("select '\0'")).error).toMatchObject({ sqlstate: "22021", position: 9 });
  expect(session.transaction()).toBe("idle");
  await ask("begin");
  expect(session.transaction()).toBe("open");
  const half = await ask("select 1; select 1 / 0; select 3", several);
  expect(half).toMatchObject({ answers: [{ rows: 1 }], error: { sqlstate: "22012" } });
  expect(session.transaction()).toBe("failed");
  expect(await ask("rollback")).toMatchObject({ answers: [{ command: "ROLLBACK" }] });
  expect(session.transaction()).toBe("idle");
});

test("an error at the commit is that of the statement", async () => {
  const { ask, seen } = await open();
  await ask("create table late (id int unique deferrable initially deferred)");
  const twice = await ask("insert into late values (1), (1) returning id");
  expect(twice).toMatchObject({ answers: [], error: { sqlstate: "23505" } });
  expect(seen.statements.at(-1)?.command).toBeUndefined();
  expect((await ask("select count(*) from late", collect)).collected?.rows).toEqual([["0"]]);
});

test("rows beyond a limit are not kept, and the statement has had its effect", async () => {
  const { ask, seen } = await open({ max_rows: 10 });
  await ask("create table many (n int)");
  await ask("insert into many select generate_series(1, 5000) returning n");
  await ask("select n from many; select n from many", several);
  expect(seen.statements.slice(1).map(({ rows, truncated }) => [rows, truncated])).toEqual([
    [10, "rows"],
    [10, "rows"],
    [10, "rows"],
  ]);
  expect((await ask("select count(*) from many", collect)).collected?.rows).toEqual([["5000"]]);
});

test("what is collected is the last answer with rows, within bounds", async () => {
  const { ask } = await open();
  expect(
    await ask("select 1 as one, null; select 2 as two; analyze", { ...several, ...collect }),
  ).toMatchObject({
    answers: [{ rows: 1 }, { rows: 1 }, { command: "ANALYZE", rows: 0 }],
    collected: { columns: ["two"], rows: [["2"]] },
  });
  const bound = await ask("select $1 || $2", { ...collect, params: ["a", "b"] });
  expect(bound.collected?.rows).toEqual([["ab"]]);
  await expect(ask("select generate_series(1, 4)", collect)).rejects.toMatchObject({
    problem: { code: "too_many_rows", place: PLACE },
  });
  await expect(ask("select repeat('x', 1001)", collect)).rejects.toThrow(/at most 3 rows/);
  expect((await ask("select 5", collect)).collected?.rows).toEqual([["5"]]);
});

test("data goes into COPY, also between other statements; a refusal does not wait for all of it", async () => {
  const { ask } = await open();
  await ask("create table copied (n int)");
  let given = 0;
  const lines = (count: number, line = "1\n") =>
    async function* () {
      for (let n = 0; n < count; n += 1) {
        given += 1;
        yield Buffer.from(line.repeat(1_000));
      }
    };
  const both = await ask("copy copied from stdin; copy copied from stdin; select 7", {
    ...several,
    copyData: lines(2),
  });
  expect(both.answers.map(({ command }) => command)).toEqual([
    "COPY 2000",
    "COPY 2000",
    "SELECT 1",
  ]);
  given = 0;
  const refused = await ask("copy copied from stdin", { copyData: lines(100_000, "x\n") });
  expect(refused).toMatchObject({ answers: [], error: { sqlstate: "22P02" } });
  expect(given).toBeLessThan(20_000);
  const broken = ask("copy copied from stdin", {
    async *copyData() {
      yield Buffer.from("1\n");
      throw new Error("the file is gone");
    },
  });
  await expect(broken).rejects.toThrow("the file is gone");
  expect((await ask("select count(*) from copied", collect)).collected?.rows).toEqual([["4000"]]);
});

test("lines of COPY … TO STDOUT are rows", async () => {
  const { ask, seen } = await open();
  const copy = "copy (select n, 'é' from generate_series(1, 3) n) to stdout";
  expect(await ask(copy)).toMatchObject({ answers: [{ command: "COPY 3" }] });
  expect(seen.statements[0]).toMatchObject({
    columns: [{ name: "copy", type: "text" }],
    seen: [["1\té"], ["2\té"], ["3\té"]],
    rows_affected: 3,
  });
  expect(await ask(copy, discard)).toMatchObject({ answers: [{ command: "COPY 3" }] });
});

test("\\c goes to another database as another role; each session is told of before it is used", async () => {
  const { ask, session, handles } = await open();
  await client.query("drop role if exists script_guest");
  await client.query("create role script_guest login password 'x'");
  const other = await emptyDatabase();
  try {
    await session.connect({ database: other.name, user: null });
    expect((await ask("select current_database()", collect)).collected?.rows).toEqual([
      [other.name],
    ]);
    expect(session.info()).toMatchObject({ database: other.name, user: "postgres" });
    expect(new Set(handles.map(({ pid }) => pid)).size).toBe(2);
    // This server asks for a password, and that of one role is not given to another.
    await expect(session.connect({ database: null, user: "script_guest" })).rejects.toMatchObject({
      code: "auth_failed",
    });
    expect((await ask("select 1", collect)).collected?.rows).toEqual([["1"]]);
  } finally {
    session.close();
    await other.drop();
    await client.query("drop role script_guest");
  }
});

test("notices come, what the server reports is followed, text of other encodings is repaired", async () => {
  const { ask, session, seen } = await open();
  await ask("do $$ begin raise notice 'hello'; end $$");
  expect(seen.notices).toEqual(["NOTICE: hello"]);
  expect(session.info()).toMatchObject({ encoding: "UTF8", standard_conforming_strings: true });
  await ask("set standard_conforming_strings = off");
  await ask("set client_encoding = latin1");
  expect(session.info()).toMatchObject({ encoding: "LATIN1", standard_conforming_strings: false });
  await ask("select chr(233)");
  expect(seen.statements.at(-1)?.seen).toEqual([["\u{FFFD}"]]);
  expect(seen.notices.at(-1)).toMatch(/not UTF-8/);
});

test("a cancel ends the script over the same kind of socket, in the middle of COPY too", async () => {
  const { socketDir } = testServer();
  const target = testTarget(database.name, { host: socketDir });
  const { ask, handles } = await open({ target });
  await ask("create table stopped (n int)");
  let given = 0;
  const copying = ask("copy stopped from stdin", {
    async *copyData() {
      for (;;) {
        given += 1;
        yield Buffer.from("1\n".repeat(10_000));
      }
    },
  });
  const rejected = expect(copying).rejects.toMatchObject({ code: "canceled" });
  await expect.poll(() => given).toBeGreaterThan(10);
  expect(await cancel(target, handles[0]!, { grace_ms: 1_000 })).toBe("confirmed");
  await rejected;
});
