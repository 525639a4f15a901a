/** Who goes first, what the caps hold back, and that all of it reads only what it must. */
import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Actor } from "./actor.ts";
import { type Database, openDatabase } from "./db.ts";
import { claimRuns, finishRun, sweepLapsedLeases } from "./queue.ts";
import { readQueuePlace } from "./queue-place.ts";
import { fullQueue, requestCancel } from "./runs.ts";
import { freshDatabase, type TestDatabase } from "./testing.ts";
import { makeActor, makeDatasource, makeRun, SUCCEEDED } from "./testing-fixtures.ts";

let database: TestDatabase;
let db: Database;
let people: Actor[];
let admin: Actor;
beforeAll(async () => {
  database = await freshDatabase();
  // More at once than connections: on a busy machine some wait long for theirs.
  db = openDatabase(database.url, { max: 20, connect_timeout_ms: 60_000 });
  admin = await makeActor(db, "admin");
  people = await Promise.all(Array.from({ length: 4 }, () => makeActor(db, "editor")));
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});
beforeEach(async () => {
  await sql`delete from runs`.execute(db);
});

async function claimedIds(max: number): Promise<string[]> {
  return (await claimRuns(db, "runner", max, 60_000)).map(({ id }) => id);
}

/** Claims one at a time and ends each at once, until the queue is empty. */
async function drain(): Promise<string[]> {
  const order: string[] = [];
  for (;;) {
    const [claim] = await claimRuns(db, "runner", 1, 60_000);
    if (!claim) return order;
    order.push(claim.id);
    await finishRun(db, claim, SUCCEEDED);
  }
}

