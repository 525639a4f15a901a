import { expect, test } from "vitest";
import {
  column,
  foreignKey,
  index,
  indexStats,
  schemaOf,
  table,
  tableStats,
} from "../testing-schema.ts";
import { indexSql } from "./index-items.ts";
import { schemaDdl } from "./schema-ddl.ts";
import { tablesNamed, tablesWritten, within } from "./scope.ts";
import { statisticsItems } from "./statistics.ts";

const many = Array.from({ length: 400 }, (_, place) => table(`other_${place}`));
const { schema } = schemaOf({
  tables: [
    ...many,
    table("p1"),
    table("child", { columns: [column("p", "bigint")] }),
    table("days", { kind: "p", partition_key: "RANGE (id)" }),
    table("day_1", { parent: "public.days" }),
    table("day_2", { parent: "public.days" }),
  ],
  indexes: [index("child_p", "child", ["p"]), index("other_x", "other_7", ["id"])],
  constraints: [foreignKey("child", ["p"]), foreignKey("other_3", ["id"])],
});
const names = (tables: readonly { name: string }[]) => tables.map(({ name }) => name);

test("of a large schema only what the trial is about is made, with what it refers to", () => {
  const named = tablesNamed(schema, ["drop index concurrently public.child_p;", "public.nobody"]);
  expect(names(named)).toEqual(["child"]);
  const part = within(schema, [...named, ...tablesWritten(schema, ["days"])]);
  expect(names(part.snapshot.tables).sort()).toEqual(["child", "day_1", "day_2", "days", "p1"]);
  expect(names(part.snapshot.indexes)).toEqual(["child_p"]);
  expect(part.snapshot.constraints).toHaveLength(1);
  expect(part.omitted).toBe(400);
  const small = { ...schema, tables: schema.tables.slice(300) };
  expect(within(small, named)).toMatchObject({ omitted: 0, snapshot: { tables: small.tables } });
});

test("partitions are made by hash, each with its remainder, parents first", () => {
  const { items, gaps } = schemaDdl(
    { ...schema, tables: schema.tables.toReversed() },
    [],
    new Map(),
  );
  const made = items.flatMap((item) =>
    "columns" in item && /day/.test(item.object) ? [item] : [],
  );
  expect(
    made.map(({ object, parent, partition_by, modulus, remainder }) => [
      ...[object, parent, partition_by, parent && [modulus, remainder]],
    ]),
  ).toEqual([
    ["public.days", null, "id", null],
    ["public.day_2", "public.days", null, [2, 0]],
    ["public.day_1", "public.days", null, [2, 1]],
  ]);
  expect(gaps).toContainEqual(
    expect.objectContaining({ kind: "partition", reason: "bounds_unknown", count: 2 }),
  );
});

test("without statistics of columns, sizes and rows are what was counted", () => {
  const tables = [tableStats("p1", { reltuples: -1, n_live_tup: 500, heap_bytes: 81_920 })];
  const indexes = [indexStats("child_p", "child", { size_bytes: 16_384, reltuples: 40 })];
  const items = statisticsItems(schema, { columns: null, tables, indexes });
  const of = (name: string) => items.find(({ n }) => n === name);
  expect(of("p1")).toEqual({ s: "public", n: "p1", p: 10, t: 500, v: 0 });
  expect(of("child_p")).toEqual({ s: "public", n: "child_p", p: 2, t: 40, v: 0 });
  expect(of("child")).toEqual({ s: "public", n: "child", p: 0, t: 0, v: 0 });
});

test("an index whose literals were not sent is no index", () => {
  const whole = index("i", "t", ['a"b']);
  expect(indexSql(whole)).toMatch(
    /^create index i on public\.t using btree \("a""b" default_ops nulls last\)$/,
  );
  expect(indexSql({ ...whole, predicate: { text: "a = $1", hash: "" } })).toBeNull();
  expect(indexSql({ ...whole, predicate: { text: "<unparsable x>", hash: "" } })).toBeNull();
});
