import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { foreignKey, index, partial, schemaOf, table, tableStats } from "../testing-schema.ts";
import { ago, openSites, type Sites, serverStats } from "../testing-site.ts";
import { duplicateIndexes } from "./rules/duplicate-index.ts";

let sites: Sites;
beforeAll(async () => {
  sites = await openSites();
});
afterAll(() => sites.close());

const objects = (found: readonly { object: string }[]) => found.map(({ object }) => object).sort();

test("duplicates: six of a table's indexes, none of those that only look alike, one of each pair", async () => {
  const site = await sites.site();
  const odd = { schema: "we.ird" };
  const indexes = [
    index("a_pkey", "a", ["id"], { is_primary: true, is_unique: true, constraint: "a_pkey" }),
    ...[index("a_x1", "a", ["x"]), index("a_x2", "a", ["x"]), index("a_xy", "a", ["x", "y"])],
    index("a_xpart", "a", ["x"], partial("(y > 0)")),
    index("a_xhash", "a", ["x"], { access_method: "hash" }),
    ...[index("a_z", "a", ["z"]), index("a_zp", "a", ["z text_pattern_ops"])],
    ...[index("a_kC", "a", ["k collate C"]), index("a_k", "a", ["k"])],
    index("a_xdesc", "a", ["x desc"]),
    ...[index("a_yi", "a", ["y"], { include: ["z"] }), index("a_y", "a", ["y"])],
    index("a_uy", "a", ["y"], { is_unique: true }),
    ...[index("a_e1", "a", ["lower(z)"]), index("a_e2", "a", ["lower(z)"])],
    index("a_e3", "a", ["upper(z)"]),
    ...[index("i.x", "Ta.b", ["v"], odd), index("i.y", "Ta.b", ["v"], odd)],
  ];
  await site.send(schemaOf({ indexes }));
  const found = await site.found("duplicate-index");
  expect(objects(found)).toEqual([
    ...[
      '"we.ird"."i.y"',
      "public.a_e2",
      "public.a_x1",
      "public.a_x2",
      "public.a_xdesc",
      "public.a_y",
    ],
  ]);
  expect(found.find(({ object }) => object === "public.a_x2")).toMatchObject({
    severity: "warning",
    evidence: { keeper: "a_xy", kind: "redundant prefix" },
    fix: { sql: "drop index concurrently public.a_x2;", sandbox: true },
  });
  expect(found.find(({ object }) => object.includes("we.ird"))?.fix?.sql).toBe(
    'drop index concurrently "we.ird"."i.y";',
  );
});

test("duplicates: of twins the one with a duty stays, and mixed orders are no reverse", async () => {
  const site = await sites.site();
  const indexes = [
    index("older", "t", ["x"]),
    index("clustered", "t", ["x"], { is_clustered: true }),
    index("mixed", "t", ["a", "b desc"]),
    index("straight", "t", ["a", "b"]),
    index("broken", "t", ["c"], { is_valid: false }),
    index("whole", "t", ["c"]),
    index("part", "p1", ["x"], { parent: "public.px" }),
    index("own", "p1", ["x"]),
  ];
  await site.send(schemaOf({ indexes }));
  expect(objects(await site.found("duplicate-index"))).toEqual(["public.older", "public.own"]);
});

test("duplicates: of a partitioned table one is dropped as PostgreSQL lets it be", async () => {
  const site = await sites.site();
  const indexes = [index("one", "p", ["x"]), index("two", "p", ["x"])];
  await site.send(schemaOf({ tables: [table("p", { kind: "p" })], indexes }));
  expect((await site.found("duplicate-index"))[0]?.fix?.sql).toBe("drop index public.two;");
});

const anIndex = fc.record({
  keys: fc.uniqueArray(fc.constantFrom("a", "b", "c desc", "c"), {
    ...{ minLength: 1, maxLength: 3, selector: (key) => key[0] },
  }),
  is_unique: fc.boolean(),
  include: fc.subarray(["x", "y"]),
  predicate: fc.constantFrom(null, "(a > 0)"),
});

