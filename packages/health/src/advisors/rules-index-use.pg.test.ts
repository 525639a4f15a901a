import { afterAll, beforeAll, expect, test } from "vitest";
import {
  column,
  foreignKey,
  index,
  indexStats,
  schemaOf,
  table,
  tableStats,
} from "../testing-schema.ts";
import { ago, NOW, openSites, type Sites, serverStats } from "../testing-site.ts";

let sites: Sites;
beforeAll(async () => {
  sites = await openSites();
});
afterAll(() => sites.close());

const DAY = 86_400;
const objects = (found: readonly { object: string }[]) => found.map(({ object }) => object).sort();

test("unused: not one scan in 35 days that were watched, except where it has a duty or is small", async () => {
  const site = await sites.site();
  const names = ["unused", "used", "late", "remembered"];
  const indexes = [
    ...names.map((name) => index(name, "t", [name])),
    index("t_key", "t", ["k"], { is_unique: true }),
    index("t_p", "t", ["p"]),
    index("tiny", "t", ["tiny"]),
  ];
  const constraints = [foreignKey("t", ["p"])];
  const stats = (scans: number) => [
    indexStats("unused", "t", { size_bytes: 200 * 1024 ** 2 }),
    indexStats("used", "t", { idx_scan: scans }),
    indexStats("remembered", "t", { idx_scan: 9, last_idx_scan: ago(50 * DAY).toISOString() }),
    ...["t_key", "t_p"].map((name) => indexStats(name, "t")),
    indexStats("tiny", "t", { size_bytes: 8_192 }),
  ];
  const schema = schemaOf({ tables: [table("t")], indexes, constraints });
  await site.send({ ...schema, index_stats: stats(1) }, ago(30 * DAY));
  expect(await site.judge("unused-index")).toMatchObject({ state: "judged" });
  const young = (await site.found("unused-index")).map(({ object }) => object);
  expect(young).toEqual(["public.remembered"]);

  const longer = await sites.site();
  await longer.send({ ...schema, index_stats: stats(1) }, ago(39 * DAY));
  await longer.send({ index_stats: [...stats(1), indexStats("late", "t")] }, ago(2 * DAY));
  await longer.send({ index_stats: [...stats(5), indexStats("late", "t")] });
  const found = await longer.found("unused-index");
  expect(objects(found)).toEqual(["public.remembered", "public.unused"]);
  expect(found.find(({ object }) => object === "public.unused")).toMatchObject({
    severity: "warning",
    evidence: { days_observed: 35, servers: 1 },
    fix: { sql: "drop index concurrently public.unused;" },
  });

  const replicas = [{ application_name: "r1" }] as never;
  await longer.send({ server: serverStats({ replicas }) });
  expect(await longer.judge("unused-index")).toMatchObject({
    state: "not_enough_data",
    reason: expect.stringContaining("1 of the replicas"),
  });
});

test("unused: what one index was seen to do says nothing of those that were watched for days alone", async () => {
  const site = await sites.site();
  const schema = schemaOf({ indexes: ["used", "idle"].map((name) => index(name, "t", [name])) });
  const stats = (idx_scan: number) => [
    indexStats("used", "t", { idx_scan }),
    indexStats("idle", "t"),
  ];
  await site.send({ ...schema, index_stats: stats(1) }, ago(4 * DAY));
  await site.send({ index_stats: stats(9) });
  expect(await site.judge("unused-index")).toMatchObject({
    state: "not_enough_data",
    reason: "4 of 35 days were observed without a loss of counters.",
  });
});

test("unused: a loss of counters begins the days anew", async () => {
  const site = await sites.site();
  const schema = schemaOf({ indexes: [index("unused", "t", ["a"])] });
  const index_stats = [indexStats("unused", "t")];
  await site.send({ ...schema, index_stats }, ago(39 * DAY));
  const epochs = {
    ...{ archiver_stats_reset: null, bgwriter_stats_reset: null, timeline: 1 },
    ...{ database_stats_reset: "2026-03-08T10:00:00Z", statements_stats_reset: null },
    ...{ postmaster_start: null, server_time: null },
  };
  await site.send({ index_stats, epochs }, ago(10 * DAY));
  expect(await site.judge("unused-index")).toMatchObject({
    state: "not_enough_data",
    reason: "10 of 35 days were observed without a loss of counters.",
  });
});

