/**
 * Times in the person's language. Types without a time zone are never shifted: they are written as they stand. What the
 * calendar of the browser cannot say (infinity, years BC, years beyond 9999) stays the engine's own text.
 */
import type { TimeFormat } from "@quern/contract/number-format";
import type { Cell, ColumnType } from "@quern/contract/results";
import { language } from "../i18n/language.ts";

const STAMP =
  /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?(?:Z|([+-])(\d\d)(?::?(\d\d)(?::?(\d\d))?)?)?$/;
const CLOCK = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?/;

/** Milliseconds since 1970 in UTC of an engine's text; of types without a zone, as if it were UTC. null for what has none. */
export function instantOf(text: string): number | null {
  const match = STAMP.exec(text);
  if (match === null) return null;
  const part = (index: number) => Number(match[index] ?? 0);
  const ms = Number((match[7] ?? "").padEnd(3, "0").slice(0, 3));
  const date = new Date(0);
  date.setUTCFullYear(part(1), part(2) - 1, part(3));
  date.setUTCHours(part(4), part(5), part(6), ms);
  const offset = (part(9) * 3600 + part(10) * 60 + part(11)) * (match[8] === "-" ? -1 : 1);
  return date.getTime() - offset * 1000;
}

/** How fine the times of a column are: a column of midnights shows days only, one of whole minutes no seconds. */
type Precision = "day" | "minute" | "second" | "millisecond";

const ORDER: Precision[] = ["day", "minute", "second", "millisecond"];

/** The coarsest precision that loses nothing of these cells; microseconds are one hover away. */
export function precisionOf(cells: Cell[], type: ColumnType): Precision {
  if (type === "date") return "day";
  let finest = 0;
  for (const cell of cells) {
    const at = typeof cell === "string" ? instantOf(cell) : null;
    if (at === null) continue;
    const own = at % 1000 !== 0 ? 3 : at % 60_000 !== 0 ? 2 : at % 86_400_000 !== 0 ? 1 : 0;
    finest = Math.max(finest, own);
  }
  // A midnight in UTC is none in another zone.
  if (finest === 0 && type === "timestamptz") return "minute";
  return ORDER[finest] ?? "minute";
}

const CLOCKS: Record<Exclude<Precision, "day">, Intl.DateTimeFormatOptions> = {
  minute: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  second: { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  millisecond: {
    ...{ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
    fractionalSecondDigits: 3,
  },
};
const DAY = { year: "numeric", month: "short", day: "numeric" } as const;

function optionsOf(style: TimeFormat["style"], precision: Precision): Intl.DateTimeFormatOptions {
  const clock = CLOCKS[precision === "day" ? "minute" : precision];
  switch (style) {
    case "year":
      return { year: "numeric" };
    case "month":
      return { year: "numeric", month: "long" };
    case "date":
      return DAY;
    case "time":
      return clock;
    case "datetime":
      return { ...DAY, ...clock };
    case "auto":
      return precision === "day" ? DAY : { ...DAY, ...clock };
  }
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatIn(zone: string | undefined, options: Intl.DateTimeFormatOptions) {
  const key = JSON.stringify([zone, options]);
  let format = formats.get(key);
  if (format === undefined) {
    format = new Intl.DateTimeFormat(
      language,
      zone === undefined ? options : { ...options, timeZone: zone },
    );
    formats.set(key, format);
  }
  return format;
}

/** True for names that this browser knows, such as `America/Toronto`. */
export function isTimeZone(zone: string): boolean {
  try {
    formatIn(zone, DAY);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

type TimeOptions = {
  /** Of the whole column, by `precisionOf`; the cell's own when left out. */
  precision?: Precision;
  /** For timestamptz without a zone in its format; null or left out: the viewer's. */
  zone?: string | null;
};

/**
 * A time cell in words: `Nov 21, 2026`, `Nov 21, 2026, 03:54`, `03:54:07`, `November 2026`, `2026`. NULL is the empty text.
 * A `timestamptz` is shown in the format's zone, else in `zone`, else in the viewer's; a zone that the browser does not
 * know leaves the exact text.
 */
export function formatTime(
  value: Cell,
  type: ColumnType,
  format: TimeFormat = { style: "auto" },
  { precision, zone }: TimeOptions = {},
): string {
  if (value === null) return "";
  const text = String(value);
  if (type === "time") return clockTime(text, format.style, precision);
  const at = instantOf(text);
  if (at === null) return text;
  const shownIn = type === "timestamptz" ? (format.time_zone ?? zone ?? undefined) : "UTC";
  if (shownIn !== undefined && !isTimeZone(shownIn)) return text;
  const fine = precision ?? precisionOf([value], type);
  return formatIn(shownIn, optionsOf(format.style, fine)).format(at);
}

/** A time of day has no date to show: all styles give the clock. */
function clockTime(text: string, style: TimeFormat["style"], precision?: Precision): string {
  const match = CLOCK.exec(text);
  if (match === null || style === "date" || style === "month" || style === "year") return text;
  if (precision === "minute") return `${match[1]}:${match[2]}`;
  return text;
}
