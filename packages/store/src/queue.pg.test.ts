import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Actor } from "./actor.ts";
import { type Database, inTransaction, openDatabase } from "./db.ts";
import {
  type ClaimedRun,
  claimRuns,
  finishRun,
  LeaseLostError,
  renewLease,
  sweepLapsedLeases,
} from "./queue.ts";
import { listParts, readPartData } from "./result-parts.ts";
import { readRun } from "./run-history.ts";
import { requestCancel } from "./runs.ts";
import { freshDatabase, type TestDatabase } from "./testing.ts";
import { makeActor, makeDatasource, makeRun, SUCCEEDED } from "./testing-fixtures.ts";

const LEASE_MS = 60_000;
const NO_PROGRESS = { rows: 0, bytes: 0, started_ago_ms: null, first_row_ago_ms: null };

let database: TestDatabase;
let db: Database;
let editor: Actor;
let datasource: string;

beforeAll(async () => {
  database = await freshDatabase();
  db = openDatabase(database.url, { max: 20 });
  editor = await makeActor(db, "editor");
  datasource = await makeDatasource(db, editor, { everyone: true });
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});
beforeEach(async () => {
  await sql`delete from runs`.execute(db);
});

async function claimOne(runner = "runner-1"): Promise<ClaimedRun> {
  const [run] = await claimRuns(db, runner, 1, LEASE_MS);
  return run!;
}

async function lapseLeases(): Promise<void> {
  await sql`update runs set lease_until = clock_timestamp() - interval '1 second' where status = 'running'`.execute(
    db,
  );
}

