import type { ParameterValue } from "@quern/contract/parameters";
import { t } from "../i18n/language.ts";
import { spanWords } from "../parameters/ranges.ts";

/** A parameter's value as a caller gave it: `NULL`, `all`, `last 7 days`, `2026-01-01 to 2026-02-01`, `ATL, ORD`. */
export function givenWords(value: ParameterValue): string {
  if (value === null) return "NULL";
  if (Array.isArray(value)) return listWords(value);
  if (typeof value !== "object") return String(value);
  if ("all" in value) return t("all");
  if ("start" in value) return t("{start} to {end}", { start: value.start, end: value.end });
  const span = spanWords(value);
  const words = span.slice(0, 1).toLowerCase() + span.slice(1);
  return value.include_current ? t("{range} with the current one", { range: words }) : words;
}

/** What was bound: an array as a list in braces. */
export function boundWords(value: string | string[] | null): string {
  if (value === null) return "NULL";
  return Array.isArray(value) ? `{${listWords(value)}}` : value;
}

function listWords(values: string[]): string {
  const shown = values.slice(0, 20).join(", ");
  return values.length > 20
    ? t("{names} and {count} more", { names: shown, count: values.length - 20 })
    : shown;
}
