/** What psql sends of scripts put together at random, by its own account (-e), and what the interpreter sends. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { blankEnd } from "@quern/contract/postgres-lexer";
import { emptyDatabase, type TestDatabase, testServer } from "@quern/store/testing";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runScript } from "./run-script.ts";
import { ScriptError } from "./script-error.ts";
import type { ScriptSession } from "./session.ts";
import { openTestSession } from "./testing.ts";

const RUNS = Number(process.env.QUERN_PSQL_TEXTS ?? 15);
const hasPsql = spawnSync("psql", ["--version"]).status === 0;
let database: TestDatabase;
let folder: string;

beforeAll(async () => {
  database = await emptyDatabase();
  folder = await mkdtemp(join(tmpdir(), "quern-texts-"));
});

afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const part = fc.constantFrom(
  ..."'|''|'a'|\"|$$|$a$|$a|$1|/*|*/|--|\n|\n|\n|\r\n|;|;|(|)|E'|e'\\''|U&'|b'1'|\\;|\\:|::|:=|:a|:'a'|:\"a\"|:{?a}|:b|:c|:{?z}|:z|:".split(
    "|",
  ),
  ..."select |1|a|é|😀|1e|x$y|+|*-|.|,|[|]|create function |create or replace procedure |begin |end |case |atomic |as ".split(
    "|",
  ),
  ..."\n\\set a 1\n|\n\\set b ';'\n|\n\\set c '''q'\n|\\set d :a:b\n|\n\\if 1\n|\n\\if 0\n|\n\\elif 1\n|\n\\else\n|\n\\endif\n|\\g\n|\\r\n|\\echo 'x' \\\\|\\nosuch y\n|\n\\q\n".split(
    "|",
  ),
);
const script = fc.array(part, { minLength: 1, maxLength: 30 }).map((parts) => parts.join(""));

test.skipIf(!hasPsql)("psql sends the same texts", { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(script, async (text) => {
      const ours = await sentByUs(text);
      const theirs = await sentByPsql(text);
      // What is not closed at the end of a file psql sends all the same, for the server to refuse.
      expect(ours.unterminated ? theirs.slice(0, ours.sent.length) : theirs).toBe(ours.sent);
    }),
    { numRuns: RUNS, endOnFailure: RUNS === 15 },
  );
});

async function sentByPsql(text: string): Promise<string> {
  const path = join(folder, "main.sql");
  await writeFile(path, text);
  const { host, port, user, password } = testServer();
  const child = spawn("psql", ["-XqAte", "-v", "ON_ERROR_STOP=off", "-f", path], {
    env: {
      PATH: process.env.PATH,
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: user,
      PGPASSWORD: password,
      PGDATABASE: database.name,
      PGCLIENTENCODING: "UTF8",
    },
  });
  const output: Buffer[] = [];
  child.stdout.on("data", (piece: Buffer) => output.push(piece));
  child.stdin.end();
  await new Promise((resolve) => child.on("close", resolve));
  return solid(Buffer.concat(output).toString("utf8"));
}

async function sentByUs(text: string): Promise<{ sent: string; unterminated: boolean }> {
  const { host, port, user, password } = testServer();
  const config = { host, port, user, password, database: database.name };
  // One for each text, as psql has: a transaction that one leaves open is not the next one's.
  const session = await openTestSession(config, () => {});
  const sent: string[] = [];
  const recording: ScriptSession = {
    ...session,
    async query(request) {
      sent.push(request.sql);
      const outcome = await session.query({
        ...request,
        rows: { to: "collect", max_rows: 1_000, max_bytes: 1e6 },
      });
      for (const row of outcome.collected?.rows ?? [])
        sent.push(row.map((cell) => cell ?? "").join("|"));
      return outcome;
    },
  };
  const files = { read: async () => Buffer.from(text) };
  let unterminated = false;
  try {
    const { passed_over } = await runScript(
      { files, entry: "main.sql", variables: { ON_ERROR_STOP: "off" }, rows: "result" },
      recording,
      { began: () => {}, output: (words, stream) => void (stream === "out" && sent.push(words)) },
    );
    unterminated = passed_over.some(({ code }) => code === "unterminated");
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    // psql tells of an argument that is not closed, and goes on.
    unterminated = true;
  } finally {
    await session.close();
  }
  return { sent: solid(sent.join("\n")), unterminated };
}

/** Without blanks, comments and semicolons: a text of nothing else is not sent by the interpreter. */
function solid(text: string): string {
  let kept = "";
  for (let at = 0; at < text.length; ) {
    const end = blankEnd(text, at);
    if (end === at) kept += text[at];
    at = end === at ? at + 1 : end;
  }
  return kept.replaceAll(";", "");
}
