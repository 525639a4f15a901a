/** A script's session over a Unix socket, as executors have them: what is read and written in pieces, and what comes unasked. */
import { createHash, randomBytes } from "node:crypto";
import type { QueryRequest } from "@quern/psql/session";
import { emptyDatabase, type TestDatabase, testServer } from "@quern/store/testing";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import {
  GENEROUS,
  keepingSink,
  type TestClient,
  testClient,
  testTarget,
} from "../testing/target.ts";
import { type OpenScriptSession, openScriptSession } from "./script-session.ts";

/** What a read of the socket and a piece of COPY take at most. */
const READ = 64 * 1024;
const PIECE = 256 * 1024;

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

async function open() {
  const { sink } = keepingSink();
  let pid = 0;
  const session = await openScriptSession(
    testTarget(database.name, { host: testServer().socketDir }),
    {
      sink,
      limits: GENEROUS,
      spanOf: () => ({ start: 0, end: 0 }),
      settings: {},
      async onSession(handle) {
        pid = handle.pid;
      },
      onNotice: sink.notice,
    },
  );
  opened.push(session);
  const ask = (sql: string, more: Partial<QueryRequest> = {}) =>
    session.query({
      sql,
      single: true,
      place: { file: "a.sql", line: 1, end_line: 1, offset: 0, statement: 1 },
      rows: { to: "collect", max_rows: 1_000, max_bytes: 16 * 1024 ** 2 },
      params: null,
      async *copyData() {},
      ...more,
    });
  return { ask, pid };
}

const md5 = (text: string | Buffer) => createHash("md5").update(text).digest("hex");

test("texts arrive whole, whatever their length and letters", async () => {
  const { ask } = await open();
  for (const length of [0, 1, 4_095, 4_096, READ - 1, READ, 5 * READ + 3]) {
    const text = "aé☃🜁".repeat(length).slice(0, length).toWellFormed();
    const { collected, error } = await ask(`select md5('${text}')`);
    expect(error).toBeNull();
    expect(collected?.rows, `a text of ${length}`).toEqual([[md5(text)]]);
  }
});

test("answers are put together however the socket cuts them", async () => {
  const { ask } = await open();
  const lengths = [0, 1, READ - 12, READ - 11, READ - 7, READ - 6, READ - 5, READ, 3 * READ];
  const { collected } = await ask(
    `select repeat(md5(n::text), n / 32 + 1)::varchar(${4 * READ}), n from unnest(array[${lengths}]) n`,
  );
  const rows = lengths.map((n) => [md5(String(n)).repeat(Math.floor(n / 32) + 1), String(n)]);
  expect(collected?.rows).toEqual(rows);
  const { answers } = await ask("select 1; ".repeat(20_000), { single: false });
  expect(answers).toHaveLength(20_000);
});

test("the data of a COPY arrives whole, whatever its pieces", async () => {
  const { ask } = await open();
  await ask("create table pieces (t text)");
  const sizes = [1, 2, PIECE - 1, PIECE, PIECE + 1, 3, 3 * PIECE + 5, 1, PIECE];
  const size = sizes.reduce((sum, one) => sum + one, 0);
  const lines = `${randomBytes(75).toString("base64")}\n`.repeat(Math.floor(size / 101));
  const data = Buffer.from(lines.padEnd(size - 1, "x").concat("\n"));
  async function* copyData() {
    let at = 0;
    for (const one of sizes) {
      yield data.subarray(at, at + one);
      at += one;
    }
  }
  const { answers } = await ask("copy pieces from stdin", { copyData });
  expect(answers[0]?.command).toBe(`COPY ${Math.floor(size / 101) + 1}`);
  const { rows } = await client.query(
    "select md5(string_agg(t, e'\\n' order by ctid) || e'\\n') as found from pieces",
  );
  expect(rows[0].found).toBe(md5(data));
});

test("what comes while nothing is asked waits, and is kept out of the next answer", async () => {
  const { ask, pid } = await open();
  const doing = "select wait_event from pg_stat_activity where pid = $1";
  const waitsFor = async () => (await client.query(doing, [pid])).rows[0]?.wait_event;
  await ask("listen noise");
  for (let round = 0; round < 3; round += 1) {
    // More than a socket's buffers hold: the sender has to wait, instead of the reader to grow.
    await client.query(
      "select pg_notify('noise', repeat('x', 7900) || n) from generate_series(1, 200) n",
    );
    await expect.poll(waitsFor).toBe("ClientWrite");
    const { collected, error } = await ask(`select ${round}`);
    expect(error).toBeNull();
    expect(collected?.rows).toEqual([[String(round)]]);
  }
});

test("a session that ended while nothing was asked is told as lost by the next question", async () => {
  const { ask, pid } = await open();
  await ask("select 1");
  await client.query("select pg_terminate_backend($1, 5000)", [pid]);
  await expect(ask("select 2")).rejects.toMatchObject({ code: "datasource_unreachable" });
});
