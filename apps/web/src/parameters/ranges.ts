import type { ParameterValue, RangeUnit, RelativeRange } from "@quern/contract/parameters";
import { isFixedRange, isRelative } from "./address.ts";

export const UNITS: RangeUnit[] = ["minute", "hour", "day", "week", "month", "quarter", "year"];

/** What people ask for most, in the order of the menu. */
export const PRESETS: RelativeRange[] = [
  { relative: "this", unit: "day" },
  { relative: "last", count: 1, unit: "day" },
  { relative: "last", count: 7, unit: "day" },
  { relative: "last", count: 30, unit: "day" },
  { relative: "this", unit: "week" },
  { relative: "last", count: 1, unit: "week" },
  { relative: "this", unit: "month" },
  { relative: "last", count: 1, unit: "month" },
  { relative: "this", unit: "quarter" },
  { relative: "this", unit: "year" },
  { relative: "last", count: 1, unit: "year" },
  { relative: "next", count: 7, unit: "day" },
];

const capital = (text: string) => text[0]!.toUpperCase() + text.slice(1);

/** `Last 7 days`, `Yesterday`, `This month`, `Last 3 hours and this one`. */
export function relativeWords(range: RelativeRange): string {
  const { relative, unit } = range;
  const count = range.count ?? 1;
  if (relative === "this") return unit === "day" ? "Today" : `This ${unit}`;
  if (unit === "day" && count === 1 && !range.include_current)
    return relative === "last" ? "Yesterday" : "Tomorrow";
  const words = count === 1 ? `${relative} ${unit}` : `${relative} ${count} ${unit}s`;
  return capital(words) + (range.include_current ? " and this one" : "");
}

/** A date range as its control shows it; null when there is none. The end is not in the range. */
export function rangeWords(value: ParameterValue | undefined): string | null {
  if (isRelative(value)) return relativeWords(value);
  if (!isFixedRange(value)) return null;
  return `${value.start || "…"} → ${value.end || "…"}`;
}
