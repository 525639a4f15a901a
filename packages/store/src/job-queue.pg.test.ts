import { randomUUID } from "node:crypto";
import { jobError } from "@quern/contract/job-error";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Actor } from "./actor.ts";
import { type Database, inTransaction, openDatabase } from "./db.ts";
import { cancelJob, finishJob } from "./job-ends.ts";
import { appendLogs, MAX_LOG_LINES, noteStage, noteSteps } from "./job-progress.ts";
import { MAX_ATTEMPTS, releaseJob, renewJob, sweepJobs } from "./job-queue.ts";
import { type ClaimedJob, JobLeaseLostError } from "./job-spec.ts";
import { noteSandbox } from "./sandboxes.ts";
import { freshDatabase, type TestDatabase } from "./testing.ts";
import { makeActor } from "./testing-fixtures.ts";
import { claimSome, makeJob, STORE_ID } from "./testing-jobs.ts";

let database: TestDatabase;
let db: Database;
let ada: Actor;
let bob: Actor;
beforeAll(async () => {
  database = await freshDatabase();
  db = openDatabase(database.url);
  [ada, bob] = [await makeActor(db, "editor"), await makeActor(db, "editor")];
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});
beforeEach(async () => {
  for (const table of ["jobs", "sandboxes", "layers", "audit_log", "webhook_deliveries"])
    await sql`delete from ${sql.table(table)}`.execute(db);
});

const SIGN = {
  hostname: "h",
  vitals: {},
  proxy: null,
  store_id: STORE_ID,
  capacity: {
    slots: 1,
    running: 0,
    clone: "copy" as const,
    isolation: "",
    superuser: false,
    cache_bytes: 0,
    cache_max_bytes: 1,
    disk_free_bytes: null,
    pool: 0,
  },
};

async function rowOf(id: string) {
  const { rows } = await sql<Record<string, unknown> & { status: string; stage: string }>`
    select * from jobs where id = ${id}`.execute(db);
  return rows[0]!;
}

test("a claimed job has its tree, limits and policy, and nobody else gets it", async () => {
  const { id } = await makeJob(db, ada, { variables: { x: "1" } });
  const both = await Promise.all([claimSome(db), claimSome(db, 10, "sandbox-2")]);
  const [claimed, ...others] = both.flat();
  expect(others).toEqual([]);
  expect(claimed).toMatchObject({
    id,
    attempt: 1,
    variables: { x: "1" },
    head_path: "test/x.sql",
    tree: { "init/a.sql": { size: 18 }, "test/x.sql": { size: 8 } },
    policy: { keep: "auto", no_cache: false },
    limits: { timeout_ms: 60_000 },
  });
  expect(await rowOf(id)).toMatchObject({ status: "preparing", store_id: STORE_ID });
});

