/** What happens after Quern was away for longer than raw points are kept, and when its clock jumps. */
import { inTransaction } from "@quern/store/db";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ensurePartitions, ensurePartitionsOf, oldPartitions } from "./partitions.ts";
import { forgetOldHealth } from "./retention.ts";
import { summedUntil, sumUp } from "./rollups.ts";
import { tableStats } from "./testing-schema.ts";
import { ago, NOW, openSites, type Sites } from "./testing-site.ts";

const HOUR_MS = 3_600_000;
const later = (hours: number) => new Date(NOW.getTime() + hours * HOUR_MS);
const AWAY = 9 * 24;
const hourOf = (at: Date) => new Date(Math.floor(at.getTime() / HOUR_MS) * HOUR_MS);

let sites: Sites;
beforeAll(async () => {
  sites = await openSites();
});
afterAll(() => sites.close());

test("after nine days away partitions are made as payloads come, and hours are summed up to now, each once", async () => {
  const site = await sites.site();
  const send = (n_tup_ins: number, at: Date) =>
    site.send({ table_stats: [tableStats("t", { n_tup_ins })] }, at);
  await send(0, ago(2 * 3_600));
  await send(3_600, ago(3_600));
  await sumUp(sites.db, NOW);
  expect((await summedUntil(sites.db)).hour).toEqual(hourOf(NOW));
  // Nobody made a partition ahead, and what is older than is kept goes with its own.
  await send(7_200, later(AWAY - 1));
  await send(7_260, later(AWAY));
  expect((await forgetOldHealth(sites.db, later(AWAY))).partitions).toBeGreaterThan(0);
  const both = await Promise.all([
    sumUp(sites.db, later(AWAY + 1)),
    sumUp(sites.db, later(AWAY + 1)),
  ]);
  await sumUp(sites.db, later(AWAY + 1));
  expect(both[0].hours + both[1].hours).toBeLessThanOrEqual(AWAY + 1);
  expect((await summedUntil(sites.db)).hour).toEqual(hourOf(later(AWAY + 1)));
  const { rows } = await sql<{ marks: string[]; n: number }>`
    select marks, n_tup_ins[1]::float8 as n from health_table_hours
    where database_id = ${site.database_id} and seconds > 0 order by at`.execute(sites.db);
  expect(rows).toEqual([
    { marks: [], n: 3_600 },
    { marks: ["gap"], n: 3_600 },
    { marks: [], n: 60 },
  ]);
});

test("a clock that was ahead for a while: hours that it had summed too early are summed when they are over", async () => {
  const start = later(AWAY + 2);
  const site = await sites.site();
  const send = (n_tup_ins: number, at: Date) =>
    site.send({ table_stats: [tableStats("t", { n_tup_ins })] }, at);
  await sumUp(sites.db, later(AWAY + 6));
  expect((await summedUntil(sites.db)).hour).toEqual(hourOf(later(AWAY + 6)));
  await send(0, start);
  await send(60, new Date(start.getTime() + 60_000));
  await sumUp(sites.db, later(AWAY + 2.1));
  expect((await summedUntil(sites.db)).hour).toEqual(hourOf(later(AWAY + 2.1)));
  await sumUp(sites.db, later(AWAY + 4));
  const { rows } = await sql<{ n: number | null }>`
    select sum(n)::float8 as n from health_table_hours, unnest(n_tup_ins) as n
    where database_id = ${site.database_id}`.execute(sites.db);
  expect(rows).toEqual([{ n: 60 }]);
});

test("a partition that a clock far ahead had dropped is made again", async () => {
  const at = later(AWAY + 24);
  let minutes = 0;
  const ensured = () => ensurePartitionsOf(sites.db, "raw", at, () => minutes * 60_000);
  const there = async () => {
    const name = `health_load_points_${at.toISOString().slice(0, 10).replaceAll("-", "")}`;
    const { rows } = await sql<{ there: boolean }>`
      select to_regclass(${name}) is not null as there`.execute(sites.db);
    return rows[0]!.there;
  };
  await ensured();
  await forgetOldHealth(sites.db, later(AWAY + 24 * 20));
  expect(await there()).toBe(false);
  minutes = 6;
  await ensured();
  expect(await there()).toBe(true);
});

test("making and dropping partitions waits for one reader of several tables at most, and locks nobody out", async () => {
  const at = later(AWAY + 24 * 3);
  await inTransaction(sites.db, async (reader) => {
    const reads = (table: string) => sql`select from ${sql.table(table)} limit 1`.execute(reader);
    await reads("health_metric_points");
    const making = ensurePartitions(sites.db, at);
    await waiting(/health_make_partition/);
    // It waits for us, and has what we ask for next neither made nor locked.
    for (const name of ["health_load_points", "health_statement_points", "health_table_points"])
      await reads(name);
    return { making };
  }).then(({ making }) => making);
  expect(await oldPartitions(sites.db, later(AWAY))).toEqual([]);
});

async function waiting(statement: RegExp): Promise<void> {
  await expect
    .poll(async () => {
      const { rows } = await sql<{ query: string }>`
        select query from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
        sites.db,
      );
      return rows.some(({ query }) => statement.test(query));
    })
    .toBe(true);
}
