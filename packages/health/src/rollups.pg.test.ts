import { type Database, openDatabase } from "@quern/store/db";
import { freshDatabase, type TestDatabase } from "@quern/store/testing";
import { makeActor } from "@quern/store/testing-fixtures";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ensurePartitionsOf } from "./partitions.ts";
import { ARRAY_FAMILIES } from "./point-families.ts";
import { forgetOldHealth } from "./retention.ts";
import { sumLate, summedUntil, sumUp } from "./rollups.ts";
import { type History, makeHistory } from "./testing-history.ts";

const HOUR_MS = 3_600_000;
/** Half past of the hour before: what the history sends arrives by the real clock, and must not do so at a time of these tests. */
const NOW = new Date(Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 30 * 60_000);

let database: TestDatabase;
let db: Database;
let history: History;

beforeAll(async () => {
  database = await freshDatabase();
  db = openDatabase(database.url);
  const { org_id } = await makeActor(db, "admin");
  history = await makeHistory(db, org_id, { days: 1, raw_hours: 2, statements: 80, now: NOW });
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

const ofMain = () => history.database_ids[0]!;

/** Sums of every counter over (from, to] by thing, with the time and the marks. */
async function sums(family: (typeof ARRAY_FAMILIES)[number], suffix: string, from: Date, to: Date) {
  const names = Object.keys(family.sums);
  const refs = sql.join(names.map((name) => sql.ref(name)));
  const { rows } = await sql<Record<string, number | null>>`
    select thing::float8, ${sql.join(names.map((name) => sql`sum(item.${sql.ref(name)})::float8 as ${sql.ref(name)}`))}
    from ${sql.table(`health_${family.name}_${suffix}`)}, unnest(${sql.ref(family.ids)}, ${refs}) as item (thing, ${refs})
    where at > ${from} and at <= ${to} group by thing order by thing`.execute(db);
  return rows;
}

/** The same, added up in another order. Rounded numbers would differ where that crosses a half. */
function nearly(value: unknown): unknown {
  if (typeof value === "number" && value !== 0)
    return expect.closeTo(value, 9 - Math.ceil(Math.log10(Math.abs(value))));
  if (Array.isArray(value)) return value.map(nearly);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, nearly(each)]));
}

/** Every item of every hour. Nobody promises the order within an hour's arrays, nor the last digits of a sum. */
async function itemsOfHours(): Promise<Record<string, unknown>[]> {
  const { rows } = await sql<{ hour: Record<string, unknown> }>`
    select to_jsonb(hours) as hour from health_statement_hours as hours
    union all select to_jsonb(hours) from health_table_hours as hours
    union all select to_jsonb(hours) from health_index_hours as hours
    union all select to_jsonb(hours) from health_load_hours as hours
    union all select to_jsonb(hours) from health_metric_hours as hours`.execute(db);
  const items = rows.flatMap(({ hour: { marks, ...rest } }) => {
    const hour = Object.entries({ ...rest, marks: String(marks) });
    const lengths = hour.map(([, value]) => (Array.isArray(value) ? value.length : 1));
    return Array.from({ length: Math.max(...lengths) }, (_, at): Record<string, unknown> => {
      return Object.fromEntries(hour.map(([name, it]) => [name, Array.isArray(it) ? it[at] : it]));
    });
  });
  // By what they are of: numbers but those of things are what is compared.
  const keyOf = (item: Record<string, unknown>) =>
    JSON.stringify(
      Object.entries(item).filter(([name, it]) => typeof it === "string" || name.endsWith("_ids")),
    );
  return items.sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
}

test("hours are the sums of their points, whoever sums them and however often", async () => {
  const before = (await summedUntil(db)).hour!;
  const counts = await Promise.all([sumUp(db, NOW), sumUp(db, NOW)]);
  const until = (await summedUntil(db)).hour!;
  expect(until.getTime()).toBe(Math.floor(NOW.getTime() / HOUR_MS) * HOUR_MS);
  expect(counts[0].hours + counts[1].hours).toBe((until.getTime() - before.getTime()) / HOUR_MS);
  for (const family of ARRAY_FAMILIES) {
    const raw = await sums(family, "points", before, until);
    expect(raw.length).toBeGreaterThan(20);
    expect(await sums(family, "hours", before, until)).toEqual(nearly(raw));
  }
  const once = await itemsOfHours();
  await sql`update health_rollups set until = ${before} where what = 'hour'`.execute(db);
  await sumUp(db, NOW);
  expect(await itemsOfHours()).toEqual(nearly(once));
});

test("sections that share an instant keep the time that their counters took", async () => {
  const at = new Date(history.to.getTime() + 60_000);
  const { rows } = await sql<{ seconds: number; load: boolean; wal: boolean }>`
    select seconds, values ? 'load' as load, values ? 'wal_bytes' as wal from health_metric_points
    where subject_id = ${history.server_ids[0]} and at = ${at}`.execute(db);
  expect(rows).toEqual([{ seconds: 60, load: true, wal: true }]);
});

