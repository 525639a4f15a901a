/** Counters as servers and clocks really behave, from payload to point. */
import type { CollectorResult } from "@quern/contract/agent/payload";
import type { TableStats } from "@quern/contract/agent/relations";
import type { Epochs } from "@quern/contract/agent/server";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pressureOf } from "./advisors/vacuum-pressure.ts";
import { tableStats } from "./testing-schema.ts";
import {
  ago,
  databaseCounters,
  EPOCHS,
  NOW,
  openSites,
  type Site,
  type Sites,
  serverStats,
} from "./testing-site.ts";

let sites: Sites;
beforeAll(async () => {
  sites = await openSites();
});
afterAll(() => sites.close());

type Point = { marks: string[]; seconds: number; values: (number | null)[] };

async function tablePoints({ db, database_id }: Site): Promise<Point[]> {
  const { rows } = await sql<Point>`
    select marks, seconds, n_tup_ins::float8[] as values from health_table_points
    where database_id = ${database_id} and seconds > 0 order by at`.execute(db);
  return rows;
}

const collected = (name: string, truncated: boolean): CollectorResult => ({
  ...{ name, status: "ok", code: null, sqlstate: null, hint: null },
  ...{ duration_ms: 1, rows: 1, truncated },
});

const inserted = (n_tup_ins: number | string) => ({
  table_stats: [tableStats("t", { n_tup_ins })],
});

test("C4: counters of one table that were reset are counted from zero, and those of others go on", async () => {
  const site = await sites.site();
  const both = (one: number, two: number) => ({
    table_stats: [tableStats("one", { n_tup_ins: one }), tableStats("two", { n_tup_ins: two })],
  });
  await site.send(both(100, 100), ago(120));
  // pg_stat_reset_single_table_counters() changes no mark that can be read.
  await site.send(both(7, 150), ago(60));
  expect(await tablePoints(site)).toEqual([{ marks: [], seconds: 60, values: [7, 50] }]);
});

test("C8: counters beyond 2^53 keep their digits from one end to the other", async () => {
  const site = await sites.site();
  await site.send(inserted("9223372036854775000"), ago(120));
  await site.send(inserted("9223372036854775003"), ago(60));
  expect((await tablePoints(site)).map(({ values }) => values)).toEqual([[3]]);
});

test("C10: an agent that was away for three hours spreads what it missed over them, and says so", async () => {
  const site = await sites.site();
  for (const [total, seconds] of [
    [100, 3 * 3_600 + 120],
    [160, 3 * 3_600 + 60],
    [10_960, 60],
    [11_020, 0],
  ] as const)
    await site.send(inserted(total), ago(seconds));
  expect(await tablePoints(site)).toEqual([
    { marks: [], seconds: 60, values: [60] },
    { marks: ["gap"], seconds: 10_800, values: [10_800] },
    { marks: [], seconds: 60, values: [60] },
  ]);
});

test("C11: a clock that is set back makes no negative time: the server's says how long it was", async () => {
  const site = await sites.site();
  const epochs = (at: Date): Epochs => ({
    ...{ archiver_stats_reset: null, bgwriter_stats_reset: null, database_stats_reset: null },
    ...{ statements_stats_reset: null, timeline: 1, postmaster_start: null },
    server_time: at.toISOString(),
  });
  const send = (total: number, clock: Date, really: Date) =>
    site.send(
      { ...inserted(total), timestamp: clock.toISOString(), epochs: epochs(really) },
      really,
    );
  await send(100, ago(180), ago(180));
  await send(160, ago(120), ago(120));
  await send(220, ago(3_660), ago(60));
  await send(280, ago(3_600), NOW);
  const points = await tablePoints(site);
  expect(points.map(({ seconds, values }) => [seconds, values])).toEqual([
    [60, [60]],
    [60, [60]],
    [60, [60]],
  ]);
  expect(points.map(({ marks }) => marks.includes("clock_step"))).toEqual([false, true, false]);
});

