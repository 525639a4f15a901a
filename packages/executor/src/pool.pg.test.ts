import { readdirSync, readFileSync } from "node:fs";
import { eventually } from "@quern/connectors/testing/conformance";
import { type TestClient, testClient, testTarget } from "@quern/connectors/testing/target";
import { emptyDatabase, type TestDatabase } from "@quern/store/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { executorPids, isRunning, LIMITS, testExecutors } from "./testing.ts";

let database: TestDatabase;
let client: TestClient;
let pool: Awaited<ReturnType<typeof testExecutors>>;

beforeAll(async () => {
  database = await emptyDatabase();
  client = await testClient(database);
  pool = await testExecutors(() => database.name);
});

afterAll(async () => {
  await pool.stop();
  await client.end();
  await database.drop();
});

/** Statements at work at the server that contain this text. */
async function working(text: string): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `select count(*)::int as count from pg_stat_activity
      where datname = current_database() and state = 'active' and pid <> pg_backend_pid() and position($1 in query) > 0`,
    [text],
  );
  return rows[0]?.count ?? 0;
}

const untilWorking = (text: string) =>
  eventually(async () => ((await working(text)) > 0 ? true : null));

test("a run gives its statements, its parts and its cost", async () => {
  const events: string[] = [];
  const outcome = await pool.run(
    "create temp table t as select 1 as a; select a, 'x' from t",
    {},
    {
      onStarted: ({ pid }) => events.push(pid > 0 ? "started" : "?"),
      onFirstRow: () => events.push("first_row"),
      onPart: (part) => events.push(`part ${part.statement}/${part.part}`),
    },
  );
  expect(outcome).toMatchObject({
    status: "succeeded",
    error: null,
    cancel: null,
    rows: 1,
    truncated: null,
  });
  expect(events).toEqual(["started", "first_row", "part 1/0"]);
  expect(outcome.statements.map(({ command }) => command)).toEqual(["SELECT 1", "SELECT 1"]);
  expect(outcome.statements[0]).toMatchObject({ columns: null, rows_affected: 1 });
  expect(outcome.parts).toMatchObject([
    { statement: 1, part: 0, first_row: 0, rows: 1, escapes: [] },
  ]);
  expect(outcome.peak_rss).toBeGreaterThan(10 * 1024 ** 2);
});

test("an error keeps what came before it", async () => {
  const outcome = await pool.run("select 1; select 1 / 0; select 2");
  expect(outcome).toMatchObject({ status: "failed", rows: 1 });
  expect(outcome.error).toMatchObject({ code: "sql_error", sqlstate: "22012" });
  expect(outcome.statements.length).toBe(1);
  expect(outcome.parts.length).toBe(1);
});

test("kinds test and introspect", async () => {
  const target = testTarget(database.name);
  const common = { run_id: "t", target, limits: LIMITS };
  const tested = await pool.executors.execute({ ...common, kind: "test" }).result;
  expect(tested.report).toMatchObject({ ok: true });
  const read = await pool.executors.execute({ ...common, kind: "introspect" }).result;
  expect(read.snapshot?.schemas[0]?.name).toBe("public");
});

test("a large result tells of its parts and its progress while it runs", async () => {
  const seen = { parts: 0, progress: 0, partsBeforeEnd: 0 };
  const outcome = await pool.run(
    "select g, md5(g::text) from generate_series(1, 600000) g",
    {},
    {
      onPart: () => {
        seen.parts += 1;
      },
      onProgress: ({ rows }) => {
        seen.progress += 1;
        seen.partsBeforeEnd = rows < 600_000 ? seen.parts : seen.partsBeforeEnd;
      },
    },
  );
  expect(outcome.rows).toBe(600_000);
  expect(seen.parts).toBe(outcome.parts.length);
  expect(outcome.parts.length).toBeGreaterThan(3);
  expect(seen.partsBeforeEnd).toBeGreaterThan(0);
  expect(outcome.parts.reduce((sum, { rows }) => sum + rows, 0)).toBe(600_000);
});

