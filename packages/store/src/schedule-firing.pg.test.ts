import type { ScheduleInput } from "@quern/contract/schedules";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Actor } from "./actor.ts";
import { type Database, openDatabase } from "./db.ts";
import { deleteOldFirings, listFirings } from "./firings.ts";
import { setGrants } from "./grants.ts";
import { changeMember } from "./members.ts";
import { changeQuery, createQuery, deleteQuery, restoreQuery } from "./queries.ts";
import { changeSchedule, createSchedule, fireNow } from "./schedule-changes.ts";
import { findDue } from "./schedule-due.ts";
import { fireDue } from "./schedule-firing.ts";
import { listSchedules, readSchedule } from "./schedules.ts";
import { freshDatabase, type TestDatabase } from "./testing.ts";
import { makeActor, makeDatasource } from "./testing-fixtures.ts";

let database: TestDatabase;
let db: Database;
let admin: Actor;
let owner: Actor;
let datasource: string;

beforeAll(async () => {
  database = await freshDatabase();
  // More at once than connections: on a busy machine some wait long for theirs.
  db = openDatabase(database.url, { max: 20, connect_timeout_ms: 60_000 });
  admin = await makeActor(db, "admin");
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});
beforeEach(async () => {
  await sql`delete from schedules`.execute(db);
  await sql`update runs set status = 'canceled', finished_at = now() where status = 'queued'`.execute(
    db,
  );
  owner = await makeActor(db, "editor");
  datasource = await makeDatasource(db, admin, { everyone: true });
});

async function makeQuery(
  text = `select ${Math.random()}`,
  params: unknown[] = [],
): Promise<string> {
  return createQuery(db, owner, {
    name: "Orders",
    description: "",
    datasource_id: datasource,
    sql: text,
    params: params as never,
    limits: {},
    result_ttl_s: null,
  });
}

/** A schedule that is next due then. */
async function makeSchedule(change: Partial<ScheduleInput> = {}, due?: string): Promise<string> {
  const id = await createSchedule(db, owner, {
    name: "Hourly orders",
    target: { type: "query", query_id: await makeQuery() },
    recurrence: "hourly",
    time_zone: "UTC",
    ...change,
  });
  if (due) await sql`update schedules set next_fire_at = ${at(due)} where id = ${id}`.execute(db);
  return id;
}

const at = (time: string) => new Date(`2030-05-${time}Z`);

/** Looks as runners do, at that time, until nothing is left; how many of them at once. */
async function look(time: string, runners = 1): Promise<void> {
  const clock = at(time);
  for (let round = 0; round < 20; round++) {
    const found = await findDue(db, 0, 100, clock);
    if (found.length === 0) return;
    await Promise.all(
      found.flatMap((due) => Array.from({ length: runners }, () => fireDue(db, due, { clock }))),
    );
  }
}

async function history(id: string): Promise<string[]> {
  const { items } = await listFirings(db, admin, id, { limit: 200 });
  return items
    .reverse()
    .map(
      ({ fire_at, outcome, runs }) =>
        `${fire_at.slice(8, 16)} ${outcome}${runs.length > 0 ? ` ${runs.length}` : ""}`,
    );
}

async function messages(id: string): Promise<(string | null)[]> {
  const { items } = await listFirings(db, admin, id, { limit: 200 });
  return items.reverse().map(({ message }) => message);
}

/** Ends the queued runs of the schedule. */
async function endRuns(id: string): Promise<void> {
  await sql`
    update runs set status = 'canceled', finished_at = now()
    where finished_at is null and id in (
      select run_id from firing_runs join schedule_firings on schedule_firings.id = firing_id where schedule_id = ${id})`.execute(
    db,
  );
}

const next = async (id: string) =>
  (await readSchedule(db, admin, id))?.next_fire_at?.slice(8, 16) ?? null;

