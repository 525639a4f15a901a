import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_LIMITS } from "@quern/contract/datasources";
import { type Executors, startExecutors } from "@quern/executor/pool";
import { parsePartStore } from "@quern/results/parts";
import { openLog } from "@quern/runtime/log";
import { openMetrics } from "@quern/runtime/metrics";
import { NO_TRACER } from "@quern/runtime/tracing";
import type { Actor } from "@quern/store/actor";
import { type Database, openDatabase, poolState } from "@quern/store/db";
import { beginHead } from "@quern/store/head-runs";
import { listParts } from "@quern/store/result-parts";
import { readRun } from "@quern/store/run-history";
import { emptyDatabase, freshDatabase, type TestDatabase, testServer } from "@quern/store/testing";
import { makeActor } from "@quern/store/testing-fixtures";
import { claimSome, makeJob } from "@quern/store/testing-jobs";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { pass } from "./fail-points.ts";
import { openRunInstruments } from "./instruments.ts";
import { type JobOptions, MAX_CELL_BYTES, type Prepare, startJob, type Workshop } from "./job.ts";
import { RUN_TIMES } from "./times.ts";

let metadata: TestDatabase;
let sandbox: TestDatabase;
let directory: string;
let db: Database;
let ada: Actor;
let executors: Executors;
let shop: Workshop;

beforeAll(async () => {
  [metadata, sandbox] = await Promise.all([freshDatabase(), emptyDatabase()]);
  directory = await mkdtemp(join(tmpdir(), "quern-heads-"));
  db = openDatabase(metadata.url);
  ada = await makeActor(db, "editor");
  executors = await startExecutors({ size: 2, warm: 2, memory_limit_bytes: 512 * 1024 ** 2 });
  shop = {
    db,
    log: openLog("sandbox", "fatal"),
    executors,
    partStore: parsePartStore(`file:${join(directory, "results")}`),
    inlineBytes: 64 * 1024,
    workDirectory: directory,
    times: RUN_TIMES,
    passFailPoint: pass,
    instruments: openRunInstruments(
      openMetrics("sandbox", () => poolState(db)),
      NO_TRACER,
    ),
  };
});
beforeEach(async () => {
  await sql`delete from runs`.execute(db);
  await sql`delete from jobs`.execute(db);
});
afterAll(async () => {
  await executors.stop();
  await db.destroy();
  await Promise.all([metadata.drop(), sandbox.drop()]);
  await rm(directory, { recursive: true });
});

async function start(text: string, included = "", options: JobOptions = {}) {
  await makeJob(db, ada);
  const [job] = await claimSome(db, 1);
  const head = { job: job!, sql: text, limits: DEFAULT_LIMITS, trigger: "user" as const };
  const run = await beginHead(db, head, "sandbox-1", RUN_TIMES.lease_ms);
  const files = { "test/x.sql": join(directory, "x.sql"), "lib/y.sql": join(directory, "y.sql") };
  await writeFile(files["test/x.sql"], text);
  await writeFile(files["lib/y.sql"], included);
  const { socketDir: host, port, user, password } = testServer();
  const config = { host, port, user, database: sandbox.name } as const;
  const prepare: Prepare = async (_, { id, limits }, parts) => {
    return {
      kind: "script",
      run_id: id,
      target: {
        type: "postgres",
        config: { ...config, sslmode: "disable", read_only: false },
        secret: { password },
      },
      limits: { ...limits, max_cell_bytes: MAX_CELL_BYTES },
      files,
      entry: "test/x.sql",
      variables: { n: "3" },
      session: {},
      rows: "result",
      directory: parts,
    };
  };
  return { run, job: startJob(shop, run, prepare, options) };
}

async function ended(text: string, included = "") {
  const { run, job } = await start(text, included);
  await job.over;
  return { run: await readRun(db, ada, run.id), executed: job.executed() };
}

test("a head's answers are kept as any run's, and what looks like a parameter is the script's", async () => {
  const text = "create temp table t as select 'x{{ y }}[[z]]' as a;\nselect a, :n as n from t;\n";
  const { run, executed } = await ended(text);
  expect(run).toMatchObject({
    kind: "head",
    status: "succeeded",
    sent_sql: null,
    rows: 1,
    statements: [{ columns: null }, { columns: [{ name: "a" }, { name: "n" }], rows: 1 }],
  });
  const [, select] = run!.statements;
  expect(text.slice(select?.start, select?.end)).toMatch(/^select a, :n as n from t;?$/);
  expect(await listParts(db, run!.id, select!.index)).toHaveLength(1);
  expect(executed?.script).toMatchObject({ statements: 2, transaction: "idle" });
  const { values } = await shop.instruments.runsEnded.get();
  expect(values).toMatchObject([
    { labels: { kind: "head", connector: "postgres", outcome: "succeeded" }, value: 1 },
  ]);
});

test("a head that fails says in which file and line, and where in its own text", async () => {
  const own = await ended("select 1;\nselect nope;");
  const error = { code: "sql_error", sqlstate: "42703", file: "test/x.sql", line: 2, position: 17 };
  expect(own.run).toMatchObject({ status: "failed", error });
  const included = await ended("\\ir ../lib/y.sql\n", "\n\\frobnicate\n");
  expect(included.run?.error).toMatchObject({
    code: "script_error",
    file: "lib/y.sql",
    line: 2,
    position: null,
  });
  expect(included.executed?.script?.error_code).toBe("unsupported_meta_command");
});

test("a head is canceled at the server, keeps no rows, and leaves no files", async () => {
  const places: number[] = [];
  const { run, job } = await start("select 1;\n\nselect pg_sleep(60);", "", {
    onPlace: ({ line }) => places.push(line),
  });
  await expect.poll(() => places).toContain(3);
  job.cancel();
  await job.over;
  expect(await readRun(db, ada, run.id)).toMatchObject({
    status: "canceled",
    cancel: null,
    error: null,
  });
  expect((await readdir(directory)).filter((name) => name.startsWith(run.id))).toEqual([]);
});
