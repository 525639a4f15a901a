/** Ranges that move with the clock, resolved to half-open ranges [start, end). Weeks begin on Monday (ISO 8601). */
import { Temporal } from "temporal-polyfill";
import type { RangeUnit, RelativeRange } from "../parameters.ts";
import { ValueError } from "./errors.ts";
import { instantText, OUT_OF_YEARS } from "./times.ts";

/** Days of the calendar, `end` not included. */
export type DayRange = { start: string; end: string };

export function isDayUnit(unit: RangeUnit): boolean {
  return unit !== "minute" && unit !== "hour";
}

/** The days of a range of days or longer units, by the calendar of `zone` at `now`. */
export function relativeDays(range: RelativeRange, zone: string, now: Date): DayRange {
  const today = zoned(now, zone).toPlainDate();
  const current = startOfUnit(today, range.unit);
  const [from, to] = steps(range);
  const bound = (count: number) => dayText(current.add(lengthOf(range.unit, count)));
  try {
    return { start: bound(from), end: bound(to) };
  } catch (error) {
    if (error instanceof RangeError) throw new ValueError(OUT_OF_YEARS);
    throw error;
  }
}

/** The instants of any range, in UTC: days begin when they do in `zone`, hours have sixty minutes. */
export function relativeInstants(range: RelativeRange, zone: string, now: Date): DayRange {
  if (isDayUnit(range.unit)) {
    const days = relativeDays(range, zone, now);
    return { start: dayInstant(days.start, zone), end: dayInstant(days.end, zone) };
  }
  const current = zoned(now, zone).round({
    smallestUnit: range.unit as "minute" | "hour",
    roundingMode: "floor",
  });
  const [from, to] = steps(range);
  const bound = (count: number) =>
    instantText(current.add(lengthOf(range.unit, count)).toInstant());
  return { start: bound(from), end: bound(to) };
}

/** When a day begins in a zone; not at midnight where the clock is put forward then. */
function dayInstant(day: string, zone: string): string {
  return instantText(Temporal.PlainDate.from(day).toZonedDateTime(zone).toInstant());
}

function zoned(now: Date, zone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(now.getTime()).toZonedDateTimeISO(zone);
}

/** How many units before or after the current one the range begins and ends. */
function steps({ relative, count, include_current }: RelativeRange): [number, number] {
  if (relative === "this") {
    if (count !== undefined || include_current !== undefined) {
      throw new ValueError("must have no count and no include_current: those are of last and next");
    }
    return [0, 1];
  }
  const units = count ?? 1;
  if (relative === "last") return [-units, include_current ? 1 : 0];
  return [include_current ? 0 : 1, units + 1];
}

function startOfUnit(day: Temporal.PlainDate, unit: RangeUnit): Temporal.PlainDate {
  switch (unit) {
    case "week":
      return day.subtract({ days: day.dayOfWeek - 1 });
    case "month":
      return day.with({ day: 1 });
    case "quarter":
      return day.with({ day: 1, month: day.month - ((day.month - 1) % 3) });
    case "year":
      return day.with({ day: 1, month: 1 });
    default:
      return day;
  }
}

function lengthOf(unit: RangeUnit, count: number): Temporal.DurationLike {
  return unit === "quarter" ? { months: count * 3 } : { [`${unit}s`]: count };
}

function dayText(day: Temporal.PlainDate): string {
  if (day.year < 1 || day.year > 9999) throw new ValueError(OUT_OF_YEARS);
  return day.toString();
}
