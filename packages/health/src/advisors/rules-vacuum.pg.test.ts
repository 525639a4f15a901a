import { afterAll, beforeAll, expect, test } from "vitest";
import { tableStats } from "../testing-schema.ts";
import {
  ago,
  databaseCounters,
  NOW,
  openSites,
  type Sites,
  serverStats,
  settingsDetail,
} from "../testing-site.ts";

let sites: Sites;
beforeAll(async () => {
  sites = await openSites();
});
afterAll(() => sites.close());

const DAY = 86_400;
const brief = (found: readonly { object: string; severity: string }[]) =>
  found.map(({ object, severity }) => [object, severity]);

const SETTINGS = {
  ...{ autovacuum_vacuum_threshold: "50", autovacuum_vacuum_scale_factor: "0.2" },
  ...{ autovacuum_freeze_max_age: "200000000", vacuum_failsafe_age: "1600000000" },
  ...{ autovacuum_max_workers: "3", autovacuum_vacuum_cost_limit: "-1", vacuum_cost_limit: "200" },
};

test("backlog: by the trigger of the table's own parameters, and only when it lasts", async () => {
  const site = await sites.site();
  const rows = { reltuples: 10_000, n_live_tup: 10_000 };
  // The fixture's av1, av2 and av3; then what is to be told.
  const table_stats = [
    tableStats("av1", { ...rows, n_dead_tup: 150 }),
    tableStats("av2", {
      ...{ ...rows, n_dead_tup: 150 },
      options: { autovacuum_vacuum_scale_factor: "0", autovacuum_vacuum_threshold: "100" },
    }),
    tableStats("av3", { n_dead_tup: 10, options: { autovacuum_enabled: "off" } }),
    tableStats("late", { ...rows, n_dead_tup: 5_000 }),
    tableStats("lost", { ...rows, n_dead_tup: 30_000 }),
    tableStats("capped", {
      ...{ reltuples: 1e9, n_live_tup: 1e9, n_dead_tup: 3_000 },
      options: { autovacuum_vacuum_max_threshold: "1000" },
    }),
    tableStats("inserts", { ...rows, n_ins_since_vacuum: 9_000 }),
  ];
  const settings_detail = settingsDetail(SETTINGS);
  await site.send(
    { table_stats: [tableStats("late"), tableStats("lost", rows)], settings_detail },
    ago(DAY),
  );
  await site.send(
    { table_stats: [...table_stats, tableStats("new", { n_dead_tup: 9_000 })] },
    ago(60),
  );
  const spike = [
    ["public.lost", "critical"],
    ["public.av3", "warning"],
  ];
  expect(brief(await site.found("autovacuum-backlog")).sort()).toEqual(spike.sort());

  const lasting = await sites.site();
  await lasting.send({ table_stats, settings_detail }, ago(20 * 60));
  await lasting.send({ table_stats });
  const found = await lasting.found("autovacuum-backlog");
  expect(brief(found).sort()).toEqual([
    ["public.av3", "warning"],
    ["public.capped", "warning"],
    ["public.inserts", "info"],
    ["public.late", "warning"],
    ["public.lost", "critical"],
  ]);
  expect(found.find(({ object }) => object === "public.late")).toMatchObject({
    evidence: { trigger: 2_050, pressure: 5_000 / 2_050, autovacuum_enabled: true },
    fix: { sql: "vacuum (verbose, analyze) public.late;" },
  });
  expect(found.find(({ object }) => object === "public.av3")?.fix?.sql).toContain(
    "reset (autovacuum_enabled)",
  );
});

test("backlog: many tables at once are a finding of their own, and a replica has none", async () => {
  const site = await sites.site();
  const table_stats = Array.from({ length: 16 }, (_, place) =>
    tableStats(`t${place}`, { reltuples: 100, n_live_tup: 100, n_dead_tup: 100 }),
  );
  await site.send({ table_stats });
  expect(await site.found("autovacuum-backlog")).toMatchObject([
    { object: "", severity: "warning", evidence: { tables_waiting: 16 } },
  ]);
  const replica = await sites.site(180_004, { in_recovery: true });
  expect(await replica.judge("autovacuum-backlog")).toMatchObject({ state: "not_applicable" });
});

