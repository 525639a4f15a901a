import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { DEFAULT_LIMITS, type PostgresConfig } from "@quern/contract/datasources";
import type { Run } from "@quern/contract/runs";
import { openLog } from "@quern/runtime/log";
import type { Running } from "@quern/runtime/running";
import type { Actor } from "@quern/store/actor";
import { createDatasource, deleteDatasource } from "@quern/store/datasources";
import { type Database, openDatabase } from "@quern/store/db";
import { ensureKeys, readApiKeys } from "@quern/store/keys";
import type { NewRun } from "@quern/store/new-run";
import { listParts } from "@quern/store/result-parts";
import { readRun } from "@quern/store/run-history";
import { requestCancel } from "@quern/store/runs";
import { readPackedSchema, readSchema, unpackSchema } from "@quern/store/schema-replies";
import { sealSecret } from "@quern/store/secrets";
import { emptyDatabase, freshDatabase, type TestDatabase, testServer } from "@quern/store/testing";
import { makeActor, makeRun } from "@quern/store/testing-fixtures";
import { sql } from "kysely";
import { Client } from "pg";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { start } from "./runner.ts";
import { TIMES } from "./times.ts";

let metadata: TestDatabase;
let customer: TestDatabase;
let directory: string;
let db: Database;
let admin: Actor;
let runner: Running;
let datasource: string;

beforeAll(async () => {
  [metadata, customer] = await Promise.all([freshDatabase(), emptyDatabase()]);
  directory = await mkdtemp(join(tmpdir(), "quern-runner-"));
  await ensureKeys(join(directory, "keys"));
  db = openDatabase(metadata.url);
  admin = await makeActor(db, "admin");
  datasource = await addDatasource();
  runner = await startRunner();
});
afterAll(async () => {
  await runner.stop();
  await db.destroy();
  await Promise.all([metadata.drop(), customer.drop()]);
  await rm(directory, { recursive: true });
});

function startRunner(times = TIMES): Promise<Running> {
  const settings = {
    DATABASE_URL: metadata.url,
    QUERN_KEYS: join(directory, "keys"),
    QUERN_DATA_DIR: directory,
    QUERN_RESULTS: `file:${join(directory, "results")}`,
    QUERN_RESULTS_INLINE_BYTES: 64 * 1024,
    QUERN_RUNNER_SLOTS: 4,
    QUERN_EXECUTOR_MEMORY_BYTES: 640 * 1024 ** 2,
    LOG_LEVEL: "fatal" as const,
  };
  return start(settings, openLog("runner", "fatal"), times);
}

async function addDatasource(
  change: Partial<PostgresConfig> = {},
  password = testServer().password,
): Promise<string> {
  const { host, port, user } = testServer();
  const id = crypto.randomUUID();
  const keys = await readApiKeys(join(directory, "keys"));
  await createDatasource(db, admin, {
    id,
    name: id,
    type: "postgres",
    config: {
      host,
      port,
      user,
      database: customer.name,
      sslmode: "disable",
      read_only: true,
      ...change,
    },
    secret: await sealSecret(
      keys.runners,
      { org: admin.org_id, datasource: id, field: "password", version: 1 },
      password,
    ),
    max_concurrency: 8,
    limits: {},
  });
  return id;
}

async function ended(id: string): Promise<Run> {
  for (let tries = 0; tries < 1200; tries++) {
    const run = await readRun(db, admin, id);
    if (run?.finished_at) return run;
    await delay(50);
  }
  throw new Error(`run ${id} has not ended`);
}

async function begun(id: string): Promise<void> {
  await expect.poll(async () => (await readRun(db, admin, id))?.started_at).toBeTruthy();
}

/** A session at the customer's database, or Quern's own, until the test ends. */
async function sessionAt({ url }: TestDatabase): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

/** How many sessions of the customer's database execute a text that begins so. */
async function executing(client: Client, text: string): Promise<number> {
  const { rowCount } = await client.query(
    "select from pg_stat_activity where datname = current_database() and starts_with(query, $1) and state = 'active'",
    [text],
  );
  return rowCount!;
}

async function run(text: string, change: Partial<NewRun> = {}): Promise<Run> {
  return ended(await makeRun(db, admin, datasource, { sql: text, ...change }));
}

