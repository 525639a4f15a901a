/** The parts of a finding in few words, for rules. */
import type { Evidence, Severity } from "@quern/contract/health/findings";
import type { Fix, Found, Judgement } from "./rule.ts";

type Unit = Evidence["unit"];

/** One measured fact; `threshold` is what it was held against. */
export function fact(
  key: string,
  value: Evidence["value"],
  unit: Unit = "count",
  threshold?: number | undefined,
): Evidence {
  return threshold === undefined ? { key, value, unit } : { key, value, unit, threshold };
}

/** A finding of high confidence without a window unless `more` says otherwise. */
export function found(
  object: string,
  severity: Severity,
  evidence: Evidence[],
  more: Partial<Found> = {},
): Found {
  return {
    ...{ object, severity, evidence, confidence: "high", window: null },
    ...{ statement_id: null, fix: null, ...more },
  };
}

/** SQL that mends it, to run by hand. */
export function fixBy(sql: string, words: string, sandbox = false): Fix {
  return { sql, words, sandbox };
}

/** What mends it, where no statement can be given. */
export function advice(words: string): Fix {
  return { sql: null, words, sandbox: false };
}

export function judged(findings: Found[]): Judgement {
  return { state: "judged", found: findings };
}

/** It cannot be told yet; say how much is missing. */
export function notEnough(reason: string, hint: string | null = null): Judgement {
  return { state: "not_enough_data", reason, hint };
}

export function notApplicable(reason: string): Judgement {
  return { state: "not_applicable", reason, hint: null };
}

/** The gravest severity whose threshold `value` reaches; undefined below all. */
export function severityBy(
  value: number,
  thresholds: Partial<Record<Severity, number>>,
): Severity | undefined {
  const order: Severity[] = ["critical", "warning", "info"];
  return order.find((severity) => value >= (thresholds[severity] ?? Number.POSITIVE_INFINITY));
}
