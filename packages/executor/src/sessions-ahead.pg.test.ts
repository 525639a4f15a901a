import { eventually } from "@quern/connectors/testing/conformance";
import { type TestClient, testClient, testTarget } from "@quern/connectors/testing/target";
import { emptyDatabase, type TestDatabase } from "@quern/store/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { executorPids, testExecutors } from "./testing.ts";

let database: TestDatabase;
let client: TestClient;
let pool: Awaited<ReturnType<typeof testExecutors>>;

beforeEach(async () => {
  database = await emptyDatabase();
  client = await testClient(database);
  pool = await testExecutors(() => database.name, { size: 3, warm: 2 });
});

afterEach(async () => {
  await pool.stop();
  await client.end();
  await database.drop();
});

/** Pids of sessions at the server by what they call themselves. */
async function sessions(name: string): Promise<number[]> {
  const { rows } = await client.query<{ pid: number }>(
    `select pid from pg_stat_activity
      where datname = current_database() and application_name like $1 order by pid`,
    [name],
  );
  return rows.map(({ pid }) => pid);
}

const untilReady = (count: number) =>
  eventually(async () => {
    const pids = await sessions("quern ready");
    return pids.length === count && pool.executors.stats().ready === count ? pids : null;
  });

const FOUR = { max_sessions: 4 };

/** Runs it and gives the pid of its session. */
async function pidOf(sql: string, more = FOUR): Promise<number> {
  let pid = 0;
  const events = {
    onStarted(handle: { pid: number }) {
      pid = handle.pid;
    },
  };
  expect(await pool.run(sql, {}, events, more)).toMatchObject({ status: "succeeded", error: null });
  return pid;
}

test("after a run two sessions are opened ahead, and each serves one run", async () => {
  await pidOf("select 1");
  const used = new Set<number>();
  for (let index = 0; index < 5; index += 1) {
    const ready = await untilReady(2);
    const pid = await pidOf("select 1");
    expect(ready).toContain(pid);
    expect(used.has(pid)).toBe(false);
    used.add(pid);
  }
});

test("none is opened where the datasource may have none, or after a failed sign-in", async () => {
  await pidOf("select 1", { max_sessions: 0 });
  const target = { ...testTarget(database.name), secret: { password: "wrong" } };
  expect(await pool.run("select 1", {}, {}, { ...FOUR, target })).toMatchObject({
    error: { code: "auth_failed" },
  });
  expect(pool.executors.stats().ready).toBe(0);
  expect(await sessions("quern ready")).toEqual([]);
});

test("with those at work they are never more than the datasource may have", async () => {
  const two = { max_sessions: 2 };
  const long = pool.start("select pg_sleep(85)", {}, {}, two);
  await eventually(async () => ((await sessions("quern run=%")).length === 1 ? true : null));
  for (let round = 0; round < 4; round += 1) {
    await pidOf("select 1", two);
    const ready = await eventually(async () => pool.executors.stats().ready || null);
    expect(ready).toBe(1);
    await untilReady(1);
  }
  long.cancel();
  await long.result;
  await pidOf("select 1", two);
  await untilReady(2);
});

test("a changed secret is another target: the old session is not used", async () => {
  await client.query(`do $$ begin
    if not exists (select from pg_roles where rolname = 'ahead_tester') then
      create role ahead_tester login password 'first-pw';
    end if; end $$`);
  const as = (password: string) => ({
    ...FOUR,
    target: { ...testTarget(database.name, { user: "ahead_tester" }), secret: { password } },
  });
  await pidOf("select 1", as("first-pw"));
  await untilReady(2);
  await client.query("alter role ahead_tester password 'other-pw'");
  expect(await pool.run("select 1", {}, {}, as("second-pw"))).toMatchObject({
    error: { code: "auth_failed" },
  });
  await client.query("alter role ahead_tester password 'first-pw'");
});

test("unused, they end by themselves", async () => {
  await using brief = await disposable({ ready_ms: 2_000 });
  await brief.run("select 1", {}, {}, FOUR);
  await eventually(async () => ((await sessions("quern ready")).length > 0 ? true : null));
  await eventually(async () => ((await sessions("quern ready")).length === 0 ? true : null));
  await expect.poll(() => brief.executors.stats().ready).toBe(0);
  expect(await brief.run("select 1", {}, {}, FOUR)).toMatchObject({ status: "succeeded" });
});

test("they end with their executors, killed or stopped", async () => {
  await pidOf("select 1");
  await untilReady(2);
  for (const pid of executorPids()) process.kill(pid, "SIGKILL");
  await eventually(async () => ((await sessions("quern ready")).length === 0 ? true : null));
  await pidOf("select 1");
  await untilReady(2);
  await pool.executors.stop();
  await eventually(async () => ((await sessions("quern%")).length === 0 ? true : null));
});

test("one that the server ended costs the run nothing but a new session", async () => {
  await pidOf("select 1");
  for (const pid of await untilReady(2)) {
    await client.query("select pg_terminate_backend($1)", [pid]);
  }
  expect(await pidOf("select 1")).toBeGreaterThan(0);
});

test("a run in one is canceled as any other", async () => {
  await pidOf("select 1");
  const ready = await untilReady(2);
  const execution = pool.start("select pg_sleep(81)", {}, {}, FOUR);
  const pid = await eventually(async () => (await sessions("quern run=%"))[0] ?? null);
  expect(ready).toContain(pid);
  execution.cancel();
  expect(await execution.result).toMatchObject({ status: "canceled", cancel: { confirmed: true } });
  expect(await sessions("quern run=%")).toEqual([]);
});

test("a test and an introspection end one rather than add another session", async () => {
  await pidOf("select 1");
  await untilReady(2);
  const target = testTarget(database.name);
  const limits = { timeout_ms: 10_000, max_rows: 1, max_bytes: 1, max_cell_bytes: 1 };
  const request = { run_id: "t", kind: "introspect" as const, target, limits, ...FOUR };
  expect(await pool.executors.execute(request).result).toMatchObject({ status: "succeeded" });
  expect(pool.executors.stats().ready).toBeLessThanOrEqual(2);
  // One that ended may still be on its way out when the next is there.
  await expect.poll(async () => (await sessions("quern r%")).length).toBeLessThanOrEqual(2);
});

async function disposable(over: Parameters<typeof testExecutors>[1]) {
  const executors = await testExecutors(() => database.name, over);
  return Object.assign(executors, { [Symbol.asyncDispose]: () => executors.stop() });
}
