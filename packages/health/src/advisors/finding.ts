/** The parts of a finding in few words, for rules. */
import type { Evidence, Message, Severity } from "@quern/contract/health/findings";
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
export function fixBy(sql: string, words: string | Message, sandbox = false): Fix {
  return { sql, ...wordsOf(words), sandbox };
}

/** What mends it, where no statement can be given. */
export function advice(words: string | Message): Fix {
  return { sql: null, ...wordsOf(words), sandbox: false };
}

/**
 * A sentence with `{places}` for its values. All that people read of a rule is either one text as it stands or this, so
 * that the pages can say it in another language; a value that is such a text itself is said so, too.
 */
export function say(text: string, values: Message["values"]): Message {
  return { text, values };
}

function wordsOf(words: string | Message): { words: string; message: Message | null } {
  return typeof words === "string"
    ? { words, message: null }
    : { words: inEnglish(words), message: words };
}

function inEnglish({ text, values }: Message): string {
  return text.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
}

export function judged(findings: Found[]): Judgement {
  return { state: "judged", found: findings };
}

/** It cannot be told yet; say how much is missing. */
export function notEnough(reason: string | Message, hint: string | null = null): Judgement {
  return untold("not_enough_data", reason, hint);
}

export function notApplicable(reason: string | Message): Judgement {
  return untold("not_applicable", reason, null);
}

/** It cannot be told, for `reason`; `hint` mends it. */
export function untold(
  state: Exclude<Judgement["state"], "judged">,
  reason: string | Message,
  hint: string | null,
): Judgement {
  const { words, message } = wordsOf(reason);
  return { state, reason: words, message, hint };
}

/** The gravest severity whose threshold `value` reaches; undefined below all. */
export function severityBy(
  value: number,
  thresholds: Partial<Record<Severity, number>>,
): Severity | undefined {
  const order: Severity[] = ["critical", "warning", "info"];
  return order.find((severity) => value >= (thresholds[severity] ?? Number.POSITIVE_INFINITY));
}
