import { expect, test } from "vitest";
import type { Rule } from "./rule.ts";
import { CAP, CATEGORY_WEIGHTS, type ScoredFinding, scoreOf } from "./score.ts";

const AT = new Date("2026-03-18T10:00:00Z");

function rule(id: string, category: Rule["category"], more: Partial<Rule> = {}): Rule {
  return {
    ...{ id, title: id, category, explanation: "", source: "", caps: false, of: "database" },
    ...{ weight: { info: 2, warning: 10, critical: 40 }, every_s: 60, needs: [], engines: [] },
    judge: async () => ({ state: "judged", found: [] }),
    ...more,
  };
}

const RULES = new Map(
  [rule("a", "locks"), rule("b", "performance"), rule("c", "horizon", { caps: true })].map(
    (each) => [each.id, each],
  ),
);
const finding = (id: string, of: string, severity: ScoredFinding["severity"]): ScoredFinding => ({
  ...{ id, rule: of, severity },
});

test("weights of the categories are a hundred together", () => {
  expect(Object.values(CATEGORY_WEIGHTS).reduce((sum, each) => sum + each)).toBe(100);
});

test("what could not be judged drops out of the score and lowers the coverage", () => {
  const states = new Map([
    ["a", "ok"],
    ["b", "no_permission"],
    ["c", "not_applicable"],
  ] as const);
  const score = scoreOf(RULES, states, [], AT)!;
  expect(score).toMatchObject({ score: 100, coverage: 0.5, capped_by: null });
  expect(score.categories.find(({ category }) => category === "performance")?.score).toBeNull();
  expect(scoreOf(RULES, new Map([["a", "not_enough_data"]]), [], AT)).toBeNull();
  expect(scoreOf(RULES, new Map([["unknown", "ok"]]), [], AT)).toBeNull();
});

test("points are lost by category, the further findings of a rule cost a quarter, at most as much again", () => {
  const states = new Map([
    ["a", "finding"],
    ["b", "ok"],
  ] as const);
  const many = Array.from({ length: 9 }, (_, place) => finding(`f${place}`, "a", "warning"));
  const of = (count: number) =>
    scoreOf(RULES, states, many.slice(0, count), AT)!.categories.find(
      ({ category }) => category === "locks",
    )!;
  expect(of(1)).toMatchObject({ score: 90, lost: [{ rule: "a", finding_id: "f0", points: 10 }] });
  expect(of(2).lost.map(({ points }) => points)).toEqual([10, 2.5]);
  expect(of(9).score).toBe(80);
  // Locks weigh 5 of 25 here, performance 20.
  expect(scoreOf(RULES, states, many, AT)!.score).toBe(Math.round((80 * 5 + 100 * 20) / 25));
});

test("a critical finding of a rule that caps leaves thirty, another does not", () => {
  const states = new Map([...RULES.keys()].map((id) => [id, "ok" as const]));
  const capped = scoreOf(RULES, states, [finding("f", "c", "critical")], AT)!;
  expect(capped).toMatchObject({ score: CAP, capped_by: "c" });
  expect(scoreOf(RULES, states, [finding("f", "c", "warning")], AT)!.capped_by).toBeNull();
  expect(scoreOf(RULES, states, [finding("f", "a", "critical")], AT)!.score).toBeGreaterThan(CAP);
});