test("unused: on every server of the cluster, and over all partitions", async () => {
  const [primary, replica] = [await sites.site(), await sites.site()];
  const of = { parent: "public.root" };
  const indexes = [
    ...["there", "nowhere"].map((name) => index(name, "t", [name])),
    index("root", "p", ["a"]),
    ...["p1_a", "p2_a"].map((name) => index(name, name.slice(0, 2), ["a"], of)),
    index("idle", "q", ["a"]),
    ...["q1_a", "q2_a"].map((name) =>
      index(name, name.slice(0, 2), ["a"], { parent: "public.idle" }),
    ),
  ];
  const parted = table("q", { kind: "p" });
  const schema = schemaOf({ tables: [table("t"), parted], indexes });
  const stats = (there: number, part: number) => [
    indexStats("there", "t", { idx_scan: there }),
    indexStats("nowhere", "t"),
    ...["p1_a", "q1_a", "q2_a"].map((name) => indexStats(name, name.slice(0, 2))),
    indexStats("p2_a", "p2", { idx_scan: part }),
  ];
  const cluster = { cluster_id: "one" };
  for (const site of [primary, replica])
    await site.send({ ...cluster, ...schema, index_stats: stats(0, 0) }, ago(39 * DAY));
  await primary.send({ index_stats: stats(0, 3) }, ago(DAY));
  await replica.send({ index_stats: stats(5, 0) }, ago(DAY));
  const found = await primary.found("unused-index");
  expect(objects(found)).toEqual(["public.idle", "public.nowhere"]);
  expect(found.find(({ object }) => object === "public.idle")).toMatchObject({
    ...{ evidence: { servers: 2, partitions: 2 }, fix: { sql: "drop index public.idle;" } },
  });
  const standby = await sites.site(180_004, { in_recovery: true });
  expect(await standby.judge("unused-index")).toMatchObject({ state: "not_applicable" });
});

test("scanned tables: a candidate with its statement, an index only where a plan proves it", async () => {
  const site = await sites.site();
  const big = { reltuples: 1e6, heap_bytes: 100 * 1024 ** 2 };
  const stats = (scans: number) => [
    tableStats("orders", { ...big, seq_scan: scans, seq_tup_read: scans * 1e6 }),
    tableStats("looked_up", {
      ...big,
      seq_scan: scans,
      seq_tup_read: scans * 1e6,
      idx_scan: scans * 99,
    }),
    tableStats("small", { seq_scan: scans, seq_tup_read: scans * 10, reltuples: 10 }),
  ];
  await site.send({ table_stats: stats(0) }, ago(DAY));
  expect(await site.judge("missing-index")).toMatchObject({ state: "not_enough_data" });
  const query_stats = (calls: number) => [
    {
      ...{ query_hash: "q", query: "select * from orders where a = $1", calls, rows: calls },
      ...{
        total_time_ms: calls * 100,
        shared_blks_hit: 0,
        shared_blks_read: 0,
        tables: ["orders"],
      },
    },
  ];
  await site.send({ query_stats: query_stats(1) }, ago(600));
  const plan = {
    ...{ query_hash: "q", plan_hash: "p", plan: {}, total_cost: 1_000, at: NOW.toISOString() },
    hypothetical: [
      { definition: "CREATE INDEX ON public.orders USING btree (a)", total_cost: 900 },
    ],
  };
  await site.send({ table_stats: stats(500), query_stats: query_stats(9), plans: [plan] });
  expect(await site.found("missing-index")).toMatchObject([
    {
      ...{ object: "public.orders", severity: "info", confidence: "low" },
      evidence: {
        scans: 500,
        rows_per_scan: 1e6,
        statement_1: "select * from orders where a = $1",
      },
      fix: { sql: null },
      statement_id: expect.any(Number),
    },
  ]);
  const later = new Date(NOW.getTime() + 1_000);
  const known = schemaOf({
    tables: [
      table("orders", { columns: [column("a"), column("b")] }),
      table("looked_up", { columns: [column("c")] }),
    ],
    indexes: [index("orders_b", "orders", ["b"])],
  });
  // An index of another table of the same statement proves nothing of this one.
  const other = {
    ...{ ...plan, plan_hash: "p1", at: later.toISOString() },
    hypothetical: [{ definition: "CREATE INDEX ON public.looked_up (c)", total_cost: 1 }],
  };
  await site.send({ ...known, plans: [other] }, new Date(NOW.getTime() + 500));
  expect(await site.found("missing-index")).toMatchObject([
    {
      ...{ severity: "info", confidence: "low", evidence: { compared_columns: "a" } },
      fix: { sql: "create index concurrently on public.orders (a);", sandbox: true },
    },
  ]);
  const proof = {
    ...plan,
    ...{ plan_hash: "p2", at: later.toISOString() },
    hypothetical: [{ ...plan.hypothetical[0]!, total_cost: 8 }],
  };
  await site.send({ plans: [proof] }, later);
  expect(await site.found("missing-index")).toMatchObject([
    {
      ...{ severity: "warning", evidence: { cost_now: 1_000, cost_with_index: 8 } },
      fix: { sql: "create index concurrently ON public.orders USING btree (a);", sandbox: true },
    },
  ]);
});

