/** The health score: 100 less what findings cost, and how much of the rules could be judged at all. */
import type { Category, HealthScore } from "@quern/contract/health/databases";
import type { RuleState, Severity } from "@quern/contract/health/findings";
import type { Rule } from "./rule.ts";

/** What each category counts. One in which nothing could be judged drops out, and the others share its weight. */
export const CATEGORY_WEIGHTS: Record<Category, number> = {
  performance: 20,
  maintenance: 15,
  storage: 15,
  horizon: 15,
  connections: 10,
  replication: 10,
  wal: 10,
  locks: 5,
};
/** A critical finding of a rule that caps leaves no more than this. */
export const CAP = 30;
/** Each further finding of the same rule costs this share of its weight, and all of them together at most the same again. */
const FURTHER = 0.25;
const MOST_FURTHER = 1;

export type ScoredFinding = { id: string; rule: string; severity: Severity };
type Lost = { rule: string; finding_id: string; points: number };

const JUDGED = new Set<RuleState>(["ok", "finding"]);

/**
 * The score from the state of each rule and the findings that are open, not muted and not snoozed. Null when nothing
 * could be judged. Rules that do not apply count nowhere; those without data or permission lower `coverage` alone.
 */
export function scoreOf(
  rules: ReadonlyMap<string, Rule>,
  states: ReadonlyMap<string, RuleState>,
  findings: readonly ScoredFinding[],
  at: Date,
): HealthScore | null {
  const applying = [...states].filter(
    ([rule, state]) => rules.has(rule) && state !== "not_applicable",
  );
  const judged = applying.filter(([, state]) => JUDGED.has(state));
  if (judged.length === 0) return null;
  const covered = new Set(judged.map(([rule]) => rules.get(rule)!.category));
  const lost = lostBy(rules, findings);
  const categories = (Object.keys(CATEGORY_WEIGHTS) as Category[]).map((category) => {
    const own = lost.filter(({ rule }) => rules.get(rule)!.category === category);
    const points = own.reduce((sum, each) => sum + each.points, 0);
    const known = covered.has(category) || own.length > 0;
    const score = known ? Math.max(0, Math.round(100 - points)) : null;
    return { category, score, weight: CATEGORY_WEIGHTS[category], lost: own };
  });
  const counted = categories.filter((each) => each.score !== null);
  const weight = counted.reduce((sum, each) => sum + each.weight, 0);
  const mean = counted.reduce((sum, each) => sum + each.score! * each.weight, 0) / weight;
  const capping = findings.find(
    ({ rule, severity }) => severity === "critical" && rules.get(rule)?.caps,
  );
  const score = capping ? Math.min(CAP, Math.round(mean)) : Math.round(mean);
  const coverage = judged.length / applying.length;
  return { score, coverage, capped_by: capping?.rule ?? null, categories, at: at.toISOString() };
}

/** Points by finding: the gravest of a rule costs its weight, the further ones a share of theirs. */
function lostBy(rules: ReadonlyMap<string, Rule>, findings: readonly ScoredFinding[]): Lost[] {
  const ids = [...new Set(findings.map(({ rule }) => rule))];
  return ids.flatMap((id) => {
    const rule = rules.get(id);
    if (rule === undefined) return [];
    const own = findings.filter((finding) => finding.rule === id);
    const costs = own
      .map(({ id: finding_id, severity }) => ({ finding_id, cost: rule.weight[severity] }))
      .sort((left, right) => right.cost - left.cost);
    let left = costs[0]!.cost * MOST_FURTHER;
    return costs.flatMap(({ finding_id, cost }, place) => {
      const points = place === 0 ? cost : Math.min(left, cost * FURTHER);
      if (place > 0) left -= points;
      return points > 0 ? [{ rule: id, finding_id, points: Math.round(points * 10) / 10 }] : [];
    });
  });
}