async function queueSize(): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*) from queue`.execute(db);
  return rows[0]!.count;
}

test("people take turns in a datasource, however many runs one of them has queued before", async () => {
  const datasource = await makeDatasource(db, admin, { max_concurrency: 100 });
  const [one, two, three] = people as [Actor, Actor, Actor];
  const mine: string[] = [];
  for (let n = 0; n < 6; n++) mine.push(await makeRun(db, one, datasource));
  const theirs: string[] = [];
  for (let n = 0; n < 3; n++) theirs.push(await makeRun(db, two, datasource));
  const third = await makeRun(db, three, datasource);
  expect(await drain()).toEqual([
    mine[0],
    theirs[0],
    third,
    mine[1],
    theirs[1],
    mine[2],
    theirs[2],
    ...mine.slice(3),
  ]);
});

test("somebody who asks again as soon as a run ends does not push aside those who wait", async () => {
  const datasource = await makeDatasource(db, admin, { max_concurrency: 100 });
  const [waiting, ...busy] = people as [Actor, Actor, Actor, Actor];
  const backlog: string[] = [];
  for (let n = 0; n < 5; n++) backlog.push(await makeRun(db, waiting, datasource));
  for (const person of busy) await makeRun(db, person, datasource);
  const order: string[] = [];
  for (let n = 0; n < 20; n++) {
    const [claim] = await claimRuns(db, "runner", 1, 60_000);
    order.push(claim!.id);
    await finishRun(db, claim!, SUCCEEDED);
    const { rows } = await sql<{ created_by: string }>`
      select created_by from runs where id = ${claim!.id}`.execute(db);
    const again = busy.find(({ user_id }) => user_id === rows[0]!.created_by);
    if (again) await makeRun(db, again, datasource);
  }
  expect(order.filter((id) => backlog.includes(id))).toEqual(backlog);
});

test("people with work in different datasources share the slots", async () => {
  const [wide, other] = [
    await makeDatasource(db, admin, { max_concurrency: 100 }),
    await makeDatasource(db, admin, { max_concurrency: 100 }),
  ];
  const [one, two, three] = people as [Actor, Actor, Actor];
  for (let n = 0; n < 12; n++) await makeRun(db, one, wide);
  for (let n = 0; n < 12; n++) await makeRun(db, two, other);
  for (let n = 0; n < 12; n++) await makeRun(db, three, other);
  const owners = async (ids: string[]) => {
    const { rows } = await sql<{ created_by: string; count: number }>`
      select created_by, count(*) from runs where id = any (${ids}::uuid[]) group by 1`.execute(db);
    return Object.fromEntries(rows.map((row) => [row.created_by, row.count]));
  };
  const even = { [one.user_id]: 4, [two.user_id]: 4, [three.user_id]: 4 };
  // By runs under way, when they last …
  expect(await owners(await claimedIds(12))).toEqual(even);
  // … and by who was served longest ago, when they end at once.
  await sql`delete from runs where status = 'running'`.execute(db);
  expect(await owners((await drain()).slice(0, 12))).toEqual(even);
});

test("a datasource at its cap holds back its own runs only, whatever their priority", async () => {
  const [narrow, free] = [
    await makeDatasource(db, admin, { max_concurrency: 1 }),
    await makeDatasource(db, admin),
  ];
  const held = [];
  for (let n = 0; n < 20; n++) held.push(await makeRun(db, people[0]!, narrow));
  const behind = await makeRun(db, people[0]!, free, { priority: "schedule" });
  expect((await claimedIds(8)).sort()).toEqual([held[0], behind].sort());
  expect(await claimedIds(8)).toEqual([]);
  const runners = sql`insert into runners (id, hostname, slots) values ('r', 'h', 8)
    on conflict (id) do update set seen_at = now()`;
  await runners.execute(db);
  expect(await readQueuePlace(db, held[5]!)).toMatchObject({
    position: 5,
    position_is_exact: true,
    blocked_by: "datasource_concurrency",
    datasource_running: 1,
  });
});

test("work on stored results does not wait for the datasource, nor count against its cap", async () => {
  const narrow = await makeDatasource(db, admin, { max_concurrency: 1 });
  const source = await makeRun(db, people[0]!, narrow);
  const [claim] = await claimRuns(db, "runner", 1, 60_000);
  await finishRun(db, claim!, SUCCEEDED);
  const derived = { kind: "result_view", sql: null, source: { run_id: source, spec: {} } } as const;
  const views = [];
  for (let n = 0; n < 3; n++) views.push(await makeRun(db, people[0]!, narrow, derived));
  const query = await makeRun(db, people[0]!, narrow);
  expect((await claimedIds(8)).sort()).toEqual([...views, query].sort());
});

test("the queue has exactly the runs that wait, whatever happens to them", async () => {
  const datasource = await makeDatasource(db, admin, { max_concurrency: 2 });
  const key = { idempotency: { key: randomUUID(), request: "r" } };
  const ids = [
    await makeRun(db, people[0]!, datasource, key),
    await makeRun(db, people[0]!, datasource),
  ];
  expect(await makeRun(db, people[0]!, datasource, key)).toBe(ids[0]);
  expect(await queueSize()).toBe(2);
  await requestCancel(db, admin, ids[0]!);
  expect(await queueSize()).toBe(1);
  await claimedIds(1);
  expect(await queueSize()).toBe(0);
  await makeRun(db, people[0]!, datasource);
  await sql`delete from runs`.execute(db);
  expect(await queueSize()).toBe(0);
});

test("a claim passes over a run that somebody is just canceling", async () => {
  const datasource = await makeDatasource(db, admin);
  const first = await makeRun(db, people[0]!, datasource);
  const second = await makeRun(db, people[0]!, datasource);
  await db.transaction().execute(async (trx) => {
    await requestCancel(trx, admin, first);
    expect(await claimedIds(8)).toEqual([second]);
  });
  expect(await claimedIds(8)).toEqual([]);
});

test("caps stay exact while several runners claim, people cancel and leases lapse", async () => {
  const caps = [1, 2, 3];
  const datasources: string[] = [];
  for (const max_concurrency of caps)
    datasources.push(await makeDatasource(db, admin, { max_concurrency }));
  const runs = 120;
  const ids = await Promise.all(
    Array.from({ length: runs }, (_, n) =>
      makeRun(db, people[n % 3]!, datasources[n % datasources.length]!),
    ),
  );
  const over: string[] = [];
  let stop = false;
  const watch = async () => {
    while (!stop) {
      const { rows } = await sql<{ datasource_id: string }>`
        select datasource_id from runs join datasources on datasources.id = datasource_id
        where status = 'running' group by datasource_id having count(*) > max(max_concurrency)`.execute(
        db,
      );
      over.push(...rows.map(({ datasource_id }) => datasource_id));
    }
  };
  const work = async (runner: string) => {
    while (!stop) {
      for (const claim of await claimRuns(db, runner, 3, 60_000)) {
        if (Math.random() < 0.2) {
          await sql`update runs set lease_until = clock_timestamp() - interval '1 s' where id = ${claim.id}`.execute(
            db,
          );
        } else await finishRun(db, claim, SUCCEEDED);
      }
      await sweepLapsedLeases(db);
    }
  };
  const watching = watch();
  const working = Array.from({ length: 5 }, (_, n) => work(`runner-${n}`));
  await Promise.all(ids.filter((_, n) => n % 7 === 0).map((id) => requestCancel(db, admin, id)));
  const left = async () => {
    const { rows } = await sql<{ left: number }>`
      select count(*) as left from runs where finished_at is null`.execute(db);
    return rows[0]!.left;
  };
  while ((await left()) > 0);
  stop = true;
  await Promise.all([watching, ...working]);
  expect(over).toEqual([]);
  expect(await queueSize()).toBe(0);
});

test("a full queue of one person is refused to that person only", async () => {
  const datasource = await makeDatasource(db, admin);
  await sql`update orgs set settings = '{"max_queued_per_person": 2}'`.execute(db);
  await makeRun(db, people[0]!, datasource);
  expect(await fullQueue(db, people[0]!)).toBeUndefined();
  await makeRun(db, people[0]!, datasource);
  expect(await fullQueue(db, people[0]!)).toBe(2);
  expect(await fullQueue(db, people[1]!)).toBeUndefined();
  await sql`update orgs set settings = '{}'`.execute(db);
});

test("positions far back are counted up to a bound, and say so", async () => {
  const datasource = await makeDatasource(db, admin);
  await sql`
    insert into runs (org_id, kind, datasource_id, sql, timeout_ms, max_rows, max_bytes, trigger, created_by)
    select ${admin.org_id}, 'query', ${datasource}, 'select 1', 1, 1, 1, 'user', ${people[0]!.user_id}
    from generate_series(1, 10100)`.execute(db);
  const last = await makeRun(db, people[0]!, datasource);
  expect(await readQueuePlace(db, last)).toMatchObject({
    position: 10_001,
    position_is_exact: false,
  });
  expect(await readQueuePlace(db, await makeRun(db, people[1]!, datasource))).toMatchObject({
    position_is_exact: false,
  });
});
