import type { Finding, Severity } from "@quern/contract/health/findings";
import { SEVERITIES } from "./finding-words.ts";

/** So many of one rule are shown; what is beyond that is folded. */
const SHOWN = 3;

type FindingGroup<F> = {
  severity: Severity;
  count: number;
  rules: { rule: string; shown: F[]; folded: F[] }[];
};

/**
 * By severity, and in it those of one rule together, in the order in which the first of each came. Where one rule found
 * many things, most are folded, so that it does not hide the others; `unfolded` has `severity rule` of those that are not.
 */
export function groupFindings<F extends Pick<Finding, "severity" | "rule">>(
  findings: readonly F[],
  unfolded: ReadonlySet<string>,
): FindingGroup<F>[] {
  return SEVERITIES.flatMap((severity) => {
    const own = findings.filter((each) => each.severity === severity);
    if (own.length === 0) return [];
    const rules = [...new Set(own.map(({ rule }) => rule))].map((rule) => {
      const all = own.filter((each) => each.rule === rule);
      // A fold that hides a single one hides nothing.
      const whole = all.length <= SHOWN + 1 || unfolded.has(foldKey(severity, rule));
      return {
        rule,
        shown: whole ? all : all.slice(0, SHOWN),
        folded: whole ? [] : all.slice(SHOWN),
      };
    });
    return [{ severity, count: own.length, rules }];
  });
}

export const foldKey = (severity: Severity, rule: string): string => `${severity} ${rule}`;
