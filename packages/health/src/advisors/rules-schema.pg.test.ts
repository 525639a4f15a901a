import { afterAll, beforeAll, expect, test } from "vitest";
import {
  column,
  foreignKey,
  index,
  schemaOf,
  sequence,
  table,
  tableStats,
} from "../testing-schema.ts";
import { ago, openSites, type Sites } from "../testing-site.ts";

let sites: Sites;
beforeAll(async () => {
  sites = await openSites();
});
afterAll(() => sites.close());

const DAY = 86_400;
const MIB = 1024 ** 2;
const brief = (found: readonly { object: string; severity: string }[]) =>
  found.map(({ object, severity }) => [object, severity]);

test("bloat: by estimates; without them by the trend; without that it asks for the right", async () => {
  const site = await sites.site();
  const estimate = (name: string, of: string | null, real: number, wasted: number) => ({
    ...{ schema: "public", table: name, index: of, exact: false },
    ...{ real_bytes: real * MIB, wasted_bytes: wasted * MIB },
  });
  const bloat = [
    ...[estimate("t", null, 3_000, 1_600), estimate("small", null, 90, 80)],
    ...[
      estimate("t", "t_a", 300, 120),
      estimate("t", "t_b", 3_000, 1_900),
      estimate("t", "t_c", 1_000, 200),
    ],
  ];
  await site.send({ bloat, table_stats: [], index_stats: [] });
  expect(brief(await site.found("table-bloat"))).toEqual([["public.t", "critical"]]);
  const indexes = await site.found("index-bloat");
  expect(brief(indexes)).toEqual([
    ["public.t_a", "warning"],
    ["public.t_b", "critical"],
  ]);
  expect(indexes[0]).toMatchObject({
    ...{ confidence: "medium", evidence: { wasted_share: 0.4, table: "public.t" } },
    fix: { sql: "reindex index concurrently public.t_a;" },
  });

  const blind = await sites.site();
  const collectors = [
    {
      ...{ name: "bloat", status: "skipped" as const, code: "no_permission", sqlstate: null },
      ...{ hint: "create the helper", duration_ms: 1, rows: null, truncated: false },
    },
  ];
  const grown = (heap: number) => [
    tableStats("t", { reltuples: 100_000, heap_bytes: heap * MIB }),
    tableStats("u", { reltuples: 100_000, heap_bytes: 500 * MIB }),
  ];
  await blind.send({ table_stats: grown(100), collectors }, ago(10 * DAY));
  expect(await blind.judge("table-bloat")).toMatchObject({
    ...{ state: "no_permission", hint: "create the helper" },
  });
  await blind.send({ table_stats: grown(300) });
  expect(await blind.found("table-bloat")).toMatchObject([
    { object: "public.t", severity: "info", confidence: "low" },
  ]);
});

test("keys: a table that nothing identifies, and one whose updates a publication cannot send", async () => {
  const site = await sites.site();
  const keyed = (name: string) =>
    index(`${name}_pkey`, name, ["id"], { is_primary: true, is_unique: true });
  const never = { columns: [column("id", "integer", { nullable: false })] };
  const tables = [
    ...[table("nopk"), table("pk"), table("published"), table("whole", { replica_identity: "f" })],
    ...[table("uq", never), table("child", { parent: "public.p" }), table("v", { kind: "v" })],
    table("nothing", { replica_identity: "n" }),
  ];
  const indexes = [
    ...["pk", "nothing"].map(keyed),
    index("uq_id", "uq", ["id"], { is_unique: true }),
    index("nopk_id", "nopk", ["id"], { is_unique: true }),
  ];
  const published = ["published", "whole", "pk", "nothing"].map((name) => `public.${name}`);
  const publications = [
    { name: "pub", updates: true, deletes: true, all_tables: false, tables: published },
    { name: "inserts", updates: false, deletes: false, all_tables: true, tables: [] },
  ];
  await site.send(schemaOf({ tables, indexes, publications }));
  const found = await site.found("missing-primary-key");
  expect(brief(found).sort()).toEqual([
    ["public.nopk", "info"],
    ["public.nothing", "critical"],
    ["public.published", "critical"],
    ["public.whole", "info"],
  ]);
  const sqlOf = (name: string) => found.find(({ object }) => object === `public.${name}`)?.fix?.sql;
  expect(sqlOf("nothing")).toBe("alter table public.nothing replica identity default;");
  expect(sqlOf("nopk")).toBe(
    "alter table public.nopk alter column id set not null, add primary key using index nopk_id;",
  );
  expect(sqlOf("whole")).toContain("add column whole_id bigint");
});