test("days are the sums of their hours, also of single numbers", async () => {
  const to = new Date(Math.floor(NOW.getTime() / (24 * HOUR_MS)) * 24 * HOUR_MS);
  const from = new Date(to.getTime() - 24 * HOUR_MS);
  for (const family of ARRAY_FAMILIES)
    expect(await sums(family, "days", from, to)).toEqual(
      nearly(await sums(family, "hours", from, to)),
    );
  const { rows } = await sql<Record<string, number>>`
    select sum((hours.values ->> 'xact_commit')::float8) as commits, max((days.values ->> 'xact_commit')::float8) as day_commits,
      max((hours.values ->> 'frozen_xid_age')::float8) as age, max((days.values ->> 'frozen_xid_age')::float8) as day_age,
      sum(hours.seconds) as seconds, max(days.seconds) as day_seconds
    from health_metric_days as days join health_metric_hours as hours on hours.subject_id = days.subject_id
      and hours.at > days.at - interval '1 day' and hours.at <= days.at
    where days.subject_id = ${ofMain()} and days.at = ${to}`.execute(db);
  const row = rows[0]!;
  expect(row.day_commits).toBe(row.commits);
  expect([row.day_age, row.day_seconds]).toEqual([row.age, row.seconds]);
});

test("what comes late is in the hour and the day that were summed without it", async () => {
  const until = (await summedUntil(db)).hour!;
  const taken_at = new Date(until.getTime() - 90 * 60_000 + 1);
  const hour = new Date(Math.ceil(taken_at.getTime() / HOUR_MS) * HOUR_MS);
  const totals = () =>
    sums(ARRAY_FAMILIES[0], "hours", new Date(hour.getTime() - HOUR_MS), hour).then((rows) =>
      rows.reduce((sum, { calls }) => sum + (calls ?? 0), 0),
    );
  const before = await totals();
  await sql`
    insert into health_statement_points select (jsonb_populate_record(points, jsonb_build_object('at', ${taken_at}::timestamptz,
      'calls', array(select 1000 from unnest(calls))))).*
    from health_statement_points as points
    where database_id = ${ofMain()} and at > ${hour.toISOString()}::timestamptz - interval '1 hour' order by at limit 1`.execute(
    db,
  );
  await sql`
    insert into health_snapshots (snapshot_uuid, org_id, database_id, taken_at, received_at, wire_bytes, body_bytes, sections)
    select gen_random_uuid(), org_id, id, ${taken_at}, ${NOW}, 1, 1, '{}' from health_databases where id = ${ofMain()}`.execute(
    db,
  );
  await sql`update health_rollups set until = ${new Date(NOW.getTime() - 60_000)} where what = 'late'`.execute(
    db,
  );
  expect(await sumLate(db, new Date(NOW.getTime() + 30_000))).toBe(0);
  expect(await totals()).toBe(before);
  expect(await sumLate(db, new Date(NOW.getTime() + 120_000))).toBe(1);
  expect(await totals()).toBeGreaterThan(before + 1000);
});

test("one that dies in the middle of an hour leaves it to the next", async () => {
  const before = (await summedUntil(db)).hour!;
  const later = new Date(before.getTime() + HOUR_MS + 6 * 60_000);
  await ensurePartitionsOf(db, "hour", later);
  await sql`alter table health_load_hours add constraint broken check (at < ${sql.lit(before.toISOString())}) not valid`.execute(
    db,
  );
  await sql`
    insert into health_load_points (server_id, at, seconds, samples, databases, query_hashes, users, wait_types, wait_events, sessions)
    values (${history.server_ids[0]}, ${new Date(before.getTime() + 1000)}, 60, 6, '{}', '{}', '{}', '{}', '{}', '{}')
    on conflict do nothing`.execute(db);
  await expect(sumUp(db, later)).rejects.toThrow(/broken/);
  expect((await summedUntil(db)).hour).toEqual(before);
  await sql`alter table health_load_hours drop constraint broken`.execute(db);
  expect(await sumUp(db, later)).toMatchObject({ hours: 1 });
});

test("what is older than is kept goes, and of documents one a month stays", async () => {
  const id = ofMain();
  await sql`
    insert into health_documents (database_id, section, day, at, body)
    select ${id}::uuid, 'custom_metrics', day, day, '{}'
    from generate_series((${NOW}::timestamptz - interval '200 days')::date, ${NOW}::timestamptz::date, interval '1 day') as day`.execute(
    db,
  );
  await sql`insert into health_schemas (org_id, hash, body, created_at) select org_id, 'unused', '{}', now() - interval '2 days' from health_databases limit 1`.execute(
    db,
  );
  await sql`update health_snapshots set received_at = now() - interval '15 days' where database_id = ${id} and taken_at < ${new Date(NOW.getTime() - 12 * HOUR_MS)}`.execute(
    db,
  );
  await sql`update health_statements set last_seen_at = now() - interval '731 days' where id = (select min(id) from health_statements)`.execute(
    db,
  );
  const counts = await forgetOldHealth(db, NOW);
  expect(counts).toMatchObject({ schemas: 1, statements: 1, snapshots: 1, partitions: 0 });
  const { rows } = await sql<{ month: string; days: number }>`
    select to_char(day, 'YYYY-MM') as month, count(*)::float8 as days from health_documents
    where database_id = ${id} and section = 'custom_metrics' group by 1 order by 1`.execute(db);
  expect(rows.slice(0, 2).map(({ days }) => days)).toEqual([1, 1]);
  expect(rows.reduce((sum, { days }) => sum + days, 0)).toBeGreaterThan(91);
  const far = new Date(NOW.getTime() + 10 * 24 * HOUR_MS);
  expect((await forgetOldHealth(db, far)).partitions).toBeGreaterThan(5);
  const left = await sql<{
    n: number;
  }>`select count(*)::float8 as n from health_statement_points`.execute(db);
  expect(left.rows[0]!.n).toBe(0);
});