test("what is due is put into the queue with its owner's name, and the next time follows from the recurrence", async () => {
  const query = await makeQuery("select 1 as scheduled");
  const id = await makeSchedule({ target: { type: "query", query_id: query } }, "21T09:00");
  await look("21T09:00:07");
  expect(await history(id)).toEqual(["21T09:00 enqueued 1"]);
  expect(await next(id)).toBe("21T10:00");
  const { rows } = await sql<Record<string, unknown>>`
    select runs.trigger, runs.priority, runs.status, runs.sql, runs.created_by, runs.query_id, firing_runs.title
    from runs join firing_runs on firing_runs.run_id = runs.id
    join schedule_firings on schedule_firings.id = firing_id where schedule_id = ${id}`.execute(db);
  expect(rows).toEqual([
    {
      trigger: "schedule",
      priority: "schedule",
      status: "queued",
      sql: "select 1 as scheduled",
      created_by: owner.user_id,
      query_id: query,
      title: "Orders",
    },
  ]);
  const { items } = await listFirings(db, admin, id, { limit: 1 });
  expect(items[0]).toMatchObject({ trigger: "schedule", status: "queued", finished_at: null });
  expect(Date.parse(items[0]!.fired_at) - Date.parse(items[0]!.fire_at)).toBe(7_000);
});

test("nothing is due before its time", async () => {
  const id = await makeSchedule({}, "21T09:00");
  const [soon] = await findDue(db, 1_000, 10, at("21T08:59:59.400"));
  expect(soon).toMatchObject({ schedule_id: id, firing_id: null, in_ms: 600 });
  await look("21T08:59:59.999");
  expect(await history(id)).toEqual([]);
});

test("five runners at once: each of forty times exactly once", async () => {
  const ids = await Promise.all(
    Array.from({ length: 20 }, () => makeSchedule({ overlap_policy: "queue" }, "21T09:00")),
  );
  await look("21T09:00:01", 5);
  for (const id of ids) await endRuns(id);
  await look("21T10:00:01", 5);
  for (const id of ids)
    expect(await history(id)).toEqual(["21T09:00 enqueued 1", "21T10:00 enqueued 1"]);
});

test.each([
  ["run_latest", ["21T01:00 skipped_misfire", "21T02:00 skipped_misfire", "21T03:00 enqueued 1"]],
  ["skip", ["21T01:00 skipped_misfire", "21T02:00 skipped_misfire", "21T03:00 skipped_misfire"]],
  ["run_all", ["21T01:00 enqueued 1", "21T02:00 waiting", "21T03:00 waiting"]],
] as const)("a host asleep over three times: %s", async (misfire_policy, expected) => {
  const id = await makeSchedule({ misfire_policy }, "21T01:00");
  await look("21T03:30", 5);
  expect(await history(id)).toEqual(expected);
  expect(await next(id)).toBe("21T04:00");
  if (misfire_policy !== "run_all") return;
  await endRuns(id);
  await look("21T03:31", 5);
  expect((await history(id)).slice(1)).toEqual(["21T02:00 enqueued 1", "21T03:00 waiting"]);
  await endRuns(id);
  await look("21T03:32");
  expect((await history(id))[2]).toBe("21T03:00 enqueued 1");
});

test("while the runs before go on: passed over, kept waiting, or ended", async () => {
  const [skip, queue, cancel] = await Promise.all(
    (["skip", "queue", "cancel_previous"] as const).map((overlap_policy) =>
      makeSchedule({ overlap_policy }, "21T09:00"),
    ),
  );
  await look("21T09:00");
  await look("21T10:00");
  expect(await history(skip!)).toEqual(["21T09:00 enqueued 1", "21T10:00 skipped_overlap"]);
  expect((await messages(skip!))[1]).toBe(
    "The runs of the firing of 2030-05-21 09:00 UTC still went on.",
  );
  expect(await history(queue!)).toEqual(["21T09:00 enqueued 1", "21T10:00 waiting"]);
  expect(await history(cancel!)).toEqual(["21T09:00 enqueued 1", "21T10:00 enqueued 1"]);
  const { items } = await listFirings(db, admin, cancel!, { limit: 2 });
  expect(items.map(({ status }) => status)).toEqual(["queued", "canceled"]);
  await look("21T10:00:30");
  expect((await history(queue!))[1]).toBe("21T10:00 waiting");
  await endRuns(queue!);
  await look("21T10:00:31", 5);
  expect((await history(queue!))[1]).toBe("21T10:00 enqueued 1");
  await endRuns(skip!);
  await look("21T11:00");
  expect((await history(skip!))[2]).toBe("21T11:00 enqueued 1");
});

