import { randomUUID } from "node:crypto";
import { PassThrough } from "node:stream";
import { testServer, testUrl } from "@quern/store/testing";
import { Client } from "pg";
import { expect, test } from "vitest";
import { coloursOf } from "../colours.ts";
import { repl, type Target } from "./repl.ts";
import { endedStatements } from "./statements.ts";

const plain = coloursOf(false);

/** A shell whose input is typed here. */
function shell({ isTTY }: { isTTY: boolean }) {
  const { host, port, user, password } = testServer();
  const target: Target = { host, port, user, password, database: "postgres", ssl: false };
  const input = Object.assign(new PassThrough(), { isTTY });
  const said: string[] = [];
  let out = "";
  const ended = repl(
    target,
    {
      interrupts: { signal: new AbortController().signal, take: () => () => {} },
      terminal: {
        out: async (data) => {
          out += data.toString();
        },
        say: (line) => said.push(line),
        progress: () => {},
        isTTY: false,
        columns: 80,
        colours: { out: plain, err: plain },
      },
    },
    { input, output: new PassThrough().resume() },
  );
  return { input, said, ended, out: () => out };
}

test("statements of a pipe are run, over lines and with semicolons inside, in one session", async () => {
  const { input, ended, out, said } = shell({ isTTY: false });
  input.end(`create temp table t (a text); insert into t
    values (';'), ($$a;
b$$);
select a, length(a) as n
from t;
do 'begin raise notice ''heard''; end';
select null as last`);
  expect(await ended).toBe(0);
  expect(out()).toBe(
    [
      "CREATE\nINSERT 2",
      "  a   | n\n------+---\n ;    | 1\n a;↵b | 4\n(2 rows)",
      "DO\n last\n------\n NULL\n(1 row)\n",
    ].join("\n"),
  );
  expect(said).toEqual(["NOTICE: heard"]);
});

test("the first error of a pipe ends it, with its place", async () => {
  const { input, ended, out, said } = shell({ isTTY: false });
  input.end("select 1 as one;\nselect\n  nosuch;\nselect 2 as two;\n");
  expect(await ended).toBe(1);
  expect(out()).not.toContain("two");
  expect(said).toEqual(['ERROR: column "nosuch" does not exist', "LINE 2:   nosuch;\n          ^"]);
});

test("on a terminal an error is no end, and Ctrl-C stops a statement, not the shell", async () => {
  const { input, ended, out, said } = shell({ isTTY: true });
  const until = async (done: () => boolean) => {
    while (!done()) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  input.write("nonsense;\nselect 'after' as word;\n");
  await until(() => out().includes("after"));
  expect(said.some((line) => line.includes("syntax error"))).toBe(true);
  const mark = randomUUID();
  input.write(`select pg_sleep(600) as "${mark}";\n`);
  await runs(mark);
  // Once: a second one that is late would stop the statement after this one.
  input.write("\u0003");
  await until(() => said.some((line) => line.includes("canceling statement")));
  input.write("\nselect 'still here' as word;\n\\q\n");
  expect(await ended).toBe(0);
  expect(out()).toContain("still here");
});

/** Resolves when a statement with that text is under way at the server. */
async function runs(text: string): Promise<void> {
  const client = new Client({ connectionString: testUrl("postgres") });
  await client.connect();
  try {
    const sql = `select from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() and strpos(query, $1) > 0`;
    await expect.poll(async () => (await client.query(sql, [text])).rowCount).toBe(1);
  } finally {
    await client.end();
  }
}

test("a statement ends at a semicolon that is in no string, comment, parenthesis or body", () => {
  expect(
    endedStatements(
      "select ';' -- ;\n; select /* ; */ 1; create rule r as on insert to t do (select 1; select 2)",
    ),
  ).toEqual({
    statements: ["select ';' -- ;\n;", "select /* ; */ 1;"],
    rest: " create rule r as on insert to t do (select 1; select 2)",
  });
  const body =
    "create function f() returns int begin atomic select 1; select case when true then 1 end; end;";
  expect(endedStatements(body).statements).toEqual([body]);
  expect(endedStatements("select $a$ ; ")).toEqual({ statements: [], rest: "select $a$ ; " });
});
