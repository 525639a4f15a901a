/** Rows before the end, work on stored results, and the stores, with a real runner and its executors. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Cell } from "@quern/contract/results";
import type { Run } from "@quern/contract/runs";
import { openPart, type PartStore, parsePartStore } from "@quern/results/parts";
import { type OpenPart, readRows } from "@quern/results/read/rows";
import { partFromBytes } from "@quern/results/read/source";
import { startS3 } from "@quern/results/testing-s3";
import { openLog } from "@quern/runtime/log";
import type { Running } from "@quern/runtime/running";
import type { Actor } from "@quern/store/actor";
import { createDatasource } from "@quern/store/datasources";
import { type Database, inTransaction, openDatabase } from "@quern/store/db";
import { ensureKeys, readApiKeys } from "@quern/store/keys";
import { sweepLapsedLeases } from "@quern/store/queue";
import { listParts, readPartData } from "@quern/store/result-parts";
import type { ResultSpec } from "@quern/store/result-runs";
import { readRun } from "@quern/store/run-history";
import { requestCancel } from "@quern/store/runs";
import { sealSecret } from "@quern/store/secrets";
import { emptyDatabase, freshDatabase, type TestDatabase, testServer } from "@quern/store/testing";
import { makeActor, makeRun } from "@quern/store/testing-fixtures";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { start } from "./runner.ts";

let metadata: TestDatabase;
let customer: TestDatabase;
let directory: string;
let db: Database;
let admin: Actor;
let datasource: string;
let runner: Running;
let store: PartStore;

beforeAll(async () => {
  [metadata, customer] = await Promise.all([freshDatabase(), emptyDatabase()]);
  directory = await mkdtemp(join(tmpdir(), "quern-results-"));
  await ensureKeys(join(directory, "keys"));
  db = openDatabase(metadata.url);
  admin = await makeActor(db, "admin");
  datasource = await addDatasource();
  store = parsePartStore(`file:${join(directory, "results")}`);
  runner = await startRunner({ QUERN_RESULTS: `file:${join(directory, "results")}` });
});
afterAll(async () => {
  await runner.stop();
  await db.destroy();
  await Promise.all([metadata.drop(), customer.drop()]);
  await rm(directory, { recursive: true });
});

function startRunner(change: {
  QUERN_RESULTS: string;
  QUERN_S3_ACCESS_KEY_ID?: string;
  QUERN_S3_SECRET_ACCESS_KEY?: string;
}) {
  const settings = {
    DATABASE_URL: metadata.url,
    QUERN_KEYS: join(directory, "keys"),
    QUERN_DATA_DIR: directory,
    QUERN_RESULTS_INLINE_BYTES: 64 * 1024,
    QUERN_RUNNER_SLOTS: 2,
    QUERN_EXECUTOR_MEMORY_BYTES: 640 * 1024 ** 2,
    LOG_LEVEL: "fatal" as const,
    ...change,
  };
  return start(settings, openLog("runner", "fatal"));
}

async function addDatasource(): Promise<string> {
  const { host, port, user, password } = testServer();
  const id = crypto.randomUUID();
  const keys = await readApiKeys(join(directory, "keys"));
  const binding = { org: admin.org_id, datasource: id, field: "password", version: 1 };
  await createDatasource(db, admin, {
    id,
    name: id,
    type: "postgres",
    config: { host, port, user, database: customer.name, sslmode: "disable", read_only: true },
    secret: await sealSecret(keys.runners, binding, password),
    max_concurrency: 8,
    limits: {},
  });
  return id;
}

async function seen(id: string, is: (run: Run) => boolean): Promise<Run> {
  for (let tries = 0; tries < 1200; tries++) {
    const run = await readRun(db, admin, id);
    if (run && is(run)) return run;
    await delay(25);
  }
  throw new Error(`run ${id} never was as expected`);
}
const ended = (id: string) => seen(id, ({ finished_at }) => finished_at !== null);
const withRows = (id: string) => seen(id, ({ statements }) => statements.length > 0);
const begin = (text: string, limits = {}) =>
  makeRun(db, admin, datasource, {
    sql: text,
    limits: { timeout_ms: 60_000, max_rows: 10_000_000, max_bytes: 1024 ** 3, ...limits },
  });

async function rowsOf(run: Run, index = 0, from: PartStore = store): Promise<Cell[][]> {
  const statement = run.statements.find((each) => each.index === index);
  const parts = await listParts(db, run.id, index);
  const open: OpenPart = async ({ part }) => {
    const stored = parts[part]!;
    if (stored.location !== null) return openPart(from, stored.location, stored.size);
    const data = await readPartData(db, run.id, index, part);
    return partFromBytes(`${run.id}/${index}/${part}`, data!);
  };
  const manifest = { columns: statement!.columns!, rows: statement!.rows, parts };
  return readRows(manifest, open, 0, 10_000_000);
}

const filesOf = async (id: string) =>
  readdir(join(directory, "results", id), { recursive: true }).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  });

/** Many rows at once, then nothing for a while. */
const STALLS = `select g, md5(g::text) || md5(g::text || 'a') || md5(g::text || 'b') || md5(g::text || 'c') as t, case when g = 60000 then pg_sleep(30)::text end as s
  from generate_series(1, 60000) g`;

