import fc from "fast-check";
import { expect, test } from "vitest";
import { naturalOrder } from "./natural-order.ts";
import { stepsInOrder, tailOf } from "./order.ts";
import { PlanError } from "./plan-error.ts";

const TREE = [
  "bench/load.sql",
  "test/b.sql",
  "test/a.sql",
  "seed/10-more.sql",
  "seed/9-some.sql",
  "seed/cities.csv",
  "init/_types.sql",
  "init/0009-a.sql",
  "init/00010-b.sql",
  "reports/monthly.sql",
  "readme.md",
];
const SHARED = ["init/0009-a.sql", "init/00010-b.sql", "seed/9-some.sql", "seed/10-more.sql"];

test("phases follow each other, numbers count as numbers, and what is no step is none", () => {
  expect(stepsInOrder(TREE)).toEqual([...SHARED, "test/a.sql", "test/b.sql", "bench/load.sql"]);
});

test("tests and benches do not see each other, unless the order is linear", () => {
  expect(tailOf(TREE, {}, "test/b.sql")).toEqual(SHARED);
  expect(tailOf(TREE, {}, "bench/load.sql")).toEqual(SHARED);
  expect(tailOf(TREE, { order: "linear" }, "test/b.sql")).toEqual([...SHARED, "test/a.sql"]);
  expect(tailOf(TREE, { order: "linear" }, "bench/load.sql")).toEqual([
    ...SHARED,
    "test/a.sql",
    "test/b.sql",
  ]);
});

test("a head inside the chain sees what is before it, any other file and no file all of it", () => {
  expect(tailOf(TREE, {}, "seed/9-some.sql")).toEqual(SHARED.slice(0, 2));
  expect(tailOf(TREE, {}, "reports/monthly.sql")).toEqual(SHARED);
  expect(tailOf(TREE, {}, null)).toEqual(SHARED);
});

test("a tree without phase folders is one chain", () => {
  const tree = ["V10__c.sql", "V2__b.sql", "V1__a.sql", "lib/x.sql"];
  expect(tailOf(tree, {}, null)).toEqual(["V1__a.sql", "V2__b.sql", "V10__c.sql", "lib/x.sql"]);
  expect(tailOf(tree, {}, "V10__c.sql")).toEqual(["V1__a.sql", "V2__b.sql"]);
});

test("a manifest names the chain, with stars; what it names must be there, once", () => {
  const rules = { chain: ["seed/9-some.sql", "init/*.sql", "**/_*.sql"] };
  expect(tailOf(TREE, rules, null)).toEqual([
    "seed/9-some.sql",
    "init/0009-a.sql",
    "init/00010-b.sql",
    "init/_types.sql",
  ]);
  expect(() => tailOf(TREE, { chain: ["init/none.sql"] }, null)).toThrow(PlanError);
  expect(() => tailOf(TREE, { chain: ["test/a.sql", "test/a.sql"] }, null)).toThrow(/twice/);
});

test("stars are never slow", () => {
  const pattern = `${"**a*".repeat(200)}b`;
  expect(() => tailOf(["a".repeat(1000)], { chain: [pattern] }, null)).toThrow(PlanError);
});

const someName = fc.stringMatching(/^[0-9a-c._/-]{1,8}$/);

test("the order is total", () => {
  fc.assert(
    fc.property(someName, someName, someName, (a, b, c) => {
      expect(Math.sign(naturalOrder(a, b))).toBe(0 - Math.sign(naturalOrder(b, a)));
      expect(naturalOrder(a, b) === 0).toBe(a === b);
      if (naturalOrder(a, b) <= 0 && naturalOrder(b, c) <= 0)
        expect(naturalOrder(a, c)).toBeLessThanOrEqual(0);
    }),
  );
});