test("mostly null columns and tables with too many indexes", async () => {
  const site = await sites.site();
  const nulls = (null_frac: number) => ({
    statistics: { null_frac, avg_width: 4, n_distinct: 5, correlation: 1 },
  });
  const columns = [
    column("mostly", "integer", nulls(0.9)),
    column("rarely", "integer", nulls(0.1)),
  ];
  const many = Array.from({ length: 10 }, (_, place) => index(`m${place}`, "m", ["id"]));
  const indexes = [index("t_mostly", "t", ["mostly"]), index("t_rarely", "t", ["rarely"]), ...many];
  const heap = { heap_bytes: 20 * 1024 ** 2 };
  const table_stats = (written: number) => [
    tableStats("t", { reltuples: 200_000, ...heap }),
    tableStats("m", { n_tup_ins: written, ...heap }),
  ];
  const parts = {
    index_stats: [],
    ...schemaOf({ tables: [table("t", { columns }), table("m")], indexes }),
  };
  await site.send({ ...parts, table_stats: table_stats(0) }, ago(DAY));
  await site.send({ table_stats: table_stats(1_000) });
  expect(await site.found("partial-index-chance")).toMatchObject([
    {
      ...{ object: "public.t_mostly", severity: "info", evidence: { null_share: 0.9 } },
      fix: {
        sql: "create index concurrently on public.t using btree (mostly) where mostly is not null;\ndrop index concurrently public.t_mostly;",
      },
    },
  ]);
  expect(objects(await site.found("over-indexed-table"))).toEqual(["public.m"]);

  const blind = await sites.site();
  await blind.send(
    { ...schemaOf({ tables: [table("t")], indexes }), table_stats: table_stats(0) },
    ago(60),
  );
  expect(await blind.judge("partial-index-chance")).toMatchObject({
    ...{ state: "not_enough_data", reason: "The agent has not sent statistics of columns yet." },
  });
  const hidden = {
    status: "skipped" as const,
    code: "no_permission",
    sqlstate: null,
    duration_ms: 1,
  };
  const hint = "Create the helper functions: quern-agent --print-helper-sql";
  const collectors = [
    { name: "column_statistics", ...hidden, hint, rows: null, truncated: false } as const,
  ];
  await blind.send({ collectors }, ago(30));
  expect(await blind.judge("partial-index-chance")).toMatchObject({
    state: "no_permission",
    hint: expect.stringContaining("--print-helper-sql"),
  });
  const sized = { relpages: 1, reltuples: 200_000, relallvisible: 0 };
  const told = (name: string, null_frac: number, inherited = false) => ({
    ...{ name, inherited, null_frac, avg_width: 4, n_distinct: 5, correlation: 1 },
  });
  const relation = { schema: "public", name: "t", ...sized };
  const told_columns = [told("mostly", 0.9), told("rarely", 0.1), told("rarely", 0.9, true)];
  await blind.send({
    column_statistics: {
      ...{ relations: [{ ...relation, columns: told_columns }], omitted_columns: 0 },
    },
  });
  expect(objects(await blind.found("partial-index-chance"))).toEqual(["public.t_mostly"]);
});
