/** Counters as servers and clocks really behave, from payload to point. */
import type { Epochs } from "@quern/contract/agent/server";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pressureOf } from "./advisors/vacuum-pressure.ts";
import { tableStats } from "./testing-schema.ts";
import { ago, NOW, openSites, type Site, type Sites } from "./testing-site.ts";

let sites: Sites;
beforeAll(async () => {
  sites = await openSites();
});
afterAll(() => sites.close());

type Point = { marks: string[]; seconds: number; values: number[] };

async function tablePoints({ db, database_id }: Site): Promise<Point[]> {
  const { rows } = await sql<Point>`
    select marks, seconds, n_tup_ins::float8[] as values from health_table_points
    where database_id = ${database_id} and seconds > 0 order by at`.execute(db);
  return rows;
}

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

test("C12: rows that the server counts twice neither raise the trigger of vacuum nor the share of the dead", () => {
  const settings = new Map([["autovacuum_vacuum_scale_factor", "0.2"]]);
  const of = (n_live_tup: number) =>
    pressureOf(tableStats("t", { reltuples: 1_000, n_live_tup, n_dead_tup: 500 }), settings);
  expect(of(2_000).trigger).toBe(of(1_000).trigger);
  expect(of(2_000).pressure).toBe(of(1_000).pressure);
  expect(of(2_000).dead_share).toBeLessThanOrEqual(of(1_000).dead_share);
});
