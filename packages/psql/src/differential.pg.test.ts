import { spawn, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { emptyDatabase, type TestDatabase, testServer } from "@quern/store/testing";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runScript } from "./run-script.ts";
import { ScriptError } from "./script-error.ts";
import { openTestSession } from "./testing.ts";
import { CORPUS, type CorpusCase } from "./testing-corpus.ts";
import { cleanDatabase, databaseState } from "./testing-state.ts";

/** What a script did, as far as both can tell. */
type Doing = {
  /** Rows and \echo, in order. */
  output: string;
  exit: 0 | 3;
  /** The first error: where, and for one of the server what. */
  error: string | null;
  state: string[];
};

/** The major version of the psql that is installed; 0 without one, and then there is nothing to compare with. */
const version = Number(
  /\d+/.exec(spawnSync("psql", ["--version"], { encoding: "utf8" }).stdout ?? "")?.[0] ?? 0,
);
const cases = CORPUS.filter(({ since }) => (since ?? 0) <= version);
let database: TestDatabase;
let client: pg.Client;
let folder: string;

beforeAll(async () => {
  database = await emptyDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  folder = await mkdtemp(join(tmpdir(), "quern-psql-"));
});

afterAll(async () => {
  await client.end();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

test.skipIf(version === 0).each(cases.map((one) => [one.name, one] as const))(
  "%s",
  async (_, one) => {
    await cleanDatabase(client);
    const theirs = await runByPsql(one);
    await cleanDatabase(client);
    const ours = await runByUs(one);
    expect(ours).toEqual(theirs);
  },
);

async function runByPsql(one: CorpusCase): Promise<Doing> {
  const place = await mkdtemp(join(folder, "case-"));
  for (const [path, content] of Object.entries(one.files)) {
    await mkdir(dirname(join(place, path)), { recursive: true });
    await writeFile(join(place, path), content);
  }
  const { host, port, user, password } = testServer();
  const options = Object.entries(one.variables ?? {}).flatMap(([name, value]) => [
    "-v",
    `${name}=${value}`,
  ]);
  const args = ["-X", "-qAt", "-v", "ON_ERROR_STOP=on", ...options, "-f", "main.sql"];
  const child = spawn("psql", args, {
    cwd: place,
    env: {
      PATH: process.env.PATH,
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: user,
      PGPASSWORD: password,
      PGDATABASE: database.name,
      PGCLIENTENCODING: "UTF8",
      LC_ALL: "C.UTF-8",
    },
  });
  const output: Buffer[] = [];
  const complaints: Buffer[] = [];
  child.stdout.on("data", (piece: Buffer) => output.push(piece));
  child.stderr.on("data", (piece: Buffer) => complaints.push(piece));
  child.stdin.end();
  const exit = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return {
    output: Buffer.concat(output).toString("utf8"),
    exit: exit as 0 | 3,
    error: exit === 0 ? null : lastError(Buffer.concat(complaints).toString("utf8")),
    state: await databaseState(client),
  };
}

/** `file:line` of the error that ended it, with its words when they are the server's. */
function lastError(complaints: string): string | null {
  const found = [
    ...complaints.matchAll(
      /^psql:(.+?):(\d+): (?:(ERROR): {2}(.*)|error: (?:\\copy: ERROR: {2}(.*)|.*))$/gm,
    ),
  ].at(-1);
  if (found === undefined) return complaints;
  const [, file, line, , message, copied] = found;
  return `${file}:${line} ${message ?? copied ?? "psql"}`;
}

async function runByUs(one: CorpusCase): Promise<Doing> {
  const { host, port, user, password } = testServer();
  let output = "";
  const print = (text: string) => {
    output += text;
  };
  const config = { host, port, user, password, database: database.name };
  const session = await openTestSession(config, print);
  let error: unknown = null;
  try {
    const files = { read: async (path: string) => bytesOf(one.files[path]) };
    const script = {
      files,
      entry: "main.sql",
      variables: one.variables ?? {},
      rows: "result" as const,
    };
    await runScript(script, session, {
      began: () => {},
      output: (text, stream) => {
        if (stream === "out") print(text);
      },
    });
  } catch (thrown) {
    error = thrown;
  } finally {
    await session.close();
  }
  return {
    output,
    exit: error === null ? 0 : 3,
    error: wordsOf(error),
    state: await databaseState(client),
  };
}

function bytesOf(content: string | undefined): Uint8Array | null {
  return content === undefined ? null : Buffer.from(content);
}

function wordsOf(error: unknown): string | null {
  if (error === null) return null;
  if (!(error instanceof ScriptError)) throw error;
  const { place, message, sqlstate } = error.problem;
  return `${place.file}:${place.end_line} ${sqlstate === null ? "psql" : message}`;
}
