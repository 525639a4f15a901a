import type { ParameterValue, RangeUnit, RelativeRange } from "@quern/contract/parameters";
import { t } from "../i18n/language.ts";
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

/** Units as a choice of one. */
export const UNIT_NAMES: Record<RangeUnit, string> = {
  minute: t("minutes"),
  hour: t("hours"),
  day: t("days"),
  week: t("weeks"),
  month: t("months"),
  quarter: t("quarters"),
  year: t("years"),
};
export const WITH_CURRENT: Record<RangeUnit, string> = {
  minute: t("With the minute that goes on now"),
  hour: t("With the hour that goes on now"),
  day: t("With the day that goes on now"),
  week: t("With the week that goes on now"),
  month: t("With the month that goes on now"),
  quarter: t("With the quarter that goes on now"),
  year: t("With the year that goes on now"),
};
const THIS: Record<RangeUnit, string> = {
  minute: t("This minute"),
  hour: t("This hour"),
  day: t("This day"),
  week: t("This week"),
  month: t("This month"),
  quarter: t("This quarter"),
  year: t("This year"),
};
const LAST: Record<RangeUnit, (n: number) => string> = {
  minute: (n) => t("Last minute | Last {n} minutes", { n }),
  hour: (n) => t("Last hour | Last {n} hours", { n }),
  day: (n) => t("Last day | Last {n} days", { n }),
  week: (n) => t("Last week | Last {n} weeks", { n }),
  month: (n) => t("Last month | Last {n} months", { n }),
  quarter: (n) => t("Last quarter | Last {n} quarters", { n }),
  year: (n) => t("Last year | Last {n} years", { n }),
};
const NEXT: Record<RangeUnit, (n: number) => string> = {
  minute: (n) => t("Next minute | Next {n} minutes", { n }),
  hour: (n) => t("Next hour | Next {n} hours", { n }),
  day: (n) => t("Next day | Next {n} days", { n }),
  week: (n) => t("Next week | Next {n} weeks", { n }),
  month: (n) => t("Next month | Next {n} months", { n }),
  quarter: (n) => t("Next quarter | Next {n} quarters", { n }),
  year: (n) => t("Next year | Next {n} years", { n }),
};

/** `This month`, `Last day`, `Next 7 days`: the range alone, whether or not what goes on now is in it. */
export function spanWords({ relative, unit, count }: RelativeRange): string {
  if (relative === "this") return THIS[unit];
  return (relative === "last" ? LAST : NEXT)[unit](count ?? 1);
}

/** `Last 7 days`, `Yesterday`, `This month`, `Last 3 hours and this one`. */
export function relativeWords(range: RelativeRange): string {
  const { relative, unit } = range;
  if (relative === "this") return unit === "day" ? t("Today") : THIS[unit];
  if (range.include_current) return t("{range} and this one", { range: spanWords(range) });
  if (unit === "day" && (range.count ?? 1) === 1)
    return relative === "last" ? t("Yesterday") : t("Tomorrow");
  return spanWords(range);
}

/** A date range as its control shows it; null when there is none. The end is not in the range. */
export function rangeWords(value: ParameterValue | undefined): string | null {
  if (isRelative(value)) return relativeWords(value);
  if (!isFixedRange(value)) return null;
  return `${value.start || "…"} → ${value.end || "…"}`;
}
