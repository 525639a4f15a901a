import { DEFAULT_LIMITS } from "@quern/contract/datasources";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Actor } from "./actor.ts";
import { type Database, openDatabase } from "./db.ts";
import { beginHead, type HeadRun } from "./head-runs.ts";
import { type JobClaim, JobLeaseLostError } from "./job-spec.ts";
import { claimRuns, finishRun, LeaseLostError, renewLease, sweepLapsedLeases } from "./queue.ts";
import { cancelFor } from "./run-cancel.ts";
import { listRuns, readRun } from "./run-history.ts";
import { freshDatabase, type TestDatabase } from "./testing.ts";
import { makeActor, makeDatasource, SUCCEEDED } from "./testing-fixtures.ts";
import { claimSome, makeJob } from "./testing-jobs.ts";

let database: TestDatabase;
let db: Database;
let ada: Actor;
beforeAll(async () => {
  database = await freshDatabase();
  db = openDatabase(database.url);
  ada = await makeActor(db, "viewer");
});
beforeEach(async () => {
  await sql`delete from runs`.execute(db);
  await sql`delete from jobs`.execute(db);
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

async function claimedJob(actor = ada, change: Parameters<typeof makeJob>[2] = {}) {
  const { id } = await makeJob(db, actor, change);
  const claim = (await claimSome(db)).find((job) => job.id === id);
  return claim!;
}

const begin = (job: JobClaim, change: Partial<HeadRun> = {}, lease_ms = 15_000) =>
  beginHead(
    db,
    { job, sql: "select :x", limits: DEFAULT_LIMITS, trigger: "user", ...change },
    "sandbox-1",
    lease_ms,
  );

test("a head is at work from its first moment, is noted in its job, and ends like any run", async () => {
  const job = await claimedJob();
  const run = await begin(job, { request_id: "r" });
  expect(run).toMatchObject({
    attempt: 1,
    kind: "head",
    sql: "select :x",
    limits: DEFAULT_LIMITS,
    datasource: null,
    params: [],
    request_id: "r",
    waited_ms: 0,
    cancel_requested: false,
  });
  const { rows } = await sql`select run_id from jobs where id = ${job.id}`.execute(db);
  expect(rows).toEqual([{ run_id: run.id }]);
  expect((await sql`select from queue`.execute(db)).rows).toEqual([]);
  expect(await claimRuns(db, "runner-1", 10, 15_000)).toEqual([]);
  expect(await readRun(db, ada, run.id)).toMatchObject({
    kind: "head",
    status: "running",
    job_id: job.id,
    datasource: null,
    runner: "sandbox-1",
    created_by: { id: ada.user_id },
  });
  await renewLease(db, run, 15_000, {
    rows: 0,
    bytes: 0,
    started_ago_ms: 1,
    first_row_ago_ms: null,
  });
  await finishRun(db, run, SUCCEEDED);
  expect(await readRun(db, ada, run.id)).toMatchObject({ status: "succeeded", sent_sql: null });
});

test("who has lost the job makes no run", async () => {
  const job = await claimedJob();
  const lost = { ...job, attempt: job.attempt + 1 };
  await expect(begin(lost)).rejects.toThrow(JobLeaseLostError);
  expect((await sql`select from runs where job_id = ${job.id}`.execute(db)).rows).toEqual([]);
});

test("a head whose sandbox went away ends as runner_lost by any runner's sweep", async () => {
  const run = await begin(await claimedJob(), {}, 0);
  expect(await sweepLapsedLeases(db)).toContain(run.id);
  expect(await readRun(db, ada, run.id)).toMatchObject({
    status: "failed",
    error: { code: "runner_lost" },
  });
  await expect(finishRun(db, run, SUCCEEDED)).rejects.toThrow(LeaseLostError);
});

test("a head is canceled like a run, and outlives its job", async () => {
  const job = await claimedJob();
  const run = await begin(job);
  expect(await cancelFor(db, ada, run.id, false)).toBe("canceled");
  const progress = { rows: 0, bytes: 0, started_ago_ms: 1, first_row_ago_ms: null };
  expect(await renewLease(db, run, 15_000, progress)).toEqual({ cancel_requested: true });
  await finishRun(db, run, { ...SUCCEEDED, status: "canceled", cancel_confirmed: true });
  await sql`delete from jobs where id = ${job.id}`.execute(db);
  expect(await readRun(db, ada, run.id)).toMatchObject({ status: "canceled", job_id: null });
});

test("texts that PostgreSQL does not take, and long ones, are kept as far as they can be", async () => {
  const nul = await begin(await claimedJob(), { sql: "select '\0\ud800'" });
  expect(nul.sql).toBe("select '\u{FFFD}\u{FFFD}'");
  const long = await begin(await claimedJob(), { sql: "x".repeat(1_000_000) });
  expect(long.sql).toHaveLength(256 * 1024);
});

test("a head is seen, and listed, by whoever sees its job", async () => {
  const [admin, eve, bob] = [
    await makeActor(db, "admin"),
    await makeActor(db, "editor"),
    await makeActor(db, "viewer"),
  ];
  await makeDatasource(db, admin, { everyone: true });
  const run = await begin(await claimedJob(ada, { user_id: bob.user_id }));
  const other = await begin(await claimedJob(eve));
  const listed = async (actor: Actor) => {
    const { items } = await listRuns(db, actor, { limit: 100, derived: "false" });
    return items.map(({ id }) => id);
  };
  for (const actor of [admin, ada, bob]) {
    expect(await readRun(db, actor, run.id), actor.role).toBeDefined();
    expect(await listed(actor), actor.role).toContain(run.id);
  }
  expect(await readRun(db, eve, run.id)).toBeUndefined();
  expect(await listed(eve)).toEqual([other.id]);
  expect(await listed(bob)).toEqual([run.id]);
  const { items } = await listRuns(db, bob, { limit: 10, kind: "head" });
  expect(items.map(({ id }) => id)).toEqual([run.id]);
});

test("no head waits, has a datasource or belongs to anything but a job", async () => {
  const run = await begin(await claimedJob());
  for (const change of [sql`status = 'queued'`, sql`connection = '{}'`, sql`sql = null`])
    await expect(sql`update runs set ${change} where id = ${run.id}`.execute(db)).rejects.toThrow(
      /violates check constraint/,
    );
});