test("a query's rows, times and statistics are kept", async () => {
  const done = await run("select 1 as a; set work_mem = '8MB'; select 'é' as b, null as c");
  expect(done).toMatchObject({
    status: "succeeded",
    attempt: 1,
    rows: 2,
    truncated: null,
    error: null,
  });
  expect(done.statements.map(({ index, command, rows }) => [index, command, rows])).toEqual([
    [0, "SELECT 1", 1],
    [1, "SET", 0],
    [2, "SELECT 1", 1],
  ]);
  expect(done.statements[2]?.columns).toMatchObject([{ name: "b" }, { name: "c", type: "text" }]);
  const times = [
    done.queued_at,
    done.claimed_at,
    done.started_at,
    done.first_row_at,
    done.finished_at,
  ].map((at) => Date.parse(at!));
  expect(times).toEqual([...times].sort((a, b) => a - b));
  expect(done.peak_rss).toBeGreaterThan(1_000_000);
  expect(await listParts(db, done.id, 0)).toMatchObject([{ store: "postgres", rows: 1 }]);
});

test("thousands of statements are written down", async () => {
  const done = await run("select 1;".repeat(1_500));
  expect(done).toMatchObject({ status: "succeeded", rows: 1_500 });
  expect(done.statements).toHaveLength(1_500);
});

test("what the database refuses to keep ends the run at once, in words", async () => {
  await sql`alter table run_statements add constraint no_banana check (command <> 'SELECT 2')`.execute(
    db,
  );
  const done = await run("select generate_series(1, 2)");
  expect(done).toMatchObject({ status: "failed", error: { code: "internal" }, statements: [] });
  await sql`alter table run_statements drop constraint no_banana`.execute(db);
});

test("a large result goes to files, and nothing is left in the work folder", async () => {
  const done = await run("select i, md5(i::text) from generate_series(1, 20000) as i");
  expect(done).toMatchObject({ status: "succeeded", rows: 20_000 });
  const parts = await listParts(db, done.id, 0);
  // On a slow machine the first rows were shown early, as a small part of their own.
  const files = parts.filter(({ store }) => store === "file").map(({ location }) => location);
  const folder = join(directory, "results", done.id, "1");
  expect(files.length).toBeGreaterThan(0);
  expect((await readdir(folder)).map((name) => `${done.id}/1/${name}`)).toEqual(files);
  const [work] = await readdir(join(directory, "work"));
  await expect.poll(() => readdir(join(directory, "work", work!))).toEqual([]);
});

test("an error keeps what the statements before it gave, and its place in the text", async () => {
  const done = await run("select 1;\nselect nothing from nowhere");
  expect(done).toMatchObject({
    status: "failed",
    error: { code: "sql_error", sqlstate: "42P01", position: 30 },
  });
  expect(done.statements).toHaveLength(1);
});

test("limits hold whatever the SQL sets", async () => {
  const slow = await run("set statement_timeout = 0; select pg_sleep(60)", {
    limits: { ...DEFAULT_LIMITS, timeout_ms: 700 },
  });
  expect(slow).toMatchObject({ status: "failed", error: { code: "timeout" } });
  const long = await run("select * from generate_series(1, 1000)", {
    limits: { ...DEFAULT_LIMITS, max_rows: 10 },
  });
  expect(long).toMatchObject({ status: "succeeded", rows: 10, truncated: "rows" });
});

test("a cancel of a running query is verified at the server", async () => {
  const id = await makeRun(db, admin, datasource, { sql: "select pg_sleep(60)" });
  await begun(id);
  // Whoever may connect to the metadata may notify; only what is asked for by the API counts.
  await sql`select pg_notify('quern_cancel', ${id})`.execute(db);
  expect(await run("select 1")).toMatchObject({ status: "succeeded" });
  expect(await readRun(db, admin, id)).toMatchObject({ status: "running" });
  await requestCancel(db, admin, id);
  expect(await ended(id)).toMatchObject({
    status: "canceled",
    cancel: { confirmed: true, by: { id: admin.user_id } },
  });
  expect(await executing(await sessionAt(customer), "select pg_sleep(60)")).toBe(0);
});

