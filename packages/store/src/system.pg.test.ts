import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import type { Actor } from "./actor.ts";
import { type Database, openDatabase } from "./db.ts";
import { claimRuns, finishRun, type Outcome } from "./queue.ts";
import {
  countRuns,
  listProcesses,
  noteApiProcess,
  readDatabase,
  readLastHour,
  readQueues,
  readResultStore,
} from "./system.ts";
import { freshDatabase, type TestDatabase } from "./testing.ts";
import { makeActor, makeDatasource, makeRun, SUCCEEDED } from "./testing-fixtures.ts";

let database: TestDatabase;
let db: Database;
let admin: Actor;
beforeAll(async () => {
  database = await freshDatabase();
  db = openDatabase(database.url);
  admin = await makeActor(db, "admin");
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});
beforeEach(() => sql`truncate runs, queue, queue_people cascade`.execute(db));

/** Runs that ended long ago, 200 an hour. */
async function addHistory(
  count: number,
  datasource: string,
  to = db,
  actor = admin,
): Promise<void> {
  await sql`
    insert into runs (id, org_id, kind, status, datasource_id, sql, timeout_ms, max_rows, max_bytes, trigger, attempt,
      queued_at, claimed_at, finished_at, result_expires_at)
    select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '70008' || lpad(to_hex(n), 15, '0'))::uuid,
      ${actor.org_id}, 'query', 'succeeded', ${datasource}, 'select 1', 1000, 10, 10, 'user', 1,
      at, at + interval '1 second', at + interval '3 seconds', at + interval '7 days'
    from generate_series(1, ${count}::int) as n,
      lateral (select now() - interval '3 hours' - n * interval '18 seconds' as at) as time`.execute(
    to,
  );
  await sql`analyze runs`.execute(to);
}

test("each datasource has its queue, and work without one another, each for its organisation", async () => {
  const busy = await makeDatasource(db, admin, { max_concurrency: 2 });
  const first = await makeRun(db, admin, busy);
  await makeRun(db, admin, busy);
  await makeRun(db, admin, busy);
  await sql`update runs set queued_at = now() - interval '5 minutes' where id = ${first}`.execute(
    db,
  );
  await claimRuns(db, "a runner", 1, 15_000);
  const connection = JSON.stringify({ type: "postgres", config: {}, secret: null });
  await sql`
    insert into runs (org_id, kind, connection, timeout_ms, max_rows, max_bytes, trigger)
    values (${admin.org_id}, 'test', ${connection}, 1000, 10, 10, 'user')`.execute(db);

  const queues = await readQueues(db, { org: admin.org_id, limit: 10 });
  expect(
    queues.map(({ datasource, queued, running }) => [datasource?.id, queued, running]),
  ).toEqual(
    expect.arrayContaining([
      [busy, 2, 1],
      [undefined, 1, 0],
    ]),
  );
  expect(queues).toHaveLength(2);
  for (const { oldest_wait_s } of queues) expect(oldest_wait_s).toBeLessThan(60);
  expect(await countRuns(db)).toEqual([
    { status: "queued", count: 3 },
    { status: "running", count: 1 },
  ]);
  const other = "00000000-0000-4000-8000-000000000001";
  expect(await readQueues(db, { org: other, idle: true, limit: 10 })).toEqual([]);
});

test("the longest wait comes first, and idle datasources when asked for", async () => {
  const [waits, idle] = [await makeDatasource(db, admin), await makeDatasource(db, admin)];
  const run = await makeRun(db, admin, waits);
  await sql`update runs set queued_at = now() - interval '5 minutes' where id = ${run}`.execute(db);
  const queues = await readQueues(db, { idle: true, limit: 300 });
  expect(queues[0]).toMatchObject({ datasource: { id: waits }, queued: 1 });
  expect(queues[0]?.oldest_wait_s).toBeGreaterThanOrEqual(300);
  expect(queues.find(({ datasource }) => datasource?.id === idle)).toMatchObject({
    queued: 0,
    oldest_wait_s: null,
    running: 0,
  });
});

