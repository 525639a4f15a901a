import { expect, test } from "vitest";
import { argumentSpans, callAt, factsAt } from "./name-facts.ts";
import { index } from "./testing-schema.ts";

/** The facts of the name at `|`. */
function facts(marked: string) {
  const offset = marked.indexOf("|");
  return factsAt(marked.replace("|", ""), offset, index)?.facts ?? [];
}

test.each([
  [
    "select o.to|tal from orders o",
    { kind: "column", name: "total", type: "numeric(10,2)", from: "orders" },
  ],
  ["select to|tal from orders", { kind: "column", name: "total", from: "orders" }],
  ["select |id from orders", { kind: "column", keys: ["PK"] }],
  ["select customer_i|d from orders", { kind: "column", keys: ["FK → customers"] }],
  ['select "Cau|se" from ohub.outages', { kind: "column", name: "Cause", from: "outages" }],
  [
    "select x.|n from (select count(*) as n from orders) x",
    { kind: "column", name: "n", from: "x" },
  ],
  ["select ohub.outages.prov|ince from ohub.outages", { kind: "column", name: "province" }],
  ["select * from or|ders", { kind: "relation", name: "orders", what: "table", rows: 1200 }],
  [
    "select * from ohub.out|ages o",
    { kind: "relation", name: "ohub.outages", comment: "One row per outage" },
  ],
  ["select |o.id from orders o", { kind: "relation", name: "orders" }],
  ["select * from rec|ent", { kind: "relation", what: "view" }],
  ["select * from oh|ub.outages", { kind: "schema", relations: 2 }],
  [
    "with m as (select 1 as one) select * from |m",
    { kind: "source", what: "cte", columns: ["one"] },
  ],
  ["select cou|nt(*) from orders", { kind: "function" }],
  ["select ohub.reg|ion('ON')", { kind: "function", signatures: [{ of: "ohub" }] }],
  ["select 1; select to|tal from orders", { kind: "column" }],
])("the name at | of %s", (marked, wanted) => {
  expect(facts(marked)[0]).toMatchObject(wanted);
});

test("a name that two tables have tells of both", () => {
  expect(
    facts("select |id from orders, customers").map((each) => "from" in each && each.from),
  ).toEqual(["orders", "customers"]);
});

test.each([
  "sel|ect 1",
  "select 'or|ders'",
  "-- or|ders",
  "select nothing_kno|wn from orders",
  "select 1 | from orders",
  "",
])("nothing is said of %s", (marked) => expect(facts(marked || "|")).toEqual([]));

test("the span is that of the name in the whole text", () => {
  const sql = "select 1;\n\nselect total from orders";
  const at = sql.indexOf("total");
  expect(factsAt(sql, at + 2, index)).toMatchObject({ start: at, end: at + 5 });
});

test.each([
  ["select round(|", "round", 0],
  ["select round(a, |)", "round", 1],
  ["select round(coalesce(a, b), |)", "round", 1],
  ["select round(coalesce(a, |", "coalesce", 1],
  ["select round(a[1, 2], (1), |", "round", 2],
  ["select ohub.region(|)", "region", 0],
])("the call around the cursor: %s", (marked, name, argument) => {
  const offset = marked.indexOf("|");
  const found = callAt(marked.replace("|", ""), offset, index);
  if (name === "coalesce") return expect(found).toBeNull();
  expect(found).toMatchObject({ argument, signatures: [{ name }] });
});

test("arguments stand where their words are", () => {
  const list = "a numeric(10, 2), VARIADIC b text[]";
  expect(argumentSpans(list).map(({ start, end }) => list.slice(start, end))).toEqual([
    "a numeric(10, 2)",
    "VARIADIC b text[]",
  ]);
  expect(argumentSpans("")).toEqual([]);
});