test("the same work due at the same time is one run; on two datasources, or at another time, it is two", async () => {
  const query = await makeQuery("select 'the same'");
  const target = { type: "query" as const, query_id: query };
  const [one, other] = [
    await makeSchedule({ target }, "21T09:00"),
    await makeSchedule({ target, recurrence: "0 * * * *" }, "21T09:00"),
  ];
  datasource = await makeDatasource(db, admin, { everyone: true });
  const elsewhere = await makeSchedule(
    { target: { type: "query", query_id: await makeQuery("select 'the same'") } },
    "21T09:00",
  );
  // Runs are queued by the real clock, which must not be before the time that is due.
  const clock = new Date();
  await sql`update schedules set next_fire_at = date_trunc('second', ${clock}::timestamptz)`.execute(
    db,
  );
  const found = await findDue(db, 0, 10, clock);
  await Promise.all(found.map((due) => fireDue(db, due, { clock })));
  const runs = new Map<string, string>();
  for (const id of [one!, other!, elsewhere]) {
    const { items } = await listFirings(db, admin, id, { limit: 1 });
    runs.set(id, items[0]!.runs[0]!.id);
  }
  expect(runs.get(one!)).toBe(runs.get(other!));
  expect(runs.get(elsewhere)).not.toBe(runs.get(one!));
});

test("ranges that move with the clock end when it was due, not when it ran", async () => {
  const query = await makeQuery("select {{ day.start }}, {{ day.end }}", [
    { name: "day", type: "date_range", default: { relative: "last", unit: "day" } },
  ]);
  const id = await makeSchedule(
    { target: { type: "query", query_id: query }, recurrence: "daily 03:00" },
    "21T03:00",
  );
  await look("23T02:00");
  const { rows } = await sql<{ bound: unknown }>`
    select jsonb_path_query_array(params, '$[*].bound[*].value') as bound from runs where query_id = ${query}`.execute(
    db,
  );
  // It was due on the 22nd, too, which is the latest.
  expect(rows.map(({ bound }) => bound)).toEqual([["2030-05-21", "2030-05-22"]]);
  expect(await history(id)).toEqual(["21T03:00 skipped_misfire", "22T03:00 enqueued 1"]);
});

async function expectTrouble(id: string, words: RegExp): Promise<void> {
  await look("21T09:00");
  expect(await history(id)).toEqual(["21T09:00 failed"]);
  expect((await messages(id))[0]).toMatch(words);
  const schedule = await readSchedule(db, admin, id);
  expect(schedule).toMatchObject({ trouble: expect.stringMatching(words), paused_at: null });
  expect(schedule?.next_fire_at).toBe(at("21T10:00").toISOString());
  const { items } = await listSchedules(db, admin, { state: "failing", limit: 10 });
  expect(items.map((each) => each.id)).toEqual([id]);
}

test("its owner was deactivated: a failed firing with words, and whoever takes it over mends it", async () => {
  const id = await makeSchedule({}, "21T09:00");
  await changeMember(db, owner.org_id, owner.user_id, { active: false });
  await expectTrouble(id, /was deactivated\. Take it over/);
  const other = await makeActor(db, "editor");
  await changeSchedule(db, other, id, { params: {} });
  expect(await readSchedule(db, admin, id)).toMatchObject({
    trouble: null,
    owner: { id: other.user_id },
  });
  await look("21T10:00");
  expect((await history(id))[1]).toBe("21T10:00 enqueued 1");
});

test("its owner is gone, or lost the grant; a parameter lost its default", async () => {
  const gone = await makeSchedule({}, "21T09:00");
  await sql`delete from users where id = ${owner.user_id}`.execute(db);
  await expectTrouble(gone, /is gone\. Take it over/);

  await sql`delete from schedules`.execute(db);
  owner = await makeActor(db, "editor");
  const barred = await makeSchedule({}, "21T09:00");
  await setGrants(db, admin, { type: "datasource", id: datasource }, []);
  await expectTrouble(barred, /may not use the datasource of its query any more/);

  await sql`delete from schedules`.execute(db);
  datasource = await makeDatasource(db, admin, { everyone: true });
  const query = await makeQuery("select {{ city }}", [
    { name: "city", type: "text", default: "Toronto" },
  ]);
  const bare = await makeSchedule({ target: { type: "query", query_id: query } }, "21T09:00");
  await changeQuery(db, owner, query, 1, { params: [{ name: "city", type: "text" }] });
  await expectTrouble(bare, /“city” needs a value/);
});