test("the timeout holds against `set statement_timeout = 0`, and is verified", async () => {
  const outcome = await pool.run("set statement_timeout = 0; select pg_sleep(71)", {
    timeout_ms: 500,
  });
  expect(outcome).toMatchObject({ status: "failed", cancel: null });
  expect(outcome.error).toMatchObject({ code: "timeout" });
  expect(outcome.error?.message).not.toMatch(/did not confirm/);
  expect(await working("pg_sleep(71)")).toBe(0);
});

test("the timeout also ends a run that spends its time between statements", async () => {
  const sql = Array.from({ length: 400 }, () => "select pg_sleep(0.02)").join(";");
  const outcome = await pool.run(sql, { timeout_ms: 3_000 });
  expect(outcome.error).toMatchObject({ code: "timeout" });
  expect(outcome.statements.length).toBeGreaterThan(1);
});

test("cancel stops the statement at the server", async () => {
  const execution = pool.start("select pg_sleep(72)");
  await untilWorking("pg_sleep(72)");
  execution.cancel();
  execution.cancel();
  expect(await execution.result).toMatchObject({
    status: "canceled",
    error: null,
    cancel: { confirmed: true },
  });
  expect(await working("pg_sleep(72)")).toBe(0);
});

test("cancel while rows stream, and while a statement ignores it", async () => {
  const streaming = pool.start(
    "select g, repeat('x', 1000) from generate_series(1, 900000) g",
    {},
    {
      onPart: () => streaming.cancel(),
    },
  );
  expect(await streaming.result).toMatchObject({ status: "canceled", cancel: { confirmed: true } });
  const stubborn = pool.start(`do $$ begin loop
      begin perform pg_sleep(73); exception when query_canceled then null; end;
    end loop; end $$`);
  await untilWorking("pg_sleep(73)");
  stubborn.cancel();
  expect(await stubborn.result).toMatchObject({ status: "canceled", cancel: { confirmed: true } });
  expect(await working("pg_sleep(73)")).toBe(0);
});

test("cancel of a run that waits for a slot, and of one that is over", async () => {
  const busy = [pool.start("select pg_sleep(74)"), pool.start("select pg_sleep(74)")];
  const waiting = pool.start("select 1");
  waiting.cancel();
  expect(await waiting.result).toMatchObject({ status: "canceled", cancel: { confirmed: true } });
  await untilWorking("pg_sleep(74)");
  for (const execution of busy) execution.cancel();
  await Promise.all(busy.map(({ result }) => result));
  const done = pool.start("select 1");
  expect(await done.result).toMatchObject({ status: "succeeded" });
  done.cancel();
  expect(await done.result).toMatchObject({ status: "succeeded", cancel: null });
});

test("an executor that is killed fails its run, and its statement is stopped", async () => {
  const before = new Set(executorPids());
  const execution = pool.start("select pg_sleep(75)");
  await untilWorking("pg_sleep(75)");
  const pids = executorPids();
  expect(pids.length).toBeGreaterThan(0);
  const { ended } = pool.executors.stats();
  for (const pid of pids) process.kill(pid, "SIGKILL");
  const outcome = await execution.result;
  expect(outcome).toMatchObject({ status: "failed", error: { code: "executor_crashed" } });
  expect(pool.executors.stats().ended).toMatchObject({ crashed: ended.crashed + 1 });
  expect(await working("pg_sleep(75)")).toBe(0);
  expect(await pool.run("select 1")).toMatchObject({ status: "succeeded" });
  expect(executorPids().some((pid) => before.has(pid) && pids.includes(pid))).toBe(false);
});

test("an executor that hangs is killed after the timeout, and its statement is stopped", async () => {
  const execution = pool.start("select pg_sleep(76)", { timeout_ms: 4_000 });
  await untilWorking("pg_sleep(76)");
  for (const pid of executorPids()) process.kill(pid, "SIGSTOP");
  const outcome = await execution.result;
  expect(outcome).toMatchObject({ status: "failed", error: { code: "timeout" } });
  expect(await working("pg_sleep(76)")).toBe(0);
  expect(await pool.run("select 1")).toMatchObject({ status: "succeeded" });
});

