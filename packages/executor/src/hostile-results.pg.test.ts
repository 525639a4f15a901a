/** Results that are made to hurt: the executor's memory stays flat, and the run ends with a reason. */
import { type TestClient, testClient, testTarget } from "@quern/connectors/testing/target";
import { emptyDatabase, type TestDatabase } from "@quern/store/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testExecutors } from "./testing.ts";

let database: TestDatabase;
let client: TestClient;
let pool: Awaited<ReturnType<typeof testExecutors>>;

beforeAll(async () => {
  database = await emptyDatabase();
  client = await testClient(database);
  await client.query(`create role hostile_${database.name} login password 'hostile-pw'`);
  pool = await testExecutors(() => database.name);
});

afterAll(async () => {
  await pool.stop();
  await client.query(`drop role hostile_${database.name}`);
  await client.end();
  await database.drop();
});

const MB = 1024 ** 2;
/** A role of this file's own: what is set for a role holds at the whole server. */
const own = () => ({
  target: {
    ...testTarget(database.name, { user: `hostile_${database.name}` }),
    secret: { password: "hostile-pw" },
  },
});
const readOnly = () => ({ target: testTarget(database.name, { read_only: true }) });

test("a cell of 200 MB is refused before it is taken in", async () => {
  const outcome = await pool.run("select 1 as a; select repeat('x', 200000000) as big");
  expect(outcome).toMatchObject({ status: "failed", rows: 1, error: { code: "oversized_row" } });
  expect(outcome.error?.hint).toMatch(/fewer|part of it/);
  expect(outcome.peak_rss).toBeLessThan(160 * MB);
});

test("1,600 columns of 10 kB", async () => {
  const columns = Array.from({ length: 1600 }, () => "repeat(md5(g::text), 312)").join();
  const outcome = await pool.run(`select ${columns} from generate_series(1, 12) g`);
  expect(outcome).toMatchObject({ status: "succeeded", rows: 12 });
  expect(outcome.bytes).toBeGreaterThan(180 * MB);
  expect(outcome.peak_rss).toBeLessThan(450 * MB);
});

test("200,000,000 rows end at the row limit, and nothing works on at the server", async () => {
  for (const more of [{}, readOnly()]) {
    const outcome = await pool.run(
      "select generate_series(1, 200000000) as g",
      { max_rows: 1_000 },
      {},
      more,
    );
    expect(outcome).toMatchObject({ status: "succeeded", rows: 1_000, truncated: "rows" });
    const working = () =>
      client.query(
        "select from pg_stat_activity where datname = current_database() and application_name like 'quern run=%' and state = 'active'",
      );
    // Far sooner than it would come to its end.
    await expect.poll(async () => (await working()).rows, { timeout: 5_000 }).toEqual([]);
  }
});

test("max_bytes counts what is uncompressed, however well it compresses", async () => {
  const sql = "select repeat('x', 100000) from generate_series(1, 100000)";
  const outcome = await pool.run(sql, { max_bytes: 5 * MB }, {}, readOnly());
  expect(outcome).toMatchObject({ status: "succeeded", truncated: "bytes" });
  expect(outcome.bytes).toBeLessThanOrEqual(5 * MB);
  expect(outcome.parts.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(MB);
});

for (const [what, sql] of [
  ["set", "set statement_timeout = 0"],
  ["set_config", "select set_config('statement_timeout', '0', false)"],
  ["reset all", "reset all"],
  ["discard all", "discard all"],
  ["a transaction of its own", "commit; begin; set local statement_timeout = 0"],
  ["alter role", "alter role current_user set statement_timeout = 0"],
] as const) {
  test(`the timeout holds against ${what}`, async () => {
    const outcome = await pool.run(`${sql}; select pg_sleep(83)`, { timeout_ms: 400 }, {}, own());
    expect(outcome).toMatchObject({ status: "failed", error: { code: "timeout" } });
    expect(outcome.error?.message).not.toMatch(/did not confirm/);
    const { rows } = await client.query(
      "select from pg_stat_activity where datname = current_database() and query like '%pg_sleep(83)%' and pid <> pg_backend_pid()",
    );
    expect(rows).toEqual([]);
  });
}
