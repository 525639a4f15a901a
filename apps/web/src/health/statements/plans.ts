/** Plans of a statement as the API keeps them, as trees that can be drawn. */
import type { Plan, StatementDetails } from "@quern/contract/health/statements";
import type { z } from "zod";
import { readPlans, type StatementPlan } from "../../plan/tree.ts";

export type StoredPlan = z.infer<typeof Plan>;

/** The tree of a stored plan, which is the root node of EXPLAIN's JSON alone. */
export function treeOf({ plan }: StoredPlan): StatementPlan {
  const [first] = readPlans([[{ Plan: plan }]]);
  if (first === undefined) throw new Error("one plan in, one out");
  return first;
}

export type Hypothesis = {
  definition: string;
  cost: number;
  now: number | null;
  saved: number | null;
};

/** What indexes that do not exist would make of the newest plan, the best first. `saved` is a share of the cost. */
export function hypotheses(plans: StatementDetails["plans"]): Hypothesis[] {
  const newest = plans.find(({ hypothetical }) => hypothetical.length > 0);
  if (newest === undefined) return [];
  const { total_cost: now } = newest;
  return newest.hypothetical
    .map(({ definition, total_cost: cost }) => ({
      ...{ definition, cost, now },
      saved: now === null || now <= 0 ? null : 1 - cost / now,
    }))
    .sort((left, right) => left.cost - right.cost);
}