test("a table that is renamed goes on, one that takes its name begins anew, one that was left out is no burst", async () => {
  const site = await sites.site();
  const sent = (tables: TableStats[], truncated = false) => ({
    table_stats: tables,
    collectors: [collected("tables", truncated)],
  });
  const of = (name: string, relid: number, n_tup_ins: number) =>
    tableStats(name, { relid, n_tup_ins });
  await site.send(sent([of("orders", 1, 5_000)]), ago(240));
  await site.send(sent([of("orders_old", 1, 5_003), of("orders", 2, 40)]), ago(180));
  // The largest of a limit change places: what comes in was there all the time.
  await site.send(sent([of("orders", 2, 41)], true), ago(120));
  await site.send(sent([of("orders", 2, 42), of("small", 3, 900_000)], true), ago(60));
  await site.send(sent([of("orders", 2, 43), of("small", 3, 900_001)], true), NOW);
  const { rows } = await sql<{ name: string; grown: (number | null)[] }>`
    select relations.name, array_agg(each.n_tup_ins::float8 order by points.at) as grown
    from health_table_points as points cross join unnest(relation_ids, n_tup_ins) as each (id, n_tup_ins)
      join health_relations as relations on relations.id = each.id
    where points.database_id = ${site.database_id} and seconds > 0 group by 1 order by 1`.execute(
    sites.db,
  );
  expect(rows).toEqual([
    { name: "orders", grown: [40, 1, 1, 1] },
    { name: "orders_old", grown: [3] },
    { name: "small", grown: [null, 1] },
  ]);
});

test("pg_stat_reset() in one database leaves the counters of the others alone", async () => {
  const site = await sites.site();
  const { rows } = await sql<{ id: string }>`
    insert into health_databases (org_id, server_id, instance_id, name)
    select org_id, server_id, gen_random_uuid()::text, 'other' from health_databases
    where id = ${site.database_id} returning id`.execute(sites.db);
  const reset = ago(90).toISOString();
  const send = async (shop: number, other: number, resets: (string | null)[], at: Date) => {
    const databases = [
      databaseCounters({ xact_commit: shop, stats_reset: resets[0]! }),
      databaseCounters({ name: "other", xact_commit: other, stats_reset: resets[1]! }),
    ];
    const epochs = { ...EPOCHS, database_stats_reset: resets[0]!, server_time: at.toISOString() };
    await site.send({ server: serverStats({ databases }), epochs }, at);
  };
  await send(1_000, 9_000_000, [null, null], ago(180));
  await send(1_010, 9_000_010, [null, null], ago(120));
  await send(2_000, 9_000_020, [reset, null], ago(60));
  // Of the other one, which has more since than it had before.
  await send(2_010, 9_500_000, [reset, ago(30).toISOString()], NOW);
  const commits = async (id: string) =>
    (
      await sql<{ commits: number; marks: string[] }>`
        select (values ->> 'xact_commit')::float8 as commits, marks from health_metric_points
        where subject_id = ${id} and seconds > 0 order by at`.execute(sites.db)
    ).rows.map(({ commits: count, marks }) => [count, marks]);
  expect(await commits(site.database_id)).toEqual([
    [10, []],
    [2_000, ["reset"]],
    [10, []],
  ]);
  expect(await commits(rows[0]!.id)).toEqual([
    [10, []],
    [10, []],
    [9_500_000, ["reset"]],
  ]);
});

test("what another server counted in its life is no work of the interval in which it answers first", async () => {
  const site = await sites.site();
  const send = (total: number, epochs: Partial<Epochs>, at: Date) =>
    site.send(
      { ...inserted(total), epochs: { ...EPOCHS, ...epochs, server_time: at.toISOString() } },
      at,
    );
  const began = ago(9 * 86_400).toISOString();
  const replica = { archiver_stats_reset: began, bgwriter_stats_reset: began, timeline: 2 };
  await send(100, {}, ago(180));
  await send(160, {}, ago(120));
  await send(8_000_000, replica, ago(60));
  await send(8_000_030, replica, NOW);
  expect(await tablePoints(site)).toEqual([
    { marks: [], seconds: 60, values: [60] },
    { marks: ["failover"], seconds: 60, values: [null] },
    { marks: [], seconds: 60, values: [30] },
  ]);
});

test("C12: rows that the server counts twice neither raise the trigger of vacuum nor the share of the dead", () => {
  const settings = new Map([["autovacuum_vacuum_scale_factor", "0.2"]]);
  const of = (n_live_tup: number) =>
    pressureOf(tableStats("t", { reltuples: 1_000, n_live_tup, n_dead_tup: 500 }), settings);
  expect(of(2_000).trigger).toBe(of(1_000).trigger);
  expect(of(2_000).pressure).toBe(of(1_000).pressure);
  expect(of(2_000).dead_share).toBeLessThanOrEqual(of(1_000).dead_share);
});