test("duplicates: whatever there is, all that are named can be dropped at once, and each is served by one that stays", () => {
  fc.assert(
    fc.property(fc.array(anIndex, { maxLength: 8 }), (made) => {
      const all = made.map(({ keys, predicate, ...more }, place) =>
        index(`i${place}`, "t", keys, { ...more, ...(predicate ? partial(predicate) : {}) }),
      );
      const dropped = duplicateIndexes(all).map(({ drop }) => drop);
      expect(new Set(dropped).size).toBe(dropped.length);
      const left = all.filter((each) => !dropped.includes(each));
      for (const each of dropped) {
        expect(each.is_unique).toBe(false);
        expect(duplicateIndexes([...left, each]).map(({ drop }) => drop)).toContain(each);
      }
      expect(duplicateIndexes(left)).toEqual([]);
    }),
  );
});

test("foreign keys: seven without an index, seven with one", async () => {
  const site = await sites.site();
  const bare = ["c1", "c4", "c6", "c9", "pu", "tfk", "nv"];
  const constraints = [
    ...[...bare, "c2", "c5", "c7", "c8", "pt"].map((name) => foreignKey(name, ["p"])),
    foreignKey("c3", ["a", "b"]),
    foreignKey("c10", ["id"]),
    foreignKey("pu1", ["p"], { inherited: true }),
  ];
  const indexes = [
    ...[index("c2_p", "c2", ["p"]), index("c3_ba", "c3", ["b", "a"])],
    index("c4_p", "c4", ["p"], partial("(p > $1)")),
    index("c5_p", "c5", ["p"], partial("(p IS NOT NULL)")),
    ...[index("c6_qp", "c6", ["q", "p"]), index("c7_pq", "c7", ["p", "q"])],
    index("c8_p", "c8", ["p"], { access_method: "hash" }),
    index("c9_p", "c9", ["p"], { access_method: "brin" }),
    index("c10_pkey", "c10", ["id"], { is_primary: true, is_unique: true }),
    index("pt_p", "pt", ["p"]),
    index("nv_p", "nv", ["p"], { is_valid: false }),
  ];
  const tables = [table("pu", { kind: "p" }), table("pu1", { parent: "public.pu" })];
  const rows = { reltuples: 50_000 };
  const stats = (deleted: number) => [
    ...["c1", "c4", "c6", "c9", "nv"].map((name) => tableStats(name, rows)),
    tableStats("pu1", { ...rows, parent: "public.pu" }),
    tableStats("tfk", { reltuples: 9_999 }),
    tableStats("p1", { n_tup_del: deleted }),
  ];
  await site.send(
    { ...schemaOf({ tables, indexes, constraints }), table_stats: stats(0) },
    ago(300),
  );
  const before = await site.found("unindexed-foreign-key");
  const ofLarge = bare.filter((name) => name !== "tfk");
  const named = ofLarge.map((name) => `public.${name}.${name}_fkey`);
  expect(objects(before)).toEqual(["", ...named].sort());
  expect(before.every(({ severity }) => severity === "info")).toBe(true);
  // Those of small tables are one finding.
  expect(before.find(({ object }) => object === "")?.evidence).toMatchObject({
    ...{ foreign_keys: 1, rows: 9_999, for_example: "public.tfk.tfk_fkey" },
  });
  const of = (name: string) => before.find(({ object }) => object.startsWith(`public.${name}.`));
  expect(of("c4")?.evidence).toMatchObject({ partial_index_exists: true });
  expect(of("nv")?.evidence).toMatchObject({ invalid_index_exists: true });
  expect(of("pu")?.fix?.sql).toBe("create index on public.pu (p);");
  expect(of("c1")?.fix?.sql).toBe("create index concurrently on public.c1 (p);");

  await site.send({ table_stats: stats(7) });
  const after = await site.found("unindexed-foreign-key");
  const grave = after.filter(({ severity }) => severity === "warning");
  expect(objects(grave)).toEqual(named.sort());
  expect(grave[0]?.evidence).toMatchObject({ rows: 50_000, referenced_deletes: 7 });
});

