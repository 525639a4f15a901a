import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, openDatabase, poolState } from "./db.ts";
import { listen } from "./listen.ts";
import { freshDatabase, type TestDatabase, testServer } from "./testing.ts";
import { type HalfOpenProxy, startHalfOpenProxy } from "./testing-half-open.ts";

let database: TestDatabase;
let proxy: HalfOpenProxy;
let url: string;
let db: Database;

beforeAll(async () => {
  database = await freshDatabase();
  const { host, port } = testServer();
  proxy = await startHalfOpenProxy(host, port);
  url = database.url.replace(`:${port}/`, `:${proxy.port}/`);
  // Long enough for a busy machine to connect in, and to answer.
  const times = { statement_timeout_ms: 3_000, silence_ms: 4_000, connect_timeout_ms: 3_000 };
  db = openDatabase(url, { max: 4, ...times, onError: () => {} });
});
afterAll(async () => {
  await db.destroy();
  await proxy.stop();
  await database.drop();
});

const answer = async () => (await sql<{ x: number }>`select 7 as x`.execute(db)).rows[0]?.x;
const openFor = (ms: number) => sql`select pg_sleep(${ms / 1000})`.execute(db);

test("a statement on a half-open connection fails, and the connection is never used again", async () => {
  await Promise.all([openFor(100), openFor(100), openFor(100)]);
  expect(poolState(db)).toMatchObject({ open: 3, idle: 3 });
  proxy.silence("to_server", "to_client");
  const waiting = answer();
  await expect(waiting).rejects.toThrow(/silent for 4 s/);
  // Nor do the other two wait for somebody to try them.
  expect(poolState(db)).toMatchObject({ open: 0, idle: 0, waiting: 0 });
  proxy.heal();
  expect(await answer()).toBe(7);
  await expect
    .poll(() => proxy.connections())
    .toEqual({ open: 1, silenced: 3, ended_by_client: 3 });
});

test.each(["to_server", "to_client"] as const)(
  "a connection that is silent %s only is found out, too, and so is one that is being opened",
  async (direction) => {
    expect(await answer()).toBe(7);
    proxy.silence(direction);
    await expect(answer()).rejects.toThrow(/silent for 4 s/);
    await expect(answer()).rejects.toThrow(/timeout|terminated/i);
    proxy.heal();
    expect(await answer()).toBe(7);
    expect(poolState(db).open).toBe(1);
  },
);

test("a transaction whose connection went silent is rolled back by the server, which waits 8 s at most", async () => {
  const before = await sql<{ n: number }>`select count(*) as n from orgs`.execute(db);
  const swallowed = proxy.silenceAt("pg_sleep(0.01)", "request");
  const work = db.transaction().execute(async (trx) => {
    await sql`update orgs set name = 'half-open'`.execute(trx);
    await sql`select pg_sleep(0.01)`.execute(trx);
  });
  await expect(work).rejects.toThrow();
  await swallowed;
  // The row is locked until the server has given up on the silent session.
  const again = () => sql`update orgs set name = 'free again'`.execute(db);
  let tries = 0;
  for (; tries < 20; tries++) {
    const done = await again().then(
      () => true,
      (error: Error) => {
        expect(error.message).toMatch(/statement timeout/);
        return false;
      },
    );
    if (done) break;
  }
  expect(tries).toBeLessThan(10);
  const after = await sql<{ n: number }>`
    select count(*) as n from orgs where name = 'free again'`.execute(db);
  expect(after.rows).toEqual(before.rows);
});

test("the server's own limits are set on every connection", async () => {
  const { rows } = await sql<{ statement: string; idle: string }>`
    select current_setting('statement_timeout') as statement,
      current_setting('idle_in_transaction_session_timeout') as idle`.execute(db);
  expect(rows).toEqual([{ statement: "3s", idle: "8s" }]);
});

test("a listener on a half-open connection stops when it is told to", async () => {
  let opened = 0;
  const listener = listen(
    url,
    ["quern_runs"],
    () => {},
    () => opened++,
  );
  await expect.poll(() => opened).toBe(1);
  proxy.silence("to_server", "to_client");
  await listener.stop();
  proxy.heal();
});