test("keys: a publication sends the partitions of a table, each with its own identity", async () => {
  const site = await sites.site();
  const tables = [
    table("events", { kind: "p" }),
    ...["events_1", "events_2"].map((name) => table(name, { parent: "public.events" })),
  ];
  const published = ["public.events_1", "public.events_2"];
  const publications = [
    { name: "pub", updates: true, deletes: true, all_tables: false, tables: published },
  ];
  await site.send(schemaOf({ tables, indexes: [], publications }));
  expect(await site.found("missing-primary-key")).toMatchObject([
    {
      ...{ object: "public.events", severity: "critical" },
      fix: {
        sql: "alter table public.events_1 replica identity full;\nalter table public.events_2 replica identity full;",
      },
    },
  ]);
});

test("unsound: constraints not validated, unlogged tables, triggers that are off, views on views", async () => {
  const site = await sites.site();
  const tables = [
    ...[table("plain"), table("ul", { persistence: "u" })],
    ...[table("v4", { kind: "v", view_depth: 4 }), table("v3", { kind: "v", view_depth: 3 })],
  ];
  const constraints = [foreignKey("nv", ["p"], { validated: false }), foreignKey("fine", ["p"])];
  const trigger = { schema: "public", table: "plain" };
  const triggers = [
    { ...trigger, name: "off", enabled: "D" as const },
    { ...trigger, name: "on", enabled: "O" as const },
  ];
  await site.send(schemaOf({ tables, constraints, triggers }));
  const found = await site.found("unsound-objects");
  expect(found.map(({ object }) => object).sort()).toEqual([
    ...["public.nv.nv_fkey", "public.plain.off (trigger)", "public.ul", "public.v4"],
  ]);
  expect(found[0]?.fix?.sql).toBe("alter table public.nv validate constraint nv_fkey;");
});

test("types: one finding of each kind, none for those that are fine", async () => {
  const site = await sites.site();
  const columns = [
    ...[
      column("a", "json"),
      column("b", "jsonb"),
      column("c", "character(8)"),
      column("d", "character(1)"),
    ],
    ...[column("e", "timestamp without time zone"), column("f", "timestamp with time zone")],
    column("g", "integer", { default: "nextval('t_g_seq'::regclass)" }),
    column("h", "bigint", { identity: "a" }),
    column("i", "json"),
  ];
  const owned = ["pgmigrations", "SequelizeMeta"].map((name) => table(name, { columns }));
  await site.send(schemaOf({ tables: [table("t", { columns }), ...owned] }));
  const found = await site.found("column-types");
  expect(found.map(({ object, evidence }) => [object, evidence.columns])).toEqual([
    ...[
      ["json", 2],
      ["char", 1],
      ["timestamp", 1],
      ["serial", 1],
    ],
  ]);
  expect(found[0]?.evidence.for_example).toBe("public.t.a, public.t.i");
});

test("sequences: five that run out, by the type of the column, too; days left at the rate so far", async () => {
  const site = await sites.site();
  const sequences = [
    sequence("s1", "integer", "1932735283", "integer"),
    sequence("s2", "bigint", "2040109465", "integer"),
    sequence("s3", "smallint", "30000", "smallint"),
    sequence("s4", "bigint", "10", null, { cycles: true, max_value: 10 }),
    sequence("s5", "bigint", "-95", null, { increment: -1, min_value: -100, max_value: -1 }),
    sequence("s6", "bigint", "2000000000", "integer"),
    sequence("unused", "integer", null, "integer"),
    sequence("wide", "bigint", "9000000000000000", "bigint"),
    sequence("running", "integer", "1000000000", "integer"),
  ];
  await site.send(
    { sequences: [sequence("running", "integer", "500000000", "integer")] },
    ago(5 * DAY),
  );
  await site.send({ sequences });
  const found = await site.found("sequence-exhaustion");
  expect(found.map(({ object, severity, evidence }) => [object, severity, evidence.used])).toEqual([
    ["public.s1", "warning", 0.9],
    ["public.s2", "critical", 0.95],
    ["public.s3", "warning", 0.9155],
    ["public.s5", "warning", 0.9494],
    ["public.s6", "warning", 0.9313],
    ["public.running", "critical", 0.4656],
  ]);
  expect(found[1]).toMatchObject({
    evidence: { last_value: "2040109465", ends_at: "2147483647", columns: "public.s2_table.id" },
    fix: { sql: "alter table public.s2_table alter column id type bigint;", sandbox: true },
  });
  expect(found[5]?.evidence.days_left).toBe(11);

  const blind = await sites.site();
  await blind.send({ sequences: [sequence("s", "integer", null, "integer", { readable: false })] });
  expect(await blind.judge("sequence-exhaustion")).toMatchObject({ state: "no_permission" });
});