/** Sessions that wait for a lock of another. */
const waiting = () =>
  sql`
    select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
    db,
  );

test("a claimed run is finished with its manifest and parts in one go", async () => {
  const id = await makeRun(db, editor, datasource);
  const claim = await claimOne();
  expect(claim).toMatchObject({
    id,
    attempt: 1,
    kind: "query",
    sql: "select 1",
    limits: { max_rows: 100_000 },
  });
  await finishRun(db, claim, SUCCEEDED);
  const run = (await readRun(db, editor, id))!;
  expect(run).toMatchObject({
    status: "succeeded",
    rows: 1,
    attempt: 1,
    cpu_ms: 3,
    result_expired: false,
  });
  expect(run.statements).toEqual(SUCCEEDED.statements);
  expect(Date.parse(run.started_at!)).toBeLessThanOrEqual(Date.parse(run.first_row_at!));
  expect(await listParts(db, id, 0)).toMatchObject([
    { part: 0, rows: 1, size: 3, store: "postgres" },
  ]);
  expect(String(await readPartData(db, id, 0, 0))).toBe("abc");
});

test("a run is claimed by one runner only, however many ask at once", async () => {
  const ids = await Promise.all(Array.from({ length: 8 }, () => makeRun(db, editor, datasource)));
  const claims = await Promise.all(
    Array.from({ length: 16 }, (_, n) => claimRuns(db, `runner-${n}`, 1, LEASE_MS)),
  );
  expect(
    claims
      .flat()
      .map(({ id }) => id)
      .sort(),
  ).toEqual(ids.sort());
});

test("a datasource's cap is exact over all runners, while more urgent runs keep coming", async () => {
  const narrow = await makeDatasource(db, editor, { max_concurrency: 3 });
  const running = async () => {
    const { rows } = await sql<{ count: number }>`
      select count(*) from runs where datasource_id = ${narrow} and status = 'running'`.execute(db);
    return rows[0]!.count;
  };
  const priorities = ["schedule", "dashboard", "interactive"] as const;
  const wanted = 90;
  let done = 0;
  // As many as it allows at once, however quick those are that claim below.
  for (let n = 0; n < 5; n++) await makeRun(db, editor, narrow, { priority: "schedule" });
  const first = await claimRuns(db, "runner", 5, LEASE_MS);
  let most = await running();
  expect(most).toBe(3);
  for (const claim of first) await finishRun(db, claim, SUCCEEDED);
  for (const claim of await claimRuns(db, "runner", 5, LEASE_MS))
    await finishRun(db, claim, SUCCEEDED);
  const enqueue = async () => {
    for (let n = 0; n < wanted; n++) {
      await makeRun(db, editor, narrow, { priority: priorities[Math.floor((n * 3) / wanted)]! });
    }
  };
  const claimAndFinish = async (runner: string) => {
    while (done < wanted) {
      for (const claim of await claimRuns(db, runner, 2, LEASE_MS)) {
        most = Math.max(most, await running());
        await finishRun(db, claim, SUCCEEDED);
        done += 1;
      }
    }
  };
  await Promise.all([
    enqueue(),
    ...Array.from({ length: 8 }, (_, n) => claimAndFinish(`runner-${n}`)),
  ]);
  expect(done).toBe(wanted);
  expect(most).toBe(3);
});

test("a claim that is not committed yet counts for the cap of the next", async () => {
  const narrow = await makeDatasource(db, editor, { max_concurrency: 1 });
  await makeRun(db, editor, narrow, { priority: "schedule" });
  const second = await db.transaction().execute(async (trx) => {
    expect(await claimRuns(trx, "runner-1", 1, LEASE_MS)).toHaveLength(1);
    await makeRun(db, editor, narrow, { priority: "interactive" });
    const claiming = claimRuns(db, "runner-2", 1, LEASE_MS);
    await expect.poll(async () => (await waiting()).rows.length).toBe(1);
    return { claiming };
  });
  expect(await second.claiming).toEqual([]);
});

test("what was made while a claim waited for its turn comes with its datasource", async () => {
  // There is something to claim, so that the claim goes as far as the lock.
  await makeRun(db, editor, datasource);
  let claiming: Promise<ClaimedRun[]> | undefined;
  await inTransaction(db, async (trx) => {
    await sql`select pg_advisory_xact_lock(hashtext('quern.claim_runs'))`.execute(trx);
    claiming = claimRuns(db, "runner-1", 10, LEASE_MS);
    await expect.poll(async () => (await waiting()).rows.length).toBe(1);
    const young = await makeDatasource(db, editor, { everyone: true });
    await makeRun(db, editor, young);
  });
  const claimed = await claiming!;
  expect(claimed).toHaveLength(2);
  expect(claimed.map((run) => run.datasource?.id)).toEqual(claimed.map((run) => run.datasource_id));
});

test("interactive runs come before scheduled ones, and people take turns", async () => {
  const other = await makeActor(db, "editor");
  await makeRun(db, editor, datasource, { priority: "schedule" });
  const mine = [await makeRun(db, editor, datasource), await makeRun(db, editor, datasource)];
  const theirs = await makeRun(db, other, datasource);
  const order = [await claimOne(), await claimOne(), await claimOne(), await claimOne()];
  expect(order.slice(0, 3).map(({ id }) => id)).toEqual([mine[0], theirs, mine[1]]);
});

test("a lapsed run ends as runner_lost, and its runner can neither renew nor finish it", async () => {
  const id = await makeRun(db, editor, datasource);
  const claim = await claimOne();
  await lapseLeases();
  const swept = await Promise.all([sweepLapsedLeases(db), sweepLapsedLeases(db)]);
  expect(swept.flat()).toEqual([id]);
  await expect(renewLease(db, claim, LEASE_MS, NO_PROGRESS)).rejects.toThrow(LeaseLostError);
  await expect(finishRun(db, claim, SUCCEEDED)).rejects.toThrow(LeaseLostError);
  const run = (await readRun(db, editor, id))!;
  expect(run).toMatchObject({ status: "failed", error: { code: "runner_lost" }, statements: [] });
});

test("a lost test of an unsaved form ends too, and its secret goes", async () => {
  const id = randomUUID();
  const connection = { type: "postgres", config: {}, secret: "sealed" };
  await makeRun(db, editor, datasource, {
    kind: "test",
    id,
    datasource_id: null,
    sql: null,
    connection,
  });
  expect(await claimOne()).toMatchObject({ id, connection });
  await lapseLeases();
  expect(await sweepLapsedLeases(db)).toEqual([id]);
  const { rows } = await sql<{
    connection: unknown;
  }>`select connection from runs where id = ${id}`.execute(db);
  expect(rows).toEqual([{ connection: null }]);
});

test("a live lease is not swept, and another attempt's token does not finish it", async () => {
  await makeRun(db, editor, datasource);
  const claim = await claimOne();
  expect(await sweepLapsedLeases(db)).toEqual([]);
  const stolen = { ...claim, lease_token: "00000000-0000-4000-8000-000000000000" };
  await expect(finishRun(db, stolen, SUCCEEDED)).rejects.toThrow(LeaseLostError);
  await finishRun(db, claim, SUCCEEDED);
  await expect(finishRun(db, claim, SUCCEEDED)).rejects.toThrow(LeaseLostError);
});

test("a finish that fails half-way leaves the run as it was", async () => {
  await makeRun(db, editor, datasource);
  const claim = await claimOne();
  const broken = { ...SUCCEEDED, statements: [...SUCCEEDED.statements, ...SUCCEEDED.statements] };
  await expect(finishRun(db, claim, broken)).rejects.toThrow(/duplicate key/);
  await finishRun(db, claim, SUCCEEDED);
});

test("renewing notes progress and says that a cancel was asked for", async () => {
  const id = await makeRun(db, editor, datasource);
  const claim = await claimOne();
  const progress = { rows: 7, bytes: 70, started_ago_ms: 10, first_row_ago_ms: 5 };
  expect(await renewLease(db, claim, LEASE_MS, progress)).toEqual({ cancel_requested: false });
  await requestCancel(db, editor, id);
  expect(await renewLease(db, claim, LEASE_MS, progress)).toEqual({ cancel_requested: true });
  expect(await readRun(db, editor, id)).toMatchObject({
    status: "running",
    rows: 7,
    cancel: { confirmed: null, by: { id: editor.user_id } },
  });
});

test("canceling ends a queued run at once and leaves an ended one as it is", async () => {
  const queued = await makeRun(db, editor, datasource);
  await requestCancel(db, editor, queued);
  expect(await readRun(db, editor, queued)).toMatchObject({
    status: "canceled",
    cancel: { confirmed: true },
  });
  expect(await claimRuns(db, "runner-1", 1, LEASE_MS)).toEqual([]);
  const ended = await makeRun(db, editor, datasource);
  await finishRun(db, await claimOne(), SUCCEEDED);
  await requestCancel(db, editor, ended);
  expect(await readRun(db, editor, ended)).toMatchObject({ status: "succeeded", cancel: null });
});

test("the database itself refuses to change a final status", async () => {
  await makeRun(db, editor, datasource);
  await finishRun(db, await claimOne(), SUCCEEDED);
  await expect(
    sql`update runs set status = 'queued', finished_at = null`.execute(db),
  ).rejects.toThrow(/stays so/);
});
