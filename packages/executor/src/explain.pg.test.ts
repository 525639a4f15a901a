import { testTarget } from "@quern/connectors/testing/target";
import { emptyDatabase, type TestDatabase } from "@quern/store/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LIMITS, testExecutors } from "./testing.ts";

let database: TestDatabase;
let pool: Awaited<ReturnType<typeof testExecutors>>;

beforeAll(async () => {
  database = await emptyDatabase();
  pool = await testExecutors(() => database.name);
});

afterAll(async () => {
  await pool.stop();
  await database.drop();
});

function explain(sql: string, analyze: boolean, timeout_ms = 10_000) {
  return pool.executors.execute({
    run_id: "explain",
    kind: "explain",
    target: testTarget(database.name),
    limits: { ...LIMITS, timeout_ms },
    sql,
    params: [{ type: "int8", value: "3" }],
    analyze,
  }).result;
}

test("an explain gives its plans, and no rows", async () => {
  const outcome = await explain("select $1; set work_mem = '8MB'; values (1), (2)", true);
  expect(outcome).toMatchObject({ status: "succeeded", rows: 0, statements: [], parts: [] });
  expect(outcome.plan).toMatchObject([
    [{ Plan: { "Node Type": "Result" } }],
    null,
    [{ Plan: { "Actual Rows": 2 } }],
  ]);
});

test("it has the limits of a run: its timeout is enforced from outside", async () => {
  const sql = "set statement_timeout = 0; select pg_sleep(84)";
  expect(await explain(sql, true, 500)).toMatchObject({
    status: "failed",
    error: { code: "timeout" },
    plan: null,
  });
});

test("an error has its place in the text", async () => {
  const sql = "select 1;  select nope";
  const outcome = await explain(sql, false);
  expect(outcome.error).toMatchObject({ sqlstate: "42703", position: sql.indexOf("nope") });
});
