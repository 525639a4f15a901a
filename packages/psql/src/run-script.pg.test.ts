import { emptyDatabase, type TestDatabase, testServer } from "@quern/store/testing";
import pg from "pg";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { runScript } from "./run-script.ts";
import type { ScriptOutcome } from "./script.ts";
import { ScriptError, type ScriptProblem } from "./script-error.ts";
import { openTestSession } from "./testing.ts";
import { cleanDatabase } from "./testing-state.ts";

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await emptyDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});

afterEach(async () => {
  await cleanDatabase(client);
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

type Tree = Record<string, string | Uint8Array | AsyncIterable<Uint8Array>>;
type Ran = { output: string; errors: string; end: ScriptOutcome | ScriptProblem };

async function run(tree: Tree | string, variables: Record<string, string> = {}): Promise<Ran> {
  const files = typeof tree === "string" ? { "main.sql": tree } : tree;
  const ran: Omit<Ran, "end"> = { output: "", errors: "" };
  const { host, port, user, password } = testServer();
  const config = { host, port, user, password, database: database.name };
  const session = await openTestSession(config, (text) => {
    ran.output += text;
  });
  const read = async (path: string) => {
    const content = files[path];
    return typeof content === "string" ? Buffer.from(content) : (content ?? null);
  };
  try {
    const end = await runScript(
      { files: { read }, entry: "main.sql", variables, rows: "result" },
      session,
      {
        began: () => {},
        output: (text, stream) => {
          if (stream === "out") ran.output += text;
          else ran.errors += text;
        },
      },
    );
    return { ...ran, end };
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    return { ...ran, end: error.problem };
  } finally {
    await session.close();
  }
}

async function problemOf(...given: Parameters<typeof run>): Promise<string> {
  const { end } = await run(...given);
  if (!("code" in end)) throw new Error("the script came to its end");
  return `${end.place.file}:${end.place.line} ${end.code}`;
}

test("what a script may not do ends it, whatever ON_ERROR_STOP says", async () => {
  const off = "\\set ON_ERROR_STOP off\n";
  expect(await problemOf(`${off}\\! ls`)).toBe("main.sql:2 refused_command");
  expect(await problemOf(`${off}\\echo \`ls\``)).toBe("main.sql:2 refused_command");
  expect(await problemOf(`${off}\\copy t from program 'ls'`)).toBe("main.sql:2 refused_command");
  expect(await problemOf(`${off}\\copy (select 1) to 'x'`)).toBe("main.sql:2 refused_command");
  expect(await problemOf(`${off}select 1 \\g | cat`)).toBe("main.sql:2 refused_command");
  expect(await problemOf(`${off}select 1 \\g x.txt`)).toBe("main.sql:2 refused_command");
  expect(await problemOf(`${off}\\o x.txt`)).toBe("main.sql:2 refused_command");
  expect(await problemOf(`${off}\\d t`)).toBe("main.sql:2 unsupported_meta_command");
  expect(await problemOf(`${off}\\i ../x.sql`)).toBe("main.sql:2 path_escape");
  expect(await problemOf(`${off}\\ir /x.sql`)).toBe("main.sql:2 path_escape");
  expect(await problemOf(`${off}\\copy t from '../x'`)).toBe("main.sql:2 path_escape");
  expect(await problemOf(`${off}\\encoding latin1`)).toBe("main.sql:2 unsupported_encoding");
  expect(await problemOf(`${off}set client_encoding = latin1;`)).toBe(
    "main.sql:2 unsupported_encoding",
  );
  expect(await problemOf(`${off}\\c "host=x"`)).toBe("main.sql:2 refused_command");
  expect(await problemOf(`${off}\\c - - elsewhere`)).toBe("main.sql:2 refused_command");
  expect(await problemOf(`${off}\\echo 'open`)).toBe("main.sql:2 unterminated");
});

test("includes that never end are errors with their chain", async () => {
  const tree = { "main.sql": "\\i a.sql", "a.sql": "select 1;\n\\i b.sql", "b.sql": "\\i a.sql" };
  const { end } = await run(tree);
  expect(end).toMatchObject({
    code: "include_cycle",
    message: "The file includes itself: a.sql → b.sql → a.sql.",
    place: { file: "b.sql", line: 1 },
  });
  const deep: Tree = { "main.sql": "\\i 0.sql" };
  for (let level = 0; level < 40; level += 1) deep[`${level}.sql`] = `\\i ${level + 1}.sql`;
  expect(await problemOf(deep)).toBe("31.sql:1 include_depth");
});

test("an error of the server has its place in the file", async () => {
  const text = "select 'é😀', 1;\nselect 'é😀',\n  'ü', nope,\n  1;\n";
  const { end } = await run({ "main.sql": "-- x\n\\i lib/b.sql\n", "lib/b.sql": text });
  expect(end).toMatchObject({
    code: "sql_error",
    sqlstate: "42703",
    place: { file: "lib/b.sql", line: 3, end_line: 4, statement: 2 },
    position: Buffer.byteLength(text.slice(0, text.indexOf("nope"))),
  });
  const expanded = await run("\\set c nope\nselect 1,\n :c, 2;");
  expect(expanded.end).toMatchObject({ position: "\\set c nope\nselect 1,\n ".length });
  const typed = await run("select 1 as a,\n'x'::int;");
  expect(typed.end).toMatchObject({ sqlstate: "22P02", place: { line: 2 }, position: 15 });
});

test("a variable that is not set is named when the server stumbles over it", async () => {
  const { end } = await run("select 1,\n  :limit;");
  expect(end).toMatchObject({
    code: "variable_undefined",
    place: { line: 2 },
    hint: expect.stringContaining("The variable limit is not set"),
  });
  expect((await run("select 1,\n  :limit;", { limit: "5" })).output).toBe("1|5\n");
});

test("a transaction that is left open is an error with the line where it began", async () => {
  expect(await problemOf("select 1;\nbegin;\nselect 2;\n")).toBe(
    "main.sql:2 open_transaction_at_boundary",
  );
  const tree = { "main.sql": "\\i b.sql\nselect 1;", "b.sql": "select 0;\n\nbegin;" };
  expect(await problemOf(tree)).toBe("b.sql:3 open_transaction_at_boundary");
  const failed = "\\set ON_ERROR_STOP off\nbegin;\nselect nonsense;\n";
  expect(await problemOf(failed)).toBe("main.sql:2 open_transaction_at_boundary");
  const ended = { "main.sql": "\\i b.sql\ncommit;\nbegin; rollback;", "b.sql": "begin;" };
  expect((await run(ended)).end).toMatchObject({ statements: 4, passed_over: [] });
});

test("what is not closed, or no text, is told before it is sent", async () => {
  expect(await problemOf("select 1;\nselect 'abc;\n")).toBe("main.sql:2 unterminated");
  expect(await problemOf("select $x$ ;\n")).toBe("main.sql:1 unterminated");
  expect(await problemOf("select 1 /* /* */ ;\n")).toBe("main.sql:1 unterminated");
  expect(await problemOf({ "main.sql": Buffer.from("select 1;\nselect '\xe9'", "latin1") })).toBe(
    "main.sql:2 invalid_utf8",
  );
  expect(await problemOf("select '\0';")).toBe("main.sql:1 invalid_utf8");
  expect(await problemOf("PGDMP\x01")).toBe("main.sql:1 invalid_utf8");
});

test("a meta-command in the value of a variable is refused", async () => {
  expect(await problemOf("\\set x '\\\\i b.sql'\nselect 1 :x")).toBe("main.sql:2 refused_command");
  expect((await run("\\set x '\\\\; select 2'\nselect 1 :x;")).output).toBe("1\n2\n");
});

test("values of variables that grow without end are refused", async () => {
  const doubling = Array.from({ length: 40 }, () => "\\set a :a:a").join("\n");
  expect(await problemOf(`\\set a ${"x".repeat(1000)}\n${doubling}`)).toMatch(/invalid_argument$/);
  const chained = Array.from({ length: 40 }, (_, n) => `\\set v${n} ':v${n + 1} :v${n + 1}'`);
  expect(await problemOf(`${chained.join("\n")}\n\\set v40 ''\nselect :v0;`)).toBe(
    "main.sql:42 script_too_large",
  );
});

test("settings that would change what a step is are refused", async () => {
  expect(await problemOf("\\set AUTOCOMMIT off")).toBe("main.sql:1 refused_command");
  expect(await problemOf("\\set SINGLESTEP")).toBe("main.sql:1 refused_command");
  expect(await problemOf("select 1;", { AUTOCOMMIT: "off" })).toBe("main.sql:1 refused_command");
  expect(await problemOf("select 1;", { "a b": "" })).toBe("main.sql:1 invalid_argument");
  const passed = await run("select nope; select 1;", { ON_ERROR_STOP: "off" });
  expect(passed.output).toBe("1\n");
});

test("errors that are passed over are kept and told", async () => {
  const { end, errors, output } = await run(
    "\\set ON_ERROR_STOP off\nselect nope;\nselect\n1/0;\n\\nosuch\nselect 3;",
  );
  expect(output).toBe("3\n");
  expect(end).toMatchObject({
    statements: 3,
    passed_over: [
      { code: "sql_error", place: { line: 2 } },
      { code: "sql_error", sqlstate: "22012", place: { line: 3 } },
      { code: "unsupported_meta_command", place: { line: 5 } },
    ],
  });
  expect(errors).toContain('main.sql:2: ERROR:  column "nope" does not exist\n');
});

test("data of a COPY may come in any pieces, and CSV ends at its mark", async () => {
  const script =
    'create table t (a int, b text);\ncopy t from stdin csv;\n1,"x\n;\'é"\n2,y\n\\.\nselect count(*), max(length(b)) from t;\n';
  async function* bytewise() {
    for (const byte of Buffer.from(script)) yield Buffer.from([byte]);
  }
  for (const file of [script, bytewise()]) {
    expect((await run({ "main.sql": file })).output).toBe("2|5\n");
    await client.query("drop table t");
  }
});

test("a COPY that fails leaves none of its data to be read as a script", async () => {
  async function* long() {
    yield Buffer.from("\\set ON_ERROR_STOP off\ncreate table t (a int);\ncopy t from stdin;\nx\n");
    for (let piece = 0; piece < 200; piece += 1) yield Buffer.from("\\! no\n".repeat(1_000));
    yield Buffer.from("\\.\nselect 'after';\n");
  }
  const { output, end } = await run({ "main.sql": long() });
  expect(output).toBe("after\n");
  expect(end).toMatchObject({ passed_over: [{ sqlstate: "22P02" }] });
});

test("rows of a gset and a gexec are limited, and errors of a gexec are at its place", async () => {
  expect(await problemOf("select 1;\nselect 'select nope'\n\\gexec\n")).toBe(
    "main.sql:2 sql_error",
  );
  expect(await problemOf("select generate_series(1, 3) as a\n\\gset")).toBe(
    "main.sql:1 invalid_argument",
  );
});

test("conditions that are no booleans are told", async () => {
  const { errors } = await run("\\if maybe\n\\endif\n\\set x 1 \\unset x y\n");
  expect(errors).toContain("main.sql:1: “maybe” is no boolean");
  expect(errors).toContain("“y”");
});