test("idle processes that were killed or stopped are found out before a run is lost", async () => {
  await pool.run("select 1");
  for (const pid of executorPids()) process.kill(pid, "SIGSTOP");
  expect(await pool.run("select 1")).toMatchObject({ status: "succeeded" });
  for (const pid of executorPids()) process.kill(pid, "SIGKILL");
  expect(await pool.run("select 1")).toMatchObject({ status: "succeeded" });
});

test("memory: more than an executor may use fails that run only", async () => {
  const small = await testExecutors(() => database.name, { memory_limit_bytes: 110 * 1024 ** 2 });
  try {
    const neighbour = small.start("select pg_sleep(1)");
    const columns = Array.from({ length: 30 }, () => "repeat('x', 4000000)").join();
    const hog = await small.run(`select ${columns} from generate_series(1, 30)`, {
      max_cell_bytes: 512 * 1024 ** 2,
    });
    expect(hog).toMatchObject({ status: "failed", error: { code: "executor_oom" } });
    expect(small.executors.stats().ended).toMatchObject({ memory: 1, crashed: 0, stuck: 0 });
    expect(await neighbour.result).toMatchObject({ status: "succeeded" });
    expect(await small.run("select 1")).toMatchObject({ status: "succeeded" });
  } finally {
    await small.stop();
  }
});

test("a result far larger than the memory of an executor is no problem", async () => {
  const outcome = await pool.run(
    "select g, repeat(md5(g::text), 32) from generate_series(1, 700000) g",
  );
  expect(outcome).toMatchObject({ status: "succeeded", rows: 700_000 });
  expect(outcome.bytes).toBeGreaterThan(600 * 1024 ** 2);
  expect(outcome.peak_rss).toBeLessThan(400 * 1024 ** 2);
});

test("processes are used again, and leak nothing", async () => {
  await pool.run("select 1");
  const started = pool.executors.stats().started;
  const files = new Map<number, number>();
  for (let index = 0; index < 50; index += 1) {
    expect((await pool.run(index % 10 === 0 ? "select 1 / 0" : "select 1")).status).toBeDefined();
    if (index === 10) for (const pid of executorPids()) files.set(pid, openFiles(pid));
  }
  expect(pool.executors.stats().started).toBe(started);
  for (const [pid, count] of files) {
    if (isRunning(pid)) expect(openFiles(pid)).toBeLessThanOrEqual(count + 3);
  }
});

test("a process ends after its number of runs", async () => {
  const brief = await testExecutors(() => database.name, { runs_per_process: 2 });
  try {
    for (let index = 0; index < 6; index += 1) {
      expect(await brief.run("select 1")).toMatchObject({ status: "succeeded" });
    }
    expect(brief.executors.stats().started).toBeGreaterThanOrEqual(3);
  } finally {
    await brief.stop();
  }
});

test("executors know nothing but their run", () => {
  process.env.QUERN_TEST_SECRET = "do-not-pass-on";
  const names = executorPids().flatMap((pid) =>
    readFileSync(`/proc/${pid}/environ`, "utf8")
      .split("\0")
      .map((entry) => entry.split("=")[0] ?? ""),
  );
  expect(
    new Set(
      names.filter((name) => name !== "" && !/^(NODE_CHANNEL_|PWD$|OLDPWD$|SHLVL$|_$)/.test(name)),
    ),
  ).toEqual(new Set());
});

test("stopping ends every process, and runs that do not end in time", async () => {
  const other = await testExecutors(() => database.name);
  const execution = other.start("select pg_sleep(77)");
  await untilWorking("pg_sleep(77)");
  await other.executors.stop({ deadline_ms: 100 });
  expect(await execution.result).toMatchObject({ status: "canceled", cancel: { confirmed: true } });
  expect(await other.run("select 1")).toMatchObject({
    status: "canceled",
    cancel: { confirmed: true },
  });
  await other.stop();
});

function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