test("workers: busy for most of an hour while tables wait", async () => {
  const site = await sites.site();
  const waiting = [tableStats("t", { reltuples: 100, n_live_tup: 100, n_dead_tup: 500 })];
  const settings_detail = settingsDetail(SETTINGS);
  await site.send({ table_stats: waiting, settings_detail, server: serverStats() });
  for (let minute = 1; minute <= 8; minute += 1)
    await site.metrics({ vacuum_workers: 3 }, ago(minute * 60));
  expect(await site.judge("autovacuum-workers")).toMatchObject({ state: "not_enough_data" });
  for (let minute = 9; minute <= 20; minute += 1)
    await site.metrics({ vacuum_workers: 3 }, ago(minute * 60));
  expect(await site.found("autovacuum-workers")).toMatchObject([
    {
      evidence: { workers: 3, tables_waiting: 1, cost_limit: 200 },
      fix: { sql: expect.stringContaining("autovacuum_vacuum_cost_limit = 800") },
    },
  ]);
  await site.send(
    { table_stats: [tableStats("t", { reltuples: 100 })] },
    new Date(NOW.getTime() + 1_000),
  );
  expect(await site.found("autovacuum-workers")).toEqual([]);
});

test("statistics: changed beyond twice the trigger, or never analysed", async () => {
  const site = await sites.site();
  const never = { reltuples: -1, last_analyze: null };
  const table_stats = [
    tableStats("changed", { reltuples: 10_000, n_mod_since_analyze: 5_000 }),
    tableStats("fresh", { reltuples: 10_000, n_mod_since_analyze: 1_500 }),
    tableStats("never", { ...never, n_live_tup: 20_000 }),
    tableStats("empty", { ...never, n_live_tup: 10 }),
  ];
  await site.send({ table_stats });
  const found = await site.found("stale-statistics");
  expect(brief(found)).toEqual([
    ["public.changed", "info"],
    ["public.never", "info"],
  ]);
  expect(found[0]?.fix?.sql).toBe("analyze public.changed;");
});

test("statistics: up to 13 a table that was never analysed has an estimate of 0", async () => {
  const site = await sites.site(130_023);
  const never = { reltuples: 0, last_analyze: null, n_live_tup: 20_000, n_mod_since_analyze: 1 };
  await site.send({ table_stats: [tableStats("never", never)] });
  expect((await site.found("stale-statistics"))[0]?.evidence).toMatchObject({
    never_analysed: true,
  });
});

test("horizon: each holder by its age or by how long it holds, with what ends it", async () => {
  const site = await sites.site();
  const holder = (
    type: "backend" | "slot" | "prepared" | "standby",
    name: string | null,
    age_xids: number,
  ) => ({
    ...{ type, name, database: "shop", user_name: "app", age_xids, since: ago(600).toISOString() },
  });
  const horizon = [
    holder("backend", "4711", 20_000_000),
    holder("slot", "it's", 2_000_000),
    { ...holder("prepared", null, 5), since: ago(2 * DAY).toISOString() },
    holder("standby", "r1", 500_000),
    holder("backend", "4712", 200_000_000),
  ];
  await site.send({ server: serverStats({ horizon }) });
  const found = await site.found("vacuum-horizon");
  expect(found.map(({ object, severity, fix }) => [object, severity, fix?.sql])).toEqual([
    ["backend 4711", "warning", "select pg_terminate_backend(4711);"],
    ["slot it's", "info", "select pg_drop_replication_slot('it''s');"],
    ["prepared", "warning", expect.stringContaining("pg_prepared_xacts")],
    ["backend 4712", "critical", "select pg_terminate_backend(4712);"],
  ]);
  const progress = {
    ...{ pid: 4712, database: "shop", schema: null, table: null, phase: "scanning heap" },
    ...{ heap_blks_total: 9, heap_blks_scanned: 1, heap_blks_vacuumed: 0, index_vacuum_count: 0 },
    ...{ delay_time_ms: null, autovacuum: true, started_at: null },
  };
  const at = new Date(NOW.getTime() + 1_000);
  await site.send({ server: serverStats({ horizon, vacuum_progress: [progress] }) }, at);
  const objects = (await site.found("vacuum-horizon")).map(({ object }) => object);
  expect(objects).not.toContain("backend 4712");
  const blind = await sites.site();
  await blind.send({ server: serverStats() });
  expect(await blind.judge("vacuum-horizon")).toMatchObject({ state: "not_enough_data" });
});

