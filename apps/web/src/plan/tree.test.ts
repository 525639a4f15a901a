import { expect, test } from "vitest";
import { readPlans, visibleNodes } from "./tree.ts";

const SCAN = {
  "Node Type": "Seq Scan",
  "Parent Relationship": "Outer",
  "Parallel Aware": true,
  Schema: "flights",
  "Relation Name": "flights",
  Alias: "f",
  "Startup Cost": 0,
  "Total Cost": 60,
  "Plan Rows": 10,
  "Plan Width": 12,
  "Actual Total Time": 30,
  "Actual Rows": 400,
  "Actual Loops": 3,
  Filter: "(delay > 60)",
  "Rows Removed by Filter": 244530,
  "Shared Hit Blocks": 7,
  "Shared Read Blocks": 2,
};
const NEVER = {
  "Node Type": "Index Only Scan",
  "Index Name": "airports_pkey",
  "Relation Name": "airports",
  Alias: "airports",
  "Startup Cost": 0,
  "Total Cost": 10,
  "Plan Rows": 1,
  "Actual Total Time": 0,
  "Actual Rows": 0,
  "Actual Loops": 0,
};
const ANALYZED = {
  Plan: {
    "Node Type": "Gather",
    "Startup Cost": 5,
    "Total Cost": 100,
    "Plan Rows": 30,
    "Actual Total Time": 40,
    "Actual Rows": 1200,
    "Actual Loops": 1,
    "Workers Launched": 2,
    Plans: [SCAN, NEVER],
  },
  "Planning Time": 0.4,
  "Execution Time": 41,
};

const only = (plan: unknown) => {
  const [first] = readPlans(plan);
  if (first?.root == null) throw new Error("no plan");
  return { ...first, root: first.root };
};

test("a node that was executed says its own time, by the wall clock of parallel workers", () => {
  const { root, analyzed, execution_ms } = only([[ANALYZED]]);
  expect([analyzed, execution_ms]).toEqual([true, 41]);
  const [scan, never] = root.children;
  expect(scan).toMatchObject({
    id: "0.0",
    title: "Parallel Seq Scan",
    on: "flights.flights f",
    time: { total: 30, self: 30 },
    rows: { planned: 10, actual: 400, total: 1200 },
    misestimate: { factor: 40, way: "too_few" },
    buffers: { hit: 7, read: 2 },
    skipped: false,
  });
  expect(scan?.facts).toEqual([
    { name: "Filter", value: "(delay > 60)" },
    { name: "Rows Removed by Filter", value: "244530" },
  ]);
  expect(root.time).toEqual({ total: 40, self: 10 });
  expect([root.share, scan?.share]).toEqual([0.25, 0.75]);
  expect(never).toMatchObject({
    skipped: true,
    time: null,
    misestimate: null,
    on: "airports by airports_pkey",
  });
});

test("without execution the shares are those of the cost", () => {
  const plan = {
    Plan: {
      "Node Type": "Aggregate",
      Strategy: "Hashed",
      "Partial Mode": "Simple",
      "Total Cost": 100,
      "Plan Rows": 5,
      Plans: [{ "Node Type": "Hash Join", "Join Type": "Left", "Total Cost": 70, "Plan Rows": 9 }],
    },
  };
  const { root, analyzed } = only([plan]);
  expect(analyzed).toBe(false);
  expect([root.title, root.children[0]?.title]).toEqual(["Hash Aggregate", "Hash Left Join"]);
  expect(root.share).toBeCloseTo(0.3);
  expect(root.children[0]?.share).toBeCloseTo(0.7);
  expect(root.time).toBeNull();
});

test("an expectation that is too high is told from one that is too low, and none counts below a row", () => {
  const off = (planned: number, came: number) =>
    only([
      {
        Plan: {
          "Node Type": "Result",
          "Plan Rows": planned,
          "Actual Rows": came,
          "Actual Loops": 1,
        },
      },
    ]).root.misestimate;
  expect(off(1000, 0)).toEqual({ factor: 1000, way: "too_many" });
  expect(off(1, 0.5)).toEqual({ factor: 1, way: "too_few" });
  expect(off(1, 7)).toEqual({ factor: 7, way: "too_few" });
});

test("what a Limit stopped early was not expected wrongly; what it reads whole may be", () => {
  const step = (type: string, planned: number, came: number, below: object[] = []) => ({
    "Node Type": type,
    "Plan Rows": planned,
    "Actual Rows": came,
    "Actual Loops": 1,
    Plans: below,
  });
  const scan = step("Seq Scan", 2000, 5);
  const plan = step("Limit", 5, 5, [
    step("Sort", 2000, 5, [scan]),
    step("Append", 2000, 5, [scan]),
  ]);
  const [sort, append] = only([{ Plan: plan }]).root.children;
  expect([sort?.misestimate, append?.misestimate, append?.children[0]?.misestimate]).toEqual([
    null,
    null,
    null,
  ]);
  expect(sort?.children[0]?.misestimate).toEqual({ factor: 400, way: "too_many" });
});

test("several statements are several plans; one without a plan says why", () => {
  const plans = readPlans([[ANALYZED], "Utility Statement", null]);
  expect(plans.map(({ root }) => root !== null)).toEqual([true, false, false]);
  expect(plans[1]?.reason).toMatch(/no plan for a statement of this kind/);
  expect(readPlans(null)).toEqual([]);
});

test("what is below a folded node is not shown", () => {
  const { root } = only([[ANALYZED]]);
  expect(visibleNodes(root, () => false).map(({ id }) => id)).toEqual(["0", "0.0", "0.1"]);
  expect(visibleNodes(root, (id) => id === "0").map(({ id }) => id)).toEqual(["0"]);
});
