import { sql } from "kysely";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDatabase } from "./db.ts";
import { listen } from "./listen.ts";
import { freshDatabase, type TestDatabase, testUrl } from "./testing.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

/** Ends them all, and waits until each has told its client. */
async function killConnections(): Promise<void> {
  const client = new Client({ connectionString: testUrl("postgres") });
  await client.connect();
  try {
    const { rows } = await client.query<{ pid: number }>(
      "select pid, pg_terminate_backend(pid) from pg_stat_activity where datname = $1",
      [database.name],
    );
    const pids = rows.map(({ pid }) => pid);
    const left = () =>
      client.query("select from pg_stat_activity where pid = any ($1::integer[])", [pids]);
    await expect.poll(async () => (await left()).rowCount).toBe(0);
  } finally {
    await client.end();
  }
}

test("a lost connection is opened again, and whoever listens learns that something may be missing", async () => {
  const db = openDatabase(database.url);
  const heard: string[] = [];
  let gaps = 0;
  const listener = listen(
    database.url,
    ["quern_runs"],
    (_, payload) => heard.push(payload),
    () => gaps++,
  );
  await expect.poll(() => gaps).toBe(1);
  await sql`select pg_notify('quern_runs', 'one')`.execute(db);
  await expect.poll(() => heard.length).toBe(1);
  await killConnections();
  await expect.poll(() => gaps).toBe(2);
  await sql`select pg_notify('quern_runs', 'two')`.execute(db);
  await expect.poll(() => heard.length).toBe(2);
  expect(heard).toEqual(["one", "two"]);
  await listener.stop();
  await db.destroy();
});

test("a connection lost inside a transaction fails that transaction and nothing else", async () => {
  const db = openDatabase(database.url);
  const work = db.transaction().execute(async (trx) => {
    await sql`select 1`.execute(trx);
    await killConnections();
    await sql`select 2`.execute(trx);
  });
  await expect(work).rejects.toThrow(/terminat|not queryable|closed/i);
  expect((await sql<{ x: number }>`select 3 as x`.execute(db)).rows).toEqual([{ x: 3 }]);
  await db.destroy();
});
