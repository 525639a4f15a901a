/** Findings and rules in words: severities, categories, states, and the facts with their units. */
import type { Category } from "@quern/contract/health/databases";
import type { Evidence, Finding, RuleState, Severity } from "@quern/contract/health/findings";
import { shareWords } from "../../chart/number-words.ts";
import { t } from "../../i18n/language.ts";
import { formatBytes } from "../../words/bytes.ts";
import { formatCount, formatDecimal } from "../../words/count.ts";
import { formatDuration } from "../../words/duration.ts";
import { exactInstant, formatInstant, formatSecond } from "../../words/instants.ts";
import { sqlLine } from "../../words/sql-line.ts";
import type { Tone } from "../../words/tone.ts";
import { exactValue } from "../values.ts";
import { evidenceText, ruleText } from "./rule-texts.ts";

export const SEVERITIES = ["critical", "warning", "info"] as const satisfies readonly Severity[];

const SEVERITY_TONES: Record<Severity, Tone> = {
  critical: { words: t("Critical"), icon: "i-lucide-octagon-alert", color: "error" },
  warning: { words: t("Warning"), icon: "i-lucide-triangle-alert", color: "warning" },
  info: { words: t("Info"), icon: "i-lucide-info", color: "neutral" },
};

export function severityTone(severity: Severity): Tone {
  return SEVERITY_TONES[severity];
}

export const CATEGORY_NAMES: Record<Category, string> = {
  connections: t("Connections"),
  performance: t("Performance"),
  storage: t("Storage"),
  replication: t("Replication"),
  maintenance: t("Maintenance"),
  horizon: t("Horizon and wraparound"),
  wal: t("WAL and checkpoints"),
  locks: t("Locks"),
};

export const RULE_STATES: Record<RuleState, Tone> = {
  finding: { words: t("Found something"), icon: "i-lucide-triangle-alert", color: "warning" },
  ok: { words: t("Nothing found"), icon: "i-lucide-circle-check", color: "success" },
  not_enough_data: { words: t("Not enough data"), icon: "i-lucide-hourglass", color: "neutral" },
  no_permission: { words: t("No permission"), icon: "i-lucide-lock", color: "warning" },
  not_applicable: { words: t("Does not apply"), icon: "i-lucide-circle-slash", color: "neutral" },
};

export const CONFIDENCE_WORDS: Record<Finding["confidence"], string> = {
  high: t("High: the facts leave little doubt."),
  medium: t("Medium: part of it is an estimate, or the window is not full."),
  low: t("Low: an estimate, or little was seen. Look for yourself before you change anything."),
};

/** Whether it is shown, and why not. */
type FindingStatus = "open" | "snoozed" | "muted" | "resolved";

export const STATUS_WORDS: Record<FindingStatus | "all", string> = {
  open: t("Open", { as: "many" }),
  snoozed: t("Snoozed"),
  muted: t("Muted"),
  resolved: t("Resolved"),
  all: t("All"),
};

export function statusOf(
  finding: Pick<Finding, "resolved_at" | "muted" | "snoozed_until">,
  now: number,
): FindingStatus {
  if (finding.resolved_at !== null) return "resolved";
  if (finding.muted !== null) return "muted";
  const { snoozed_until } = finding;
  return snoozed_until !== null && Date.parse(snoozed_until) > now ? "snoozed" : "open";
}

/** The same of one of them, without a time. */
export const STATE_WORDS: Record<FindingStatus, string> = {
  open: t("Open", { as: "state" }),
  snoozed: t("Snoozed", { as: "one" }),
  muted: t("Muted", { as: "one" }),
  resolved: t("Resolved", { as: "one" }),
};

/** Words that are written otherwise than the key has them. */
const SPELLINGS: Record<string, string> = { wal: "WAL", pid: "PID", sql: "SQL", xmin: "xmin" };

/** What a fact is called. A unit at the end of the key is left out, since the value says it. */
export function evidenceLabel({ key, unit }: Pick<Evidence, "key" | "unit">): string {
  const said = evidenceText(key);
  if (said !== null) return said;
  const bare = unit === "bytes" || unit === "ms" ? key.replace(/_(?:bytes|ms)$/, "") : key;
  const words = bare
    .split("_")
    .map((word) => SPELLINGS[word] ?? word)
    .join(" ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

type Printed = { words: string; exact: string | null };
const plain = (words: string): Printed => ({ words, exact: null });

/** Numbers that are names: nobody reads a process as 12,345. */
const NAMED = /^(?:.+_)?pid$/;

/** Ratios of one thing to another, not parts of a whole. */
const TIMES = /(?:^|_)(?:times|pressure)(?:_|$)/;

/** A fact's value as people read it, or its threshold where that is given. */
export function printFact(
  { key, value, unit }: Pick<Evidence, "key" | "value" | "unit">,
  threshold?: number | null,
): Printed {
  const given = threshold ?? value;
  if (NAMED.test(key) && given !== null) return plain(String(given));
  if (typeof given === "number" && (unit === "ratio" || unit === "count") && TIMES.test(key))
    return { words: `${trimmed(given, given < 10 ? 1 : 0)} ×`, exact: exactValue(given, "count") };
  return printValue(given, unit);
}

/** A value as people read it, and the whole of it where that is shortened. */
function printValue(value: Evidence["value"], unit: Evidence["unit"]): Printed {
  if (value === null) return plain(t("unknown"));
  if (typeof value === "boolean") return plain(value ? t("yes") : t("no"));
  if (typeof value === "string")
    return unit === "time" ? printTime(value) : plain(unit === "text" ? ruleText(value) : value);
  switch (unit) {
    case "bytes":
      return { words: formatBytes(value), exact: t("{n} byte | {n} bytes", { n: value }) };
    case "ms":
      return { words: formatDuration(value), exact: exactValue(value, unit) };
    case "seconds":
      return { words: formatDuration(value * 1000), exact: exactValue(value, unit) };
    case "ratio":
      return { words: shareWords(value), exact: exactValue(value, unit) };
    case "xids":
      return plain(t("{n} transaction | {n} transactions", { n: value }));
    case "time":
      return printTime(new Date(value).toISOString());
    case "count":
    case "text":
    case "sql":
      return printCount(value);
  }
}

function printCount(value: number): Printed {
  if (Number.isInteger(value)) return plain(formatCount(value));
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return { words: trimmed(value, digits), exact: exactValue(value, "count") };
}

/** `digits` after the point, less the zeros at the end. */
function trimmed(value: number, digits: number): string {
  const rounded = Number(value.toFixed(digits));
  const needed = /\.(\d+)$/.exec(String(rounded))?.[1]?.length ?? 0;
  return digits === 0 ? formatCount(rounded) : formatDecimal(rounded, needed);
}

/** A date without a time is that day everywhere. */
function printTime(text: string): Printed {
  const instant = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T12:00:00` : text;
  if (Number.isNaN(Date.parse(instant))) return plain(text);
  return { words: formatInstant(instant), exact: instant === text ? exactInstant(instant) : text };
}

const INSTANT = /\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z/g;

/** What a finding is about, in a line: a statement by its text, others by their name; empty for the whole database. */
export function objectLine({
  object,
  statement_id,
  evidence,
}: Pick<Finding, "object" | "statement_id" | "evidence">): string {
  const query = evidence.find(({ unit, value }) => unit === "sql" && typeof value === "string");
  if (statement_id !== null && query) return sqlLine(String(query.value), 200);
  return object.replace(INSTANT, (instant) => formatSecond(instant));
}