test("what was made while a claim waited for its turn comes with its files", async () => {
  await makeJob(db, ada);
  let claiming: Promise<ClaimedJob[]> | undefined;
  await inTransaction(db, async (trx) => {
    await sql`select pg_advisory_xact_lock(hashtext('quern.claim_jobs'))`.execute(trx);
    claiming = claimSome(db);
    const waits = () =>
      sql`
      select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
        db,
      );
    await expect.poll(async () => (await waits()).rows.length).toBe(1);
    await makeJob(db, ada, {}, { "test/x.sql": "select 'made meanwhile'" });
  });
  const claimed = await claiming!;
  expect(claimed.map(({ tree }) => Object.keys(tree ?? {}).length).sort()).toEqual([1, 2]);
});

test("people take turns, and nobody has more under way than the organisation allows", async () => {
  for (let i = 0; i < 6; i += 1) await makeJob(db, ada);
  const { id: bobs } = await makeJob(db, bob);
  const first = await claimSome(db, 2);
  expect(first.map(({ created_by }) => created_by)).toEqual([ada.user_id, bob.user_id]);
  expect(first[1]!.id).toBe(bobs);
  const rest = await claimSome(db, 10);
  expect(rest).toHaveLength(3);
  expect(await claimSome(db, 10)).toEqual([]);
  await finishJob(db, rest[0]!, { status: "completed", error: null });
  expect(await claimSome(db, 10)).toHaveLength(1);
});

test("an engine that this sandbox lacks is left to a sandbox that has it; when nobody does, it is claimed to fail", async () => {
  await makeJob(db, ada, { environment: { engine_version: 16 } });
  const engines = [{ major: 16, version: "16.4", extensions: [] }];
  await noteSandbox(db, { ...SIGN, id: "has-16", engines });
  expect(await claimSome(db, 10, "has-18", 30_000, [18])).toEqual([]);
  await sql`update sandboxes set seen_at = now() - interval '1 minute'`.execute(db);
  expect(await claimSome(db, 10, "has-18", 30_000, [18])).toHaveLength(1);
});

test("a job on a known state is left to a sandbox that has the state, unless none does", async () => {
  const key = Buffer.alloc(32, 9);
  const spec = { state_key: key.toString("hex") };
  await makeJob(db, ada, { type: "export", tree: null, head_path: null, spec });
  await noteSandbox(db, { ...SIGN, id: "has-it", store_id: randomUUID(), engines: [] });
  await sql`insert into layer_stores (id) select store_id from sandboxes`.execute(db);
  await sql`
    insert into layers (org_id, store_id, state_key, env_key, depth, bytes, own_bytes, build_ms, engine, clone, steps, paths,
      build_id, boot_id)
    select ${ada.org_id}, store_id, ${key}, ${key}, 0, 0, 0, 0, '18', 'copy', 0, '{}', gen_random_uuid(), ''
    from sandboxes`.execute(db);
  expect(await claimSome(db)).toEqual([]);
  await sql`update sandboxes set seen_at = now() - interval '1 minute'`.execute(db);
  expect(await claimSome(db)).toHaveLength(1);
});

test("stages carry their times, and a job that was swept cannot be written by who overslept", async () => {
  const { id } = await makeJob(db, ada);
  const [claim] = await claimSome(db);
  await noteStage(db, claim!, "parsing");
  await noteStage(db, claim!, "building", { status: "running" });
  expect(await rowOf(id)).toMatchObject({
    status: "running",
    stage: "building",
    stages: [
      { stage: "queued", duration_ms: expect.any(Number) },
      { stage: "parsing", duration_ms: expect.any(Number) },
      { stage: "building", duration_ms: null },
    ],
  });
  await releaseJob(db, claim!);
  expect(await sweepJobs(db)).toEqual({ queued: [id], ended: [] });
  const [second] = await claimSome(db, 1, "sandbox-2");
  expect(second).toMatchObject({ id, attempt: 2 });
  for (const late of [
    () => renewJob(db, claim!, 30_000),
    () => noteStage(db, claim!, "head"),
    () => appendLogs(db, claim!, [{ at: new Date(), stage: "head", level: "info", message: "m" }]),
    () => noteSteps(db, claim!, [STEP]),
    () => finishJob(db, claim!, { status: "completed", error: null }),
  ])
    await expect(late()).rejects.toThrow(JobLeaseLostError);
  expect(await renewJob(db, second!, 30_000, { path: "a.sql", line: 3, statement: 1 })).toEqual({
    cancel_requested: false,
  });
});

const STEP = {
  n: 1,
  path: "init/a.sql",
  state_key: Buffer.alloc(32, 7),
  outcome: "pending" as const,
  reason: "never_built",
  layer_id: null,
  kept: false,
  duration_ms: null,
  statements: null,
  bytes: null,
  volatile: ["now"],
};

test("a job is begun anew three times at most, and never once its head has begun", async () => {
  const { id: often } = await makeJob(db, ada);
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const [claim] = await claimSome(db);
    expect(claim).toMatchObject({ id: often, attempt });
    await releaseJob(db, claim!);
    await sweepJobs(db);
  }
  expect(await rowOf(often)).toMatchObject({
    status: "failed",
    error: { code: "sandbox_lost", phase: "building" },
    stage: "done",
  });

  const { id: headed } = await makeJob(db, ada);
  const [claim] = await claimSome(db);
  await noteStage(db, claim!, "head", { status: "running" });
  await releaseJob(db, claim!);
  expect(await sweepJobs(db)).toEqual({ queued: [], ended: [headed] });
  expect(await rowOf(headed)).toMatchObject({
    status: "failed",
    error: { code: "sandbox_lost", phase: "head" },
  });

  const { id: unwanted } = await makeJob(db, ada);
  const [third] = await claimSome(db);
  await cancelJob(db, ada, unwanted);
  await releaseJob(db, third!);
  await sweepJobs(db);
  expect(await rowOf(unwanted)).toMatchObject({ status: "canceled", error: null });
});

test("the end is told to webhooks and the audit log in the transaction that makes it, and it stays", async () => {
  await sql`
    insert into webhooks (org_id, name, url, events, secret)
    values (${ada.org_id}, 'w', 'https://example.test', '{job.completed,job.failed,job.canceled}', 'sealed')`.execute(
    db,
  );
  const { id } = await makeJob(db, ada, { telemetry_context: { branch: "main" } });
  const [claim] = await claimSome(db);
  const snapshot = {
    tail_hash: "aa".repeat(32),
    state_key: "bb".repeat(32),
    layer_id: null,
    hit: "full" as const,
    prefix_depth: 1,
    depth: 1,
    replayed_steps: 0,
    volatile: [],
    reproducible: null,
  };
  await finishJob(db, claim!, {
    status: "failed",
    error: jobError("sql_error", "head", "no", { file: "test/x.sql", line: 1, sqlstate: "42P01" }),
    tail_hash: Buffer.alloc(32, 0xaa),
    snapshot,
    metrics: { head_ms: 3 },
  });
  const { rows: sent } = await sql<{ payload: string }>`
    select payload from webhook_deliveries`.execute(db);
  expect(sent.map(({ payload }) => JSON.parse(payload))).toMatchObject([
    {
      event: "job.failed",
      job: {
        id,
        tail_hash: "aa".repeat(32),
        error: { code: "sql_error", path: "test/x.sql", line: 1 },
        metrics: { head_ms: 3, cache_hit: true, retries: 0, latency_ms: expect.any(Number) },
        telemetry_context: { branch: "main" },
      },
    },
  ]);
  const { rows: audits } = await sql<{ action: string }>`select action from audit_log`.execute(db);
  expect(audits).toMatchObject([{ action: "job.failed" }]);
  await expect(
    sql`update jobs set status = 'completed', error = null where id = ${id}`.execute(db),
  ).rejects.toThrow(/stays so/);
  expect(await cancelJob(db, ada, id)).toBe(false);
});

test("a waiting job is canceled at once; one under way is asked, and asked once", async () => {
  const { id: waiting } = await makeJob(db, ada);
  expect(await cancelJob(db, bob, waiting)).toBe(true);
  expect(await rowOf(waiting)).toMatchObject({
    status: "canceled",
    cancel_requested_by: bob.user_id,
    stages: [{ stage: "queued", duration_ms: expect.any(Number) }],
  });
  await makeJob(db, ada);
  const [claim] = await claimSome(db);
  expect(await cancelJob(db, bob, claim!.id)).toBe(true);
  expect(await cancelJob(db, ada, claim!.id)).toBe(false);
  expect(await renewJob(db, claim!, 30_000)).toEqual({ cancel_requested: true });
  const { cancel_ms } = await finishJob(db, claim!, { status: "canceled", error: null });
  expect(cancel_ms).toBeGreaterThan(0);
});

test("log lines are numbered without gaps, shortened, and no more than a log may hold", async () => {
  const { id } = await makeJob(db, ada);
  const [claim] = await claimSome(db);
  const line = (message: string) => ({
    at: new Date(),
    stage: "building" as const,
    level: "info" as const,
    message,
  });
  await appendLogs(db, claim!, [line("one"), line("two\u0000")]);
  await appendLogs(db, claim!, [line("x".repeat(100_000))]);
  const lines = () =>
    sql<{ id: number; message: string; level: string }>`
      select id, message, level from job_logs where job_id = ${id} order by id`
      .execute(db)
      .then(({ rows }) => rows);
  expect(await lines()).toMatchObject([
    { id: 1, message: "one" },
    { id: 2, message: "two\uFFFD" },
    { id: 3, message: expect.stringMatching(/^x{8192}$/) },
  ]);
  await sql`update jobs set log_count = ${MAX_LOG_LINES - 2} where id = ${id}`.execute(db);
  await appendLogs(db, claim!, ["a", "b", "c", "d"].map(line));
  await appendLogs(db, claim!, [line("e")]);
  expect((await lines()).slice(3)).toMatchObject([
    { id: MAX_LOG_LINES - 1, message: "a" },
    { id: MAX_LOG_LINES, level: "warn", message: expect.stringContaining("full") },
  ]);
});

test("steps are written anew by their number", async () => {
  await makeJob(db, ada);
  const [claim] = await claimSome(db);
  await noteSteps(db, claim!, [STEP, { ...STEP, n: 2, path: randomUUID() }]);
  await noteSteps(db, claim!, [{ ...STEP, outcome: "built", duration_ms: 1.5, kept: true }]);
  const { rows } = await sql`select * from job_steps order by n`.execute(db);
  expect(rows).toMatchObject([
    {
      n: 1,
      outcome: "built",
      duration_ms: 1.5,
      kept: true,
      state_key: STEP.state_key,
      volatile: ["now"],
    },
    { n: 2, outcome: "pending", kept: false },
  ]);
});
