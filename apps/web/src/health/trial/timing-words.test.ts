import type { TrialPlan } from "@quern/contract/health/trials";
import { expect, test } from "vitest";
import { timeChangeOf, timingOf, untimedWords } from "./timing-words.ts";

const side = (change: Partial<TrialPlan>): TrialPlan => ({
  ...{ cost: 1, rows: 1, plan: {}, error: null, sqlstate: null, timing: null },
  ...{ untimed: null, untimed_detail: null, ...change },
});
const timed = (ms: number) => side({ timing: { ms, lowest_ms: ms, highest_ms: ms, runs: 5 } });
const ended = side({ untimed: "too_long", untimed_detail: "10" });

test("of a statement that was ended on one side it is known how much faster the other is at least", () => {
  expect(timeChangeOf({ before: ended, after: timed(100) })?.words).toBe("over 100× faster");
  expect(timeChangeOf({ before: timed(100), after: ended })?.words).toBe("over 100× slower");
  expect(timeChangeOf({ before: timed(100), after: timed(1) })?.words).toBe("100× faster");
  expect(timeChangeOf({ before: ended, after: ended })).toBeNull();
  expect(timeChangeOf({ before: side({ untimed: "no_rows" }), after: timed(1) })).toBeNull();
});

test("it says after how long it was ended", () => {
  expect(timingOf(ended)).toBe("> 10.0 s");
  expect(timingOf(side({}))).toBeNull();
  expect(untimedWords(ended)).toContain("ended after 10 s");
});