test("the first rows can be read while the run goes on, and a cancel takes them away", async () => {
  const id = await begin(STALLS);
  // On a slow machine there are only few at first.
  const going = await seen(id, ({ statements }) => (statements[0]?.rows ?? 0) > 1_000);
  expect(going).toMatchObject({ status: "running", result_expires_at: null });
  expect(going.statements[0]).toMatchObject({
    index: 0,
    command: "",
    columns: [{ name: "g" }, {}, {}],
  });
  const rows = await rowsOf(going);
  expect(rows.length).toBe(going.statements[0]?.rows);
  expect(rows.length).toBeGreaterThan(1_000);
  expect(rows[999]?.[0]).toBe(1_000);
  expect((await filesOf(id)).length).toBeGreaterThan(0);
  await requestCancel(db, admin, id);
  expect(await ended(id)).toMatchObject({
    status: "canceled",
    statements: [],
    rows: expect.anything(),
  });
  expect(await listParts(db, id, 0)).toEqual([]);
  await expect.poll(() => filesOf(id)).toEqual([]);
});

test("the whole result replaces what could be read before", async () => {
  const id = await begin(`select 1 as early; ${STALLS.replace("30", "1")}`);
  await withRows(id);
  const done = await ended(id);
  expect(done).toMatchObject({ status: "succeeded" });
  expect(done.statements).toMatchObject([
    { index: 0, command: "SELECT 1", rows: 1 },
    { index: 1, command: "SELECT 60000", rows: 60_000, start: expect.any(Number) },
  ]);
  const rows = await rowsOf(done, 1);
  expect(rows.map(([g]) => g)).toEqual(Array.from({ length: 60_000 }, (_, index) => index + 1));
  expect(await rowsOf(done, 0)).toEqual([[1]]);
});

test("a run that fails keeps what its finished statements gave, and no half", async () => {
  const id = await begin(
    "select g from generate_series(1, 30000) g; select g, md5(g::text), 1 / (g - 90000) from generate_series(1, 200000) g",
  );
  const done = await ended(id);
  expect(done).toMatchObject({
    status: "failed",
    error: { code: "sql_error", sqlstate: "22012" },
    statements: [{ index: 0, rows: 30_000 }],
  });
  expect(await rowsOf(done)).toHaveLength(30_000);
  expect(await listParts(db, id, 1)).toEqual([]);
});

test("a run whose runner is taken for lost has no rows, and leaves no files", async () => {
  const id = await begin(STALLS);
  await withRows(id);
  await inTransaction(db, async (trx) => {
    await sql`update runs set lease_until = now() - interval '1 minute' where id = ${id}`.execute(
      trx,
    );
    expect(await sweepLapsedLeases(trx)).toEqual([id]);
  });
  expect(await ended(id)).toMatchObject({ error: { code: "runner_lost" }, statements: [] });
  await expect.poll(() => filesOf(id), { timeout: 20_000 }).toEqual([]);
});

async function derive(source: Run, spec: ResultSpec): Promise<Run> {
  const id = await makeRun(db, admin, datasource, {
    kind: spec.kind,
    sql: null,
    source: { run_id: source.id, statement: 0, spec },
  });
  return ended(id);
}

test.each([
  ["PostgreSQL", 100],
  ["the directory", 50_000],
])("views, statistics and comparisons of a result in %s", async (_, rows) => {
  const source = await ended(
    await begin(`select g as n, md5(g::text) as t from generate_series(1, ${rows}) g`),
  );
  const view = await derive(source, {
    kind: "result_view",
    sort: [{ column: 0, direction: "desc" }],
    filters: [{ column: 0, operator: "<=", value: "50" }],
  });
  expect(view).toMatchObject({ status: "succeeded", rows: 50, source: { run_id: source.id } });
  expect((await rowsOf(view)).map(([n]) => n)).toEqual(
    Array.from({ length: 50 }, (_, n) => 50 - n),
  );
  const statistics = await derive(source, { kind: "result_statistics" });
  expect((await rowsOf(statistics)).map((row) => row.slice(0, 4))).toEqual([
    [0, "n", "0", String(rows)],
    [1, "t", "0", String(rows)],
  ]);
  const comparison = await derive(source, {
    kind: "result_comparison",
    other_run_id: view.id,
    other_statement: 0,
  });
  expect(await rowsOf(comparison)).toHaveLength(rows - 50);
});

test("a source whose rows are gone fails the run, and says so", async () => {
  const source = await ended(await begin("select 1 as n"));
  await sql`update runs set result_deleted_at = now() where id = ${source.id}`.execute(db);
  expect(await derive(source, { kind: "result_statistics" })).toMatchObject({
    status: "failed",
    error: { code: "result_store_unavailable", message: expect.stringContaining("were deleted") },
  });
});

test("results in S3: kept, read by ranges, worked on; a store that refuses fails the run", async () => {
  await runner.stop();
  const server = await startS3(directory);
  const setting = `s3://results/quern?endpoint=${server.endpoint}&path_style=1`;
  const credentials = { access_key_id: "S3RVER", secret_access_key: "S3RVER" };
  const s3 = parsePartStore(setting, credentials);
  runner = await startRunner({
    QUERN_RESULTS: setting,
    QUERN_S3_ACCESS_KEY_ID: "S3RVER",
    QUERN_S3_SECRET_ACCESS_KEY: "S3RVER",
  });
  const source = await ended(
    await begin("select g as n, md5(g::text) as t from generate_series(1, 50000) g"),
  );
  expect(source).toMatchObject({ status: "succeeded" });
  expect((await listParts(db, source.id, 0)).map((part) => part.store)).toContain("s3");
  expect((await rowsOf(source, 0, s3)).at(-1)?.[0]).toBe(50_000);
  const view = await derive(source, {
    kind: "result_view",
    sort: [{ column: 1, direction: "asc" }],
    filters: [],
  });
  expect(await rowsOf(view, 0, s3)).toHaveLength(50_000);
  await server.close();
  const refused = await ended(
    await begin("select g, md5(g::text) from generate_series(1, 50000) g"),
  );
  expect(refused).toMatchObject({
    status: "failed",
    error: { code: "result_store_unavailable" },
    statements: [],
  });
}, 60_000);