test("wraparound: by the limits of the database and of tables, and by the days that are left", async () => {
  const at = async (frozen_xid_age: number, min_mxid_age = 1) => {
    const site = await sites.site();
    const databases = [databaseCounters({ frozen_xid_age, min_mxid_age })];
    const table_stats = [
      tableStats("old", { frozen_xid_age }),
      tableStats("own", {
        frozen_xid_age: 120_000_000,
        options: { autovacuum_freeze_max_age: "100000000" },
      }),
    ];
    await site.send({
      server: serverStats({ databases }),
      table_stats,
      settings_detail: settingsDetail(SETTINGS),
    });
    return site;
  };
  const own = ["public.own", "warning"];
  expect(brief(await (await at(199_000_000)).found("wraparound"))).toEqual([own]);
  expect(brief(await (await at(210_000_000)).found("wraparound"))).toEqual([["", "info"], own]);
  expect(brief(await (await at(230_000_000)).found("wraparound"))).toEqual([
    ...[["", "warning"], own, ["public.old", "warning"]],
  ]);
  const worst = await (await at(260_000_000, 600_000_000)).found("wraparound");
  expect(brief(worst)).toEqual([
    ...[["", "critical"], ["multixacts", "critical"], ["public.old", "critical"], own],
  ]);
  expect(worst[0]).toMatchObject({
    evidence: { age: 260_000_000, freeze_max_age: 200_000_000 },
    fix: { sql: "vacuum (freeze, verbose) public.old;" },
  });

  const fast = await at(150_000_000);
  for (const [hours, age] of [
    [12, 1e6],
    [6, 3e8],
    [1, 6e8],
  ] as const)
    await fast.metrics({ frozen_xid_age: age }, ago(hours * 3_600), 60, fast.database_id);
  expect((await fast.found("wraparound"))[0]).toMatchObject({
    ...{ object: "", severity: "critical", evidence: { days_to_failsafe: 1 } },
  });
  const other = await sites.site();
  await other.send({ server: serverStats({ databases: [] }) });
  expect(await other.judge("wraparound")).toMatchObject({ state: "not_enough_data" });
});

test("wraparound: multixacts have limits of their own, for the database and for tables", async () => {
  const site = await sites.site();
  const databases = [databaseCounters({ frozen_xid_age: 1, min_mxid_age: 300_000_000 })];
  await site.send({
    server: serverStats({ databases }),
    table_stats: [
      tableStats("shared", { frozen_xid_age: 1, min_mxid_age: 450_000_000 }),
      tableStats("plain", { frozen_xid_age: 1, min_mxid_age: 300_000_000 }),
    ],
    settings_detail: settingsDetail({
      ...{ ...SETTINGS, autovacuum_multixact_freeze_max_age: "400000000" },
      ...{ vacuum_failsafe_age: "200000000", vacuum_multixact_failsafe_age: "1600000000" },
    }),
  });
  const found = await site.found("wraparound");
  expect(brief(found)).toEqual([["public.shared", "warning"]]);
  expect(found[0]?.evidence).toMatchObject({
    multixact_age: 450_000_000,
    freeze_max_age: 400_000_000,
  });
});

test("updates: heap-only ones, from a hundred thousand a day", async () => {
  const site = await sites.site();
  const stats = (updates: number) => [
    tableStats("churned", { n_tup_upd: updates, n_tup_hot_upd: updates * 0.4 }),
    tableStats("so_so", { n_tup_upd: updates, n_tup_hot_upd: updates * 0.6 }),
    tableStats("well", { n_tup_upd: updates, n_tup_hot_upd: updates * 0.9 }),
    tableStats("moving", {
      n_tup_upd: updates,
      n_tup_hot_upd: updates * 0.8,
      n_tup_newpage_upd: updates * 0.2,
    }),
    tableStats("rare", { n_tup_upd: updates / 10 }),
  ];
  await site.send({ table_stats: stats(0) }, ago(DAY));
  await site.send({ table_stats: stats(200_000) });
  const found = await site.found("hot-updates");
  expect(brief(found).sort()).toEqual([
    ["public.churned", "warning"],
    ["public.moving", "info"],
    ["public.so_so", "info"],
  ]);
  expect(found[0]?.fix?.sql).toContain("set (fillfactor = 85)");
  const roomy = await sites.site();
  const options = { fillfactor: "10" };
  const with_room = (n_tup_upd: number) => [tableStats("t", { n_tup_upd, options })];
  await roomy.send({ table_stats: with_room(0) }, ago(DAY));
  await roomy.send({ table_stats: with_room(200_000) });
  expect((await roomy.found("hot-updates"))[0]?.fix?.sql).toBeNull();
});
