import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tableStats } from "../testing-schema.ts";
import { ago, NOW, openSites, type Sites, serverStats, settingsDetail } from "../testing-site.ts";

let sites: Sites;
beforeAll(async () => {
  sites = await openSites();
});
afterAll(() => sites.close());

const HOUR = 3_600;
const WEEK = 7 * 86_400;
const MB = 1024 ** 2;

test("slow: often, long, and a share of the load; maintenance and rare ones are not", async () => {
  const site = await sites.site();
  await site.statements([{ query_hash: "x", calls: 1, total_time_ms: 1 }], NOW, 600);
  expect(await site.judge("slow-statements")).toMatchObject({
    state: "not_enough_data",
    reason: "10 of 60 minutes of statistics of statements have come so far.",
  });
  const point = [
    { query_hash: "slow", calls: 60, total_time_ms: 60 * 80 },
    {
      query_hash: "grave",
      calls: 60,
      total_time_ms: 60 * 1_500,
      query: "select * from t where a = $1",
    },
    { query_hash: "rare", calls: 20, total_time_ms: 20 * 500 },
    { query_hash: "quick", calls: 100_000, total_time_ms: 100_000 },
    { query_hash: "vacuum", calls: 60, total_time_ms: 60 * 900, query: "VACUUM t" },
  ];
  await site.statements(point, ago(60), HOUR * 20);
  const found = await site.found("slow-statements");
  expect(found).toMatchObject([
    {
      ...{ object: "grave", severity: "warning", confidence: "high" },
      evidence: { mean_time_ms: 1_500, calls: 60, query: "select * from t where a = $1" },
      fix: { sql: "explain (generic_plan) select * from t where a = $1", sandbox: true },
    },
    { object: "slow", severity: "info", evidence: { mean_time_ms: 80 } },
  ]);
  const old = await sites.site(130_023);
  await old.statements(point, ago(60), HOUR * 2);
  expect((await old.found("slow-statements"))[0]).toMatchObject({
    confidence: "low",
    fix: { sql: null },
  });
});

test("regression: against the same hour of the weeks before, and says what changed", async () => {
  const site = await sites.site();
  const point = (scale: number, blocks: number) => [
    {
      query_hash: "worse",
      calls: 100,
      total_time_ms: 1_000 * scale,
      blocks: 1_000 * blocks,
      rows: 100,
    },
    { query_hash: "same", calls: 100, total_time_ms: 5_000, blocks: 100, rows: 100 },
    { query_hash: "small", calls: 100, total_time_ms: scale, blocks: 1, rows: 1 },
  ];
  await site.statements(point(4, 40), ago(30), HOUR);
  await site.statementHours(point(1, 1), ago(WEEK + 1_200));
  expect(await site.judge("statement-regression")).toMatchObject({
    state: "not_enough_data",
    reason: "7 of 14 days of hourly sums have come so far.",
  });
  await site.statementHours(point(1.2, 1), ago(2 * WEEK + 1_200));
  const young = { query_hash: "young", calls: 100, rows: 100 };
  await site.statementHours(
    [...point(0.8, 1), { ...young, total_time_ms: 10 }],
    ago(3 * WEEK + 1_200),
  );
  await site.statements([{ ...young, total_time_ms: 9_000 }], ago(20), 60);
  // Other hours say nothing of this one.
  await site.statementHours(point(9, 1), ago(2 * WEEK + 5 * HOUR));
  await sql`
    insert into health_events (org_id, server_id, database_id, at, type, subject, source)
    select org_id, server_id, id, ${ago(HOUR)}, 'schema', 'index orders_idx', 'agent' from health_databases
    where id = ${site.database_id}`.execute(site.db);
  expect(await site.found("statement-regression")).toMatchObject([
    {
      ...{ object: "f-worse", severity: "warning", confidence: "high" },
      evidence: {
        ...{ times_as_slow: 4, mean_time_ms: 40, usual_mean_time_ms: 10, weeks_compared: 3 },
        ...{ blocks_per_call_times: 40, rows_per_call_times: 1 },
        event: `schema index orders_idx ${ago(HOUR).toISOString()}`,
      },
      fix: { words: expect.stringContaining("the plan has changed") },
    },
  ]);
  const last_autoanalyze = ago(2 * HOUR).toISOString();
  await site.send({
    table_stats: [tableStats("orders", { last_autoanalyze }), tableStats("others")],
  });
  await sql`update health_statements set tables = '{orders,others}' where database_id = ${site.database_id}`.execute(
    site.db,
  );
  expect((await site.found("statement-regression"))[0]?.evidence).toMatchObject({
    event: `analyze public.orders ${last_autoanalyze}`,
  });
});

test("spill: of a statement per call, and of the database per hour", async () => {
  const site = await sites.site();
  await site.statements(
    [
      { query_hash: "big", calls: 10, total_time_ms: 10, temp_blocks: (10 * 100 * MB) / 8_192 },
      { query_hash: "small", calls: 10, total_time_ms: 10, temp_blocks: (10 * 10 * MB) / 8_192 },
    ],
    NOW,
    2 * HOUR,
  );
  await site.metrics({ temp_bytes: 1_000 * MB, temp_files: 5 }, NOW, 2 * HOUR, site.database_id);
  expect(await site.found("temp-spill")).toMatchObject([
    { object: "big", fix: { sql: "set local work_mem = '256MB'" } },
  ]);
  await site.metrics({ temp_bytes: 4_000 * MB }, ago(9), HOUR, site.database_id);
  expect(await site.found("temp-spill")).toMatchObject([{ object: "big" }, { object: "shop" }]);
});

