/** Parameters on their way through a real runner and executor, to a real server. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Parameter, ParameterValues } from "@quern/contract/parameters";
import { resolveParameters } from "@quern/contract/parameters/resolve";
import type { Run } from "@quern/contract/runs";
import { openLog } from "@quern/runtime/log";
import type { Running } from "@quern/runtime/running";
import type { Actor } from "@quern/store/actor";
import { createDatasource } from "@quern/store/datasources";
import { type Database, openDatabase } from "@quern/store/db";
import { ensureKeys, readApiKeys } from "@quern/store/keys";
import { readRun } from "@quern/store/run-history";
import { sealSecret } from "@quern/store/secrets";
import { emptyDatabase, freshDatabase, type TestDatabase, testServer } from "@quern/store/testing";
import { makeActor, makeRun } from "@quern/store/testing-fixtures";
import { afterAll, beforeAll, expect, test } from "vitest";
import { start } from "./runner.ts";

let metadata: TestDatabase;
let customer: TestDatabase;
let directory: string;
let db: Database;
let admin: Actor;
let runner: Running;
let datasource: string;

beforeAll(async () => {
  [metadata, customer] = await Promise.all([freshDatabase(), emptyDatabase()]);
  directory = await mkdtemp(join(tmpdir(), "quern-parameters-"));
  await ensureKeys(join(directory, "keys"));
  db = openDatabase(metadata.url);
  admin = await makeActor(db, "admin");
  datasource = await addDatasource(true);
  const settings = {
    DATABASE_URL: metadata.url,
    QUERN_KEYS: join(directory, "keys"),
    QUERN_DATA_DIR: directory,
    QUERN_RESULTS: `file:${join(directory, "results")}`,
    QUERN_RESULTS_INLINE_BYTES: 64 * 1024,
    QUERN_RUNNER_SLOTS: 2,
    QUERN_EXECUTOR_MEMORY_BYTES: 640 * 1024 ** 2,
    LOG_LEVEL: "fatal" as const,
  };
  runner = await start(settings, openLog("runner", "fatal"));
});
afterAll(async () => {
  await runner.stop();
  await db.destroy();
  await Promise.all([metadata.drop(), customer.drop()]);
  await rm(directory, { recursive: true });
});

async function addDatasource(read_only: boolean): Promise<string> {
  const { host, port, user, password } = testServer();
  const id = crypto.randomUUID();
  const binding = { org: admin.org_id, datasource: id, field: "password" as const, version: 1 };
  const keys = await readApiKeys(join(directory, "keys"));
  await createDatasource(db, admin, {
    id,
    name: id,
    type: "postgres",
    config: { host, port, user, database: customer.name, sslmode: "disable", read_only },
    secret: await sealSecret(keys.runners, binding, password),
    max_concurrency: 8,
    limits: {},
  });
  return id;
}

async function run(
  text: string,
  definitions: Parameter[],
  values: ParameterValues,
  on = datasource,
): Promise<Run> {
  const params = resolveParameters(text, definitions, values);
  const id = await makeRun(db, admin, on, { sql: text, params });
  for (let tries = 0; tries < 600; tries++) {
    const found = await readRun(db, admin, id);
    if (found?.finished_at) return found;
    await delay(50);
  }
  throw new Error(`run ${id} has not ended`);
}

const word: Parameter = { name: "word", type: "text" };
const limit: Parameter = { name: "limit", type: "int8" };

test("a run sends its values bound, and its statements stand where they stand in its own text", async () => {
  const text =
    "select {{word}} as w; select n from generate_series(1, 9) as n [[limit {{limit}}]] ; select 2";
  const done = await run(text, [word, limit], { word: "it's; --", limit: 3 });
  expect(done).toMatchObject({
    status: "succeeded",
    sql: text,
    sent_sql: "select $1 as w; select n from generate_series(1, 9) as n  limit $2  ; select 2",
    rows: 5,
  });
  expect(done.statements.map(({ start, end }) => text.slice(start, end))).toEqual([
    "select {{word}} as w",
    "select n from generate_series(1, 9) as n [[limit {{limit}}]]",
    "select 2",
  ]);
  const all = await run(text, [word, limit], { word: "it's; --" });
  expect(all).toMatchObject({ status: "succeeded", rows: 11 });
});

test("an error points into the run's own text", async () => {
  const text = "select 1 [[+ {{limit}}]]; select {{word}} || nope";
  const done = await run(text, [word, limit], { word: "x" });
  expect(done).toMatchObject({ status: "failed", error: { code: "sql_error", sqlstate: "42703" } });
  expect(done.error?.position).toBe(text.indexOf("nope"));
});

test("a statement that takes no parameters says so", async () => {
  const done = await run(
    "create temp view v as select {{word}}::text as w",
    [word],
    { word: "x" },
    await addDatasource(false),
  );
  expect(done.error).toMatchObject({
    sqlstate: "42P02",
    hint: expect.stringContaining("CREATE VIEW"),
  });
});

test("a text that cannot be read ends its run with the place, and nothing is sent", async () => {
  const id = await makeRun(db, admin, datasource, { sql: "select {{word" });
  for (let tries = 0; tries < 600; tries++) {
    const found = await readRun(db, admin, id);
    if (found?.finished_at) {
      expect(found.error).toMatchObject({ code: "sql_error", position: 7 });
      expect(found.started_at).toBeNull();
      return;
    }
    await delay(50);
  }
  throw new Error("the run has not ended");
});