test("one that throws fails by itself, moves on, and holds up no other", async () => {
  const [bad, fine] = [await makeSchedule({}, "21T09:00"), await makeSchedule({}, "21T09:00")];
  await sql`update schedules set recurrence = 'when pigs fly' where id = ${bad!}`.execute(db);
  await look("21T09:00");
  expect(await history(bad!)).toEqual(["21T09:00 failed"]);
  expect(await history(fine!)).toEqual(["21T09:00 enqueued 1"]);
  expect((await readSchedule(db, admin, bad!))?.trouble).toMatch(/“when pigs fly” cannot be read/);
  expect(await next(bad!)).toBeNull();

  const thrown = await makeSchedule({}, "21T09:00");
  await fireDue(
    db,
    { schedule_id: thrown, firing_id: null },
    {
      clock: at("21T09:00"),
      passing: (point) => {
        if (point === "schedule_enqueued") throw new TypeError("a bug");
      },
    },
  );
  expect(await history(thrown)).toEqual(["21T09:00 failed"]);
  expect((await messages(thrown))[0]).toBe(
    "Quern could not fire it: a bug. The runner's log says more.",
  );
  expect(await next(thrown)).toBe("21T10:00");
});

test("the database away or busy: nothing has changed, and the next look fires it", async () => {
  const id = await makeSchedule({}, "21T09:00");
  const fire = fireDue(
    db,
    { schedule_id: id, firing_id: null },
    {
      clock: at("21T09:00"),
      passing: (point) => {
        if (point === "schedule_enqueued")
          throw Object.assign(new Error("terminating connection"), { code: "57P01" });
      },
    },
  );
  await expect(fire).rejects.toThrow("terminating connection");
  expect(await history(id)).toEqual([]);
  await look("21T09:00:01");
  expect(await history(id)).toEqual(["21T09:00 enqueued 1"]);
});

test("deleting the query pauses, with words; restoring it goes on from then", async () => {
  const query = await makeQuery();
  const id = await makeSchedule({ target: { type: "query", query_id: query } }, "21T09:00");
  await deleteQuery(db, owner, query);
  const paused = await readSchedule(db, owner, id);
  expect(paused).toMatchObject({ next_fire_at: null, paused_at: expect.any(String) });
  expect(paused?.trouble).toMatch(/Its query was deleted/);
  await expect(changeSchedule(db, owner, id, { paused: false })).rejects.toThrow(/was deleted/);
  await look("21T09:30");
  await restoreQuery(db, owner, query);
  expect(await readSchedule(db, owner, id)).toMatchObject({ paused_at: null, trouble: null });
  await look("21T12:30", 5);
  expect(await history(id)).toEqual([]);
  expect(await next(id)).toBe("21T13:00");
});

test("what passed while it was paused is not caught up on, and neither is it by new times", async () => {
  const id = await makeSchedule({ misfire_policy: "run_all" }, "21T09:00");
  await changeSchedule(db, owner, id, { paused: true });
  expect(await findDue(db, 0, 10, at("21T12:00"))).toEqual([]);
  // The hour may end meanwhile.
  const before = Date.now();
  await changeSchedule(db, owner, id, { paused: false });
  const resumed = await readSchedule(db, owner, id);
  expect(Date.parse(resumed!.next_fire_at!)).toBeGreaterThan(before);
  expect(Date.parse(resumed!.next_fire_at!)).toBeLessThanOrEqual(Date.now() + 3_600_000);
  await changeSchedule(db, owner, id, {
    recurrence: "yearly jan 1 00:00",
    time_zone: "Asia/Tokyo",
  });
  expect((await readSchedule(db, owner, id))?.next_fire_at).toMatch(/-12-31T15:00:00.000Z$/);
  expect(await history(id)).toEqual([]);
  await sql`update schedules set next_fire_at = ${at("21T09:00")} where id = ${id}`.execute(db);
  await changeSchedule(db, owner, id, { name: "Another name" });
  expect(await next(id)).toBe("21T09:00");
});