test("cache: only busy windows count, and other caches make it informative", async () => {
  const site = await sites.site();
  const fill = async (at: number, hit: number, read: number) =>
    site.metrics({ blks_hit: hit, blks_read: read }, ago(at), 600, site.database_id);
  await fill(900, 100, 20_000);
  expect(await site.found("cache-hit-ratio")).toEqual([]);
  await fill(1_500, 88_000, 12_000);
  await fill(2_100, 88_000, 12_000);
  await fill(2_700, 99_000, 1_000);
  expect(await site.found("cache-hit-ratio")).toMatchObject([
    { severity: "warning", confidence: "high", evidence: { hit_ratio: 0.88, windows_judged: 3 } },
  ]);
  const neon = await sites.site(160_014, { provider: "neon" });
  await neon.metrics({ blks_hit: 1_000, blks_read: 99_000 }, ago(900), 600, neon.database_id);
  expect(await neon.found("cache-hit-ratio")).toMatchObject([
    { severity: "info", confidence: "low", fix: { words: expect.stringContaining("informative") } },
  ]);
});

test("rollbacks and deadlocks: as rates, never from the life of the server", async () => {
  const site = await sites.site();
  const fill = (values: Record<string, number>, at: number) =>
    site.metrics(values, ago(at), 600, site.database_id);
  await fill({ xact_commit: 9_500, xact_rollback: 500, deadlocks: 0 }, 60);
  expect([await site.found("rollbacks"), await site.found("deadlocks")]).toEqual([[], []]);
  await fill({ xact_commit: 500, xact_rollback: 2_000, deadlocks: 2 }, 700);
  expect(await site.found("rollbacks")).toMatchObject([
    { severity: "warning", evidence: { rollback_ratio: 0.2, transactions: 12_500 } },
  ]);
  expect(await site.found("deadlocks")).toMatchObject([
    { severity: "info", evidence: { deadlocks: 2 } },
  ]);
  await site.metrics({ deadlocks: 30 }, ago(4_000), 60, site.database_id);
  expect(await site.found("deadlocks")).toMatchObject([
    { severity: "warning", evidence: { deadlocks: 32, most_per_minute: 6 } },
  ]);
});

test("many quick calls: one row each and much of all calls", async () => {
  const site = await sites.site();
  await site.statements(
    [
      { query_hash: "one", calls: 400_000, total_time_ms: 100_000, rows: 400_000 },
      { query_hash: "list", calls: 400_000, total_time_ms: 100_000, rows: 4_000_000 },
      { query_hash: "slow", calls: 400_000, total_time_ms: 800_000, rows: 1 },
    ],
    NOW,
    HOUR,
  );
  expect(await site.found("n-plus-one")).toMatchObject([
    { object: "one", severity: "info", confidence: "low" },
  ]);
});

test("statistics of statements: full, thrown out, large texts; and settings beside them", async () => {
  const site = await sites.site();
  const state = (entries: number, text_file_bytes: number) => ({
    ...{ extension_version: "1.12", default_version: "1.12", entries, max_entries: 5_000 },
    ...{ dealloc: 0, stats_reset: null, text_file_bytes, other: null },
  });
  await site.send(
    {
      statements: state(1_000, 5 * MB),
      settings_detail: settingsDetail({ track_io_timing: "on" }),
    },
    ago(60),
  );
  expect(await site.found("statement-statistics")).toEqual([]);
  await site.send({
    statements: state(4_800, 300 * MB),
    settings_detail: settingsDetail({ track_io_timing: "off" }),
  });
  expect(await site.found("statement-statistics")).toMatchObject([
    { object: "entries", severity: "info", evidence: { share_used: 0.96 } },
    { object: "texts" },
    { object: "track_io_timing" },
  ]);
  await site.statements([], ago(30));
  await sql`update health_statement_points set marks = '{evicted}' where database_id = ${site.database_id}`.execute(
    site.db,
  );
  expect((await site.found("statement-statistics"))[0]).toMatchObject({
    severity: "warning",
    fix: { sql: "alter system set pg_stat_statements.max = 10000;" },
  });
});

test("a visible password is critical until the statistics were emptied", async () => {
  const site = await sites.site(130_023);
  const query = "alter role <role> password <redacted>";
  const row = { query_hash: "s", query, calls: 1, total_time_ms: 1, rows: 0, shared_blks_hit: 0 };
  const safe = { ...row, query_hash: "ok", query: "select 1" };
  await site.send(
    {
      query_stats: [safe, { ...row, shared_blks_read: 0, secret_visible: true }].map((each) => ({
        ...{ shared_blks_read: 0, text_state: "skeleton" as const },
        ...each,
      })),
    },
    ago(60),
  );
  expect(await site.found("visible-secrets")).toMatchObject([
    { severity: "critical", confidence: "high", evidence: { query } },
  ]);
  await sql`
    insert into health_events (org_id, server_id, at, type, source)
    select org_id, id, ${ago(30)}, 'statements_reset', 'agent' from health_servers where id = ${site.server_id}`.execute(
    site.db,
  );
  expect(await site.found("visible-secrets")).toEqual([]);
  await site.send({ server: serverStats() });
});
