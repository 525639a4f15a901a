import type { ParameterValue } from "@quern/contract/parameters";
import { countOf } from "./count.ts";

/** A parameter's value as a caller gave it: `NULL`, `all`, `last 7 days`, `2026-01-01 to 2026-02-01`, `ATL, ORD`. */
export function givenWords(value: ParameterValue): string {
  if (value === null) return "NULL";
  if (Array.isArray(value)) return listWords(value);
  if (typeof value !== "object") return String(value);
  if ("all" in value) return "all";
  if ("start" in value) return `${value.start} to ${value.end}`;
  const { relative, count, unit, include_current } = value;
  if (relative === "this") return `this ${unit}`;
  const span = count === 1 ? unit : countOf(count ?? 1, unit);
  return `${relative} ${span}${include_current ? " with the current one" : ""}`;
}

/** What was bound: an array as a list in braces. */
export function boundWords(value: string | string[] | null): string {
  if (value === null) return "NULL";
  return Array.isArray(value) ? `{${listWords(value)}}` : value;
}

function listWords(values: string[]): string {
  const shown = values.slice(0, 20).join(", ");
  return values.length > 20 ? `${shown} and ${values.length - 20} more` : shown;
}