test("foreign keys: what is deleted from a partitioned table is counted at its partitions", async () => {
  const site = await sites.site();
  const stats = (n_tup_del: number) => [
    tableStats("c1", { reltuples: 50_000 }),
    tableStats("p1", { kind: "p" }),
    tableStats("p1_a", { parent: "public.p1", n_tup_del }),
  ];
  const schema = schemaOf({ tables: [table("c1")], constraints: [foreignKey("c1", ["p"])] });
  await site.send({ ...schema, table_stats: stats(0) }, ago(300));
  await site.send({ table_stats: stats(7) });
  expect(await site.found("unindexed-foreign-key")).toMatchObject([
    { severity: "warning", evidence: { referenced_deletes: 7 } },
  ]);
});

test("types of foreign keys: narrower or of another kind is graver than wider; modifiers do not count", async () => {
  const site = await sites.site();
  const typed = (of: string, own: string, theirs: string) =>
    foreignKey(of, ["p"], {
      column_types: [own],
      references: { schema: "public", table: "p1", columns: ["id"], column_types: [theirs] },
    });
  const constraints = [
    ...[typed("narrow", "integer", "bigint"), typed("wide", "bigint", "integer")],
    ...[typed("other", "text", "integer"), typed("same", "integer", "integer")],
    typed("sized", "character varying(10)", "character varying(20)"),
  ];
  await site.send(schemaOf({ constraints }));
  const found = await site.found("foreign-key-types");
  expect(found.map(({ object, severity }) => [object, severity])).toEqual([
    ["public.narrow.narrow_fkey.p", "warning"],
    ["public.wide.wide_fkey.p", "info"],
    ["public.other.other_fkey.p", "warning"],
  ]);
  expect(found[0]?.fix?.sql).toBe("alter table public.narrow alter column p type bigint;");
  expect(found[1]?.fix?.sql).toBe("alter table public.p1 alter column id type bigint;");
});

test("invalid: told after half an hour, not while it is built, with what to do", async () => {
  const site = await sites.site();
  const broken = { is_valid: false };
  const indexes = [
    index("fresh_idx", "big", ["a"], broken),
    ...[index("twin", "big", ["b"], broken), index("whole", "big", ["b"])],
    index("x_ccnew", "big", ["c"], broken),
    index("built", "big", ["d"], broken),
    index("small_idx", "small", ["a"], broken),
  ];
  const parts = { table_stats: [tableStats("big", { reltuples: 1e6 }), tableStats("small")] };
  const builds = [{ schema: "public", index: "built", phase: "building index" }];
  await site.send({ ...schemaOf({ indexes }), ...parts }, ago(60));
  expect(await site.judge("invalid-index")).toMatchObject({ state: "not_enough_data" });

  const old = await sites.site();
  await old.send(schemaOf({ indexes: indexes.slice(1) }), ago(3_600));
  await old.send(
    { ...schemaOf({ indexes }), ...parts, server: serverStats({ index_builds: builds }) },
    ago(60),
  );
  const found = await old.found("invalid-index");
  expect(found.map(({ object, fix }) => [object, fix?.sql])).toEqual([
    ["public.twin", "drop index concurrently public.twin;"],
    ["public.x_ccnew", "drop index concurrently public.x_ccnew;"],
    ["public.small_idx", "reindex index concurrently public.small_idx;"],
  ]);
  await old.send(schemaOf({ indexes: [index("whole", "big", ["b"])] }));
  expect(await old.found("invalid-index")).toEqual([]);
});