test("tests and introspections are runs, too", async () => {
  const report = await run("", { kind: "test", sql: null });
  expect(report).toMatchObject({ status: "succeeded", report: { ok: true } });
  const keys = await readApiKeys(join(directory, "keys"));
  const id = crypto.randomUUID();
  const { host, port, user } = testServer();
  const secret = await sealSecret(
    keys.runners,
    { org: admin.org_id, datasource: id, field: "connection", version: 0 },
    "wrong",
  );
  const config = { host, port, user, database: customer.name, sslmode: "disable", read_only: true };
  const failed = await run("", {
    kind: "test",
    sql: null,
    id,
    datasource_id: null,
    connection: { type: "postgres", config, secret },
  });
  expect(failed.report).toMatchObject({ ok: false });
  expect(failed.report!.steps.find(({ step }) => step === "sign_in")).toMatchObject({
    status: "failed",
  });
  const introspected = await run("", { kind: "introspect", sql: null });
  expect(introspected.status).toBe("succeeded");
  const schema = await readSchema(db, datasource);
  expect(schema?.snapshot.schemas.map(({ name }) => name)).toContain("public");
  const reply = await unpackSchema(await readPackedSchema(db, datasource));
  expect(JSON.parse(String(reply))).toEqual({
    introspected_at: schema?.introspected_at.toISOString(),
    snapshot: schema?.snapshot,
  });
});

test("a datasource that is gone, refuses or cannot be reached ends the run with words and a code", async () => {
  const { rows } = await sql<{
    secret: string;
  }>`select secret from datasources where id = ${datasource}`.execute(db);
  const cases: [string, string][] = [
    [await addDatasource({ port: 1 }), "datasource_unreachable"],
    [await addDatasource({ host: "no-such-host.invalid" }), "datasource_unreachable"],
    [await addDatasource({ sslmode: "require" }), "datasource_unreachable"],
    [await addDatasource({}, "wrong"), "auth_failed"],
  ];
  const stolen = await addDatasource();
  await sql`update datasources set secret = ${rows[0]!.secret} where id = ${stolen}`.execute(db);
  cases.push([stolen, "auth_failed"]);
  for (const [id, code] of cases) {
    const failed = await run("select 1", { datasource_id: id });
    expect(failed).toMatchObject({ status: "failed", error: { code } });
    expect(failed.error!.message.length).toBeGreaterThan(10);
    expect(JSON.stringify(failed)).not.toContain(testServer().password);
  }
});

test("a run whose lease was lost writes nothing, and one that waits outlives a runner that stops", async () => {
  const holder = await sessionAt(customer);
  await holder.query("select pg_advisory_lock(7)");
  const held = "select pg_advisory_xact_lock_shared(7)";
  const id = await makeRun(db, admin, datasource, { sql: held });
  await begun(id);
  await sql`update runs set lease_token = gen_random_uuid() where id = ${id}`.execute(db);
  await holder.query("select pg_advisory_unlock(7)");
  await runner.stop();
  expect(await readRun(db, admin, id)).toMatchObject({ status: "running", statements: [] });
  await sql`update runs set lease_until = now() - interval '1 second' where id = ${id}`.execute(db);
  const waiting = await makeRun(db, admin, datasource, { sql: "select 7" });
  runner = await startRunner();
  expect(await ended(id)).toMatchObject({ status: "failed", error: { code: "runner_lost" } });
  expect(await ended(waiting)).toMatchObject({ status: "succeeded", rows: 1 });
});

test("work stops when its lease cannot be renewed in time, even while the renewal hangs", async () => {
  await runner.stop();
  runner = await startRunner({
    ...TIMES,
    lease_ms: 10_000,
    renew_ms: 2_000,
    statement_ms: 5_000,
    silence_ms: 6_000,
  });
  const id = await makeRun(db, admin, datasource, { sql: "select pg_sleep(50)" });
  await begun(id);
  const client = await sessionAt(customer);
  const sleeping = () => executing(client, "select pg_sleep(50)");
  await expect.poll(sleeping).toBe(1);
  // Not by `db`, whose transactions end when they are idle for long.
  const holder = await sessionAt(metadata);
  await holder.query("begin");
  await holder.query("select from runs where id = $1 for update", [id]);
  await expect.poll(sleeping, { timeout: 30_000 }).toBe(0);
  await holder.query("rollback");
  expect(await ended(id)).toMatchObject({ status: "failed", error: { code: "runner_lost" } });
  await runner.stop();
  runner = await startRunner();
}, 90_000);

test("a datasource deleted before its run began fails the run", async () => {
  const gone = await addDatasource();
  await runner.stop();
  const id = await makeRun(db, admin, gone);
  await deleteDatasource(db, gone);
  runner = await startRunner();
  expect(await ended(id)).toMatchObject({
    status: "failed",
    error: { code: "datasource_unreachable" },
  });
});