test("running it by hand does not move it, works while it is paused, and keeps to its overlap policy", async () => {
  const id = await makeSchedule({}, "21T09:00");
  await fireNow(db, owner, id);
  expect(await next(id)).toBe("21T09:00");
  await fireNow(db, owner, id);
  await endRuns(id);
  await changeSchedule(db, owner, id, { paused: true });
  await fireNow(db, owner, id);
  const { items } = await listFirings(db, admin, id, { limit: 10 });
  expect(items.map(({ trigger, outcome }) => `${trigger} ${outcome}`)).toEqual([
    "manual enqueued",
    "manual skipped_overlap",
    "manual enqueued",
  ]);
  const stranger = await makeActor(db, "viewer");
  await setGrants(db, admin, { type: "datasource", id: datasource }, []);
  expect(await fireNow(db, stranger, id)).toBeUndefined();
});

test("a time that was fired before is not fired again, whatever the clock says", async () => {
  const id = await makeSchedule({}, "21T09:00");
  await look("21T09:00");
  await endRuns(id);
  await sql`update schedules set next_fire_at = ${at("21T09:00")} where id = ${id}`.execute(db);
  await look("21T09:00:20");
  expect(await history(id)).toEqual(["21T09:00 enqueued 1"]);
  expect(await next(id)).toBe("21T10:00");
});

test("history is kept for 90 days and 1,000 firings, and thirty whatever their age", async () => {
  const [busy, yearly] = [await makeSchedule(), await makeSchedule()];
  await sql`
    insert into schedule_firings (schedule_id, fire_at, outcome)
    select ${busy!}::uuid, now() - n * interval '1 minute', 'failed' from generate_series(1, 1500) as n
    union all
    select ${yearly!}::uuid, now() - n * interval '1 year', 'failed' from generate_series(1, 40) as n`.execute(
    db,
  );
  expect(await deleteOldFirings(db)).toBe(510);
  const { rows } = await sql<{ count: number }>`
    select count(*) from schedule_firings group by schedule_id order by 1`.execute(db);
  expect(rows.map(({ count }) => count)).toEqual([30, 1_000]);
});

test("a list of many reads on where the page before ended", async () => {
  for (let n = 0; n < 5; n++) await makeSchedule({ name: `S ${n}` }, `2${n}T09:00`);
  const paused = await makeSchedule({ name: "S paused", paused: true });
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await listSchedules(db, owner, { search: "S ", limit: 2, cursor });
    seen.push(...page.items.map(({ name }) => name));
    cursor = page.next_cursor ?? undefined;
  } while (cursor);
  expect(seen).toEqual(["S 0", "S 1", "S 2", "S 3", "S 4", "S paused"]);
  expect((await listSchedules(db, owner, { state: "paused", limit: 9 })).items[0]?.id).toBe(paused);
  expect((await listSchedules(db, owner, { state: "active", limit: 9 })).items).toHaveLength(5);
});

test("what cannot work is refused at once, by field", async () => {
  const query = await makeQuery("select {{ city }}", [{ name: "city", type: "text" }]);
  const target = { type: "query" as const, query_id: query };
  await expect(makeSchedule({ target })).rejects.toMatchObject({
    code: "invalid_request",
    errors: [{ path: "body.params.city", message: "“city” needs a value." }],
  });
  await expect(makeSchedule({ target, params: { town: "x" } })).rejects.toMatchObject({
    errors: expect.arrayContaining([expect.objectContaining({ path: "body.params.town" })]),
  });
  await expect(makeSchedule({ recurrence: "0 0 31 2 *" })).rejects.toMatchObject({
    errors: [{ path: "body.recurrence", message: expect.stringMatching(/never fire/) }],
  });
  await expect(makeSchedule({ time_zone: "Europe/Berln" })).rejects.toMatchObject({
    errors: [{ path: "body.time_zone", message: expect.stringMatching(/Europe\/Berlin/) }],
  });
});
