import type { Trial, TrialPlan, TrialStatement } from "@quern/contract/health/trials";
import { expect, test } from "vitest";
import { changeOf, summaryOf } from "./trial-words.ts";

const plan = (cost: number): TrialPlan => ({
  ...{ cost, rows: 1, plan: {}, error: null, sqlstate: null, timing: null },
  ...{ untimed: null, untimed_detail: null },
});
const sides = (from: number, to: number) => ({ before: plan(from), after: plan(to) });

/** What is said of statements whose costs went so. */
function said(...costs: [number, number][]): string {
  const statements = costs.map(([from, to]) => sides(from, to) as TrialStatement);
  return summaryOf({ statements, fix: { sql: "create index" } } as Trial);
}

test("what costs less than reading a page counts as no change", () => {
  expect(changeOf(sides(0.13, 0.16))?.words).toBe("the same cost");
  expect(changeOf(sides(0.13, 4))?.words).toBe("4.0× dearer");
  expect(changeOf(sides(400, 4))?.words).toBe("100× cheaper");
});

test("the answer is a sentence, of one and of several", () => {
  expect(said([9, 1])).toBe("The fix makes the statement cheaper.");
  expect(said([9, 1], [5, 5])).toBe("With the fix one of 2 statements gets cheaper.");
  expect(said([1, 9], [1, 9], [5, 5])).toBe("With the fix 2 of 3 statements get dearer.");
  expect(said([1, 9], [9, 1], [9, 2])).toBe(
    "With the fix 2 of 3 statements get cheaper, and 1 dearer.",
  );
});
