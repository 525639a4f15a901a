import type { TimeFormat } from "@quern/contract/number-format";
import { language } from "../i18n/language.ts";
import { instantAt, wallOf } from "./instants.ts";

type Style = TimeFormat["style"];
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MONTH = 30 * DAY;
const YEAR = 365 * DAY;

const STEPS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((count) => count * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE),
  ...[1, 2, 3, 6, 12].map((count) => count * HOUR),
  ...[1, 2, 4, 7, 14].map((count) => count * DAY),
];
const MONTH_STEPS = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 6000, 12_000];

export type TimeTicks = { at: number[]; step: number };

/** Instants for an axis from `from` to `to`, at most about `most` of them, on round clock times of `zone`. */
export function timeTicks(from: number, to: number, most: number, zone: string): TimeTicks {
  const span = Math.max(1, to - from);
  const step = STEPS.find((each) => span / each <= most);
  const [start, end] = [wallOf(from, zone), wallOf(to, zone)];
  const at: number[] = [];
  if (step !== undefined) {
    // Weeks begin on Monday: 1970-01-05.
    const origin = step % (7 * DAY) === 0 ? 4 * DAY : 0;
    for (let wall = Math.ceil((start - origin) / step) * step + origin; wall <= end; wall += step)
      at.push(instantAt(wall, zone));
    return { at: within(at, from, to), step };
  }
  const months = MONTH_STEPS.find((each) => span / (each * MONTH) <= most) ?? 12_000;
  const first = new Date(start);
  const begin = Math.ceil((first.getUTCFullYear() * 12 + first.getUTCMonth()) / months) * months;
  for (let month = begin; Date.UTC(Math.floor(month / 12), month % 12, 1) <= end; month += months)
    at.push(instantAt(Date.UTC(Math.floor(month / 12), month % 12, 1), zone));
  return { at: within(at, from, to), step: months * MONTH };
}

const within = (at: number[], from: number, to: number): number[] =>
  [...new Set(at)].filter((each) => each >= from && each <= to);

const formats = new Map<string, Intl.DateTimeFormat>();
function format(
  zone: string,
  key: string,
  options: Intl.DateTimeFormatOptions,
): Intl.DateTimeFormat {
  const known = formats.get(`${zone} ${key}`);
  if (known) return known;
  const made = new Intl.DateTimeFormat(language, { timeZone: zone, hourCycle: "h23", ...options });
  formats.set(`${zone} ${key}`, made);
  return made;
}

const PARTS: Record<string, Intl.DateTimeFormatOptions> = {
  year: { year: "numeric" },
  month: { month: "short" },
  month_year: { month: "short", year: "numeric" },
  day: { month: "short", day: "numeric" },
  date: { year: "numeric", month: "short", day: "numeric" },
  minute: { hour: "2-digit", minute: "2-digit" },
  second: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  millisecond: {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    fractionalSecondDigits: 3,
  },
  datetime: {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
  },
  datetime_second: {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  },
};
const write = (instant: number, zone: string, key: string): string =>
  format(zone, key, PARTS[key] ?? {}).format(instant);

/** A tick: only what changes from one to the next; a new day or year says so. */
export function tickWords(instant: number, step: number, zone: string, style: Style): string {
  if (style !== "auto") return styledWords(instant, zone, style);
  const wall = new Date(wallOf(instant, zone));
  if (step >= YEAR) return write(instant, zone, "year");
  if (step >= MONTH) return write(instant, zone, wall.getUTCMonth() === 0 ? "year" : "month");
  if (step >= DAY || wall.getTime() % DAY === 0) return write(instant, zone, "day");
  if (step >= MINUTE) return write(instant, zone, "minute");
  return write(instant, zone, step >= SECOND ? "second" : "millisecond");
}

function styledWords(instant: number, zone: string, style: Exclude<Style, "auto">): string {
  const key = {
    date: "date",
    datetime: "datetime",
    time: "minute",
    month: "month_year",
    year: "year",
  };
  return write(instant, zone, key[style]);
}

/** A place of the axis in full: seconds and clock times only where they say something. `step` 0: not known. */
export function instantWords(instant: number, step: number, zone: string, style: Style): string {
  if (style !== "auto") return styledWords(instant, zone, style);
  const wall = wallOf(instant, zone);
  if (step >= 28 * DAY && new Date(wall).getUTCDate() === 1 && wall % DAY === 0)
    return write(instant, zone, "month_year");
  if (wall % DAY === 0 && (step === 0 || step % DAY === 0)) return write(instant, zone, "date");
  return write(instant, zone, wall % MINUTE === 0 ? "datetime" : "datetime_second");
}