test("the last hour counts what ended in it, by outcome", async () => {
  const datasource = await makeDatasource(db, admin, { max_concurrency: 10 });
  await addHistory(50, datasource);
  for (let n = 0; n < 4; n++) await makeRun(db, admin, datasource);
  const claimed = await claimRuns(db, "a runner", 3, 15_000);
  const lost = { code: "runner_lost", message: "", sqlstate: null, position: null } as const;
  const error = { ...lost, detail: null, hint: null };
  const failure: Outcome = { ...SUCCEEDED, statements: [], parts: [], status: "failed", error };
  for (const [n, claim] of claimed.entries())
    await finishRun(db, claim, n === 2 ? failure : SUCCEEDED);
  await sql`
    update runs set queued_at = finished_at - interval '3 seconds', claimed_at = finished_at - interval '2 seconds'
    where finished_at > now() - interval '1 minute'`.execute(db);
  expect(await readLastHour(db, admin.org_id)).toEqual({
    succeeded: 2,
    failed: 1,
    canceled: 0,
    failures: [{ code: "runner_lost", count: 1 }],
    lease_expiries: 1,
    waiting: { p50_s: 1, p95_s: 1 },
    running: { p50_s: 2, p95_s: 2 },
    complete: true,
  });
  await sql`truncate runs, queue, queue_people cascade`.execute(db);
  expect(await readLastHour(db, admin.org_id)).toMatchObject({
    succeeded: 0,
    failures: [],
    waiting: { p50_s: null, p95_s: null },
  });
});

test("kept results are counted, with their bytes by store and the next to go", async () => {
  const datasource = await makeDatasource(db, admin);
  await makeRun(db, admin, datasource);
  const [claim] = await claimRuns(db, "a runner", 1, 15_000);
  const { parts } = SUCCEEDED;
  const far = { ...parts[0]!, part: 1, size: 5_000_000, store: "s3", location: "a/1/b" } as const;
  await finishRun(db, claim!, { ...SUCCEEDED, parts: [parts[0]!, far] });
  const store = await readResultStore(db, "s3");
  expect(store).toMatchObject({
    kind: "s3",
    results: 1,
    bytes: { postgres: 3, file: 0, s3: 5_000_000 },
    estimated: false,
  });
  const days = (Date.parse(store.oldest_expiry!) - Date.now()) / 86_400_000;
  expect(days).toBeGreaterThan(6.9);
  expect(days).toBeLessThan(7.1);
});

test("processes that were silent are not alive, and after a day they are forgotten", async () => {
  const pool = { max: 1, open: 1, idle: 1, waiting: 0 };
  const vitals = { version: "1", rss: 1, cpu: 0, event_loop_lag_s: 0, pool };
  for (const id of ["old", "silent", "own"])
    await noteApiProcess(db, { id, hostname: "host", vitals });
  await sql`
    update api_processes set seen_at = now() - case id when 'old' then interval '25 hours' else interval '16 seconds' end
    where id <> 'own'`.execute(db);
  await noteApiProcess(db, { id: "own", hostname: "host", vitals: { ...vitals, rss: 2 } });
  const { apis } = await listProcesses(db, "own");
  expect(apis.map(({ id, alive }) => [id, alive])).toEqual([
    ["own", true],
    ["silent", false],
  ]);
  expect(apis[0]?.vitals?.rss).toBe(2);
});

test("a long history costs nothing: no statement reads all of it", async () => {
  // With one connection in all: what others did before is counted some seconds later.
  await using own = await freshDatabase();
  const one = openDatabase(own.url, { max: 1 });
  onTestFinished(() => one.destroy());
  const someone = await makeActor(one, "admin");
  const datasource = await makeDatasource(one, someone);
  await addHistory(20_000, datasource, one, someone);
  await makeRun(one, someone, datasource);
  const scans = async () => {
    await sql`select pg_stat_clear_snapshot(), pg_stat_force_next_flush()`.execute(one);
    const { rows } = await sql<{ scans: number }>`
      select seq_scan::int as scans from pg_stat_user_tables where relname = 'runs'`.execute(one);
    return rows[0]!.scans;
  };
  const before = await scans();
  await readQueues(one, { org: someone.org_id, limit: 200 });
  await readQueues(one, { idle: true, limit: 300 });
  await countRuns(one);
  await listProcesses(one, "own");
  await readLastHour(one, someone.org_id);
  await readDatabase(one);
  expect(await scans()).toBe(before);
});
