/** Recurrences: what people write, as data, and back. */
import { RecurrenceError } from "./errors.ts";
import { checkCron } from "./marks.ts";
import { readDate, readTimes, readWeekdays, WEEKDAY } from "./recurrence-words.ts";

export type TimeOfDay = { hour: number; minute: number };
export type NthWeekday = 1 | 2 | 3 | 4 | "last";

/** Weekdays are 1, Monday, to 7; `from` is an ISO date before which nothing fires, and from which `every` is counted. */
export type Recurrence =
  | { type: "minutes"; minutes: number }
  | { type: "hourly"; minute: number }
  | { type: "days"; every: number; from: string | null; times: TimeOfDay[] }
  | {
      type: "weeks";
      every: number;
      weekdays: number[];
      from: string | null;
      times: TimeOfDay[];
    }
  | { type: "month_days"; days: number[]; last: boolean; times: TimeOfDay[] }
  | { type: "month_weekday"; nth: NthWeekday; weekday: number; times: TimeOfDay[] }
  | { type: "yearly"; month: number; day: number; times: TimeOfDay[] }
  | { type: "cron"; cron: string };

const UNITS: Record<string, "minute" | "hour" | "day" | "week" | "month"> = {};
for (const [unit, spellings] of [
  ["minute", "m min mins minute minutes"],
  ["hour", "h hr hrs hour hours"],
  ["day", "d day days"],
  ["week", "w week weeks"],
  ["month", "month months"],
] as const)
  for (const spelling of spellings.split(" ")) UNITS[spelling] = unit;

const EXAMPLES =
  "every 15m, hourly :20, daily 03:00, weekdays 08:30, weekly mon,thu 09:00, monthly 1 06:00, monthly last 06:00, or cron such as 30 8 * * 1-5";
export const MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");
const DAYS_OF_MONTH = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const NTH: Record<string, NthWeekday> = {
  first: 1,
  "1st": 1,
  second: 2,
  "2nd": 2,
  third: 3,
  "3rd": 3,
  fourth: 4,
  "4th": 4,
  last: "last",
};
const MOST = { minute: 44_640, hour: 744, day: 366, week: 52 };

/** Reads words or cron; case and blanks do not matter. Throws `RecurrenceError`, which says what to write. */
export function readRecurrence(text: string): Recurrence {
  const words = text
    .trim()
    .toLowerCase()
    .replace(/\s*,\s*|\s+and\s+/g, ",")
    .replace(/\b(at|on|the)\b/g, " ")
    .replace(/\s+/g, " ")
    .trim();
  if (words === "") throw new RecurrenceError(`Write when it fires: ${EXAMPLES}.`);
  const [first = "", ...rest] = words.split(" ");
  switch (first) {
    case "every":
      return readEvery(rest, text);
    case "hourly":
      return readHourly(rest);
    case "daily":
      return { type: "days", every: 1, from: null, times: readTimes(rest, "daily 03:00") };
    case "weekdays":
      return weekly([1, 2, 3, 4, 5], readTimes(rest, "weekdays 08:30"));
    case "weekends":
      return weekly([6, 7], readTimes(rest, "weekends 10:00"));
    case "weekly":
      return weekly(
        readWeekdays(rest[0], "weekly mon 09:00"),
        readTimes(rest.slice(1), "weekly mon 09:00"),
      );
    case "monthly":
      return readMonthly(rest);
    case "yearly":
      return readYearly(rest);
    default:
      return readCron(words, text);
  }
}

function weekly(weekdays: number[], times: TimeOfDay[]): Recurrence {
  return { type: "weeks", every: 1, weekdays, from: null, times };
}

/** `every 15m`, `every 2 hours`, `every hour`, `every 2 days 06:00`, `every 3 weeks tue 09:00 from 2026-11-24`, `every mon 09:00`. */
function readEvery(words: string[], text: string): Recurrence {
  const found = /^(\d+)? ?([a-z]+)?(?: (.*))?$/.exec(words.join(" "));
  const unit = found?.[2] === undefined ? undefined : UNITS[found[2]];
  if (!found || unit === undefined) return readEveryDay(words, text);
  const every = found[1] === undefined ? 1 : Number(found[1]);
  const { rest, from } = takeFrom(found[3]?.split(" ") ?? []);
  if (unit === "month") {
    if (every === 1) return readMonthly(rest);
    throw new RecurrenceError(
      `Every ${every} months cannot be said in words: write cron, such as 0 6 1 */${every} *.`,
    );
  }
  if (every < 1 || every > MOST[unit])
    throw new RecurrenceError(
      `“${text.trim()}” is out of bounds: it may be every 1 to ${MOST[unit]} ${unit}s.`,
    );
  if (unit === "minute" || unit === "hour") {
    if (rest.length > 0 || from !== null) {
      throw new RecurrenceError(
        `Write nothing after every ${words.filter((word) => !rest.includes(word)).join(" ")}: it runs around the clock. For an hour of the day write daily 03:00.`,
      );
    }
    return { type: "minutes", minutes: every * (unit === "hour" ? 60 : 1) };
  }
  if (unit === "day") {
    return { type: "days", every, from, times: readTimes(rest, "every 2 days 06:00") };
  }
  const example = "every 2 weeks fri 09:00";
  const weekdays = readWeekdays(rest[0], example);
  return { type: "weeks", every, weekdays, from, times: readTimes(rest.slice(1), example) };
}

function readEveryDay(words: string[], text: string): Recurrence {
  const [what = "", ...rest] = words;
  if (what === "weekday") return readRecurrence(["weekdays", ...rest].join(" "));
  if (WEEKDAY.test(what)) return readRecurrence(["weekly", ...words].join(" "));
  if (/^\d+ ?s(ec|econds?)?\b/.test(words.join(" ")))
    throw new RecurrenceError("The shortest is a minute: every 1m.");
  throw new RecurrenceError(
    `“${text.trim()}” cannot be read. Write every and how often: every 15m, every 2h, every 2 days 06:00, every 3 weeks tue 09:00 or every mon 09:00.`,
  );
}

/** Splits off `from 2026-11-24`. */
function takeFrom(words: string[]): { rest: string[]; from: string | null } {
  const at = words.indexOf("from");
  if (at === -1) return { rest: words, from: null };
  return {
    rest: words.slice(0, at),
    from: readDate(words.slice(at + 1).join(" "), "every 2 weeks fri 09:00 from 2026-11-27"),
  };
}

function readHourly([minutes = ":00", ...more]: string[]): Recurrence {
  const minute = Number(/^:?([0-5]?\d)$/.exec(minutes)?.[1] ?? Number.NaN);
  if (Number.isNaN(minute) || more.length > 0) {
    throw new RecurrenceError(
      `“${[minutes, ...more].join(" ")}” is no minute of the hour: write hourly, or hourly :20.`,
    );
  }
  return { type: "hourly", minute };
}

function readMonthly(words: string[]): Recurrence {
  const example = "monthly 1 06:00";
  const [which = "", second = "", ...more] = words;
  const nth = NTH[which];
  if (nth !== undefined && WEEKDAY.test(second)) {
    const weekdays = readWeekdays(second, "monthly first mon 09:00");
    if (weekdays.length > 1)
      throw new RecurrenceError(
        `Write one day of the week after ${which}: monthly ${which} mon 09:00.`,
      );
    return { type: "month_weekday", nth, weekday: weekdays[0]!, times: readTimes(more, example) };
  }
  const given = which.split(",").filter((day) => day !== "");
  const days = given
    .filter((day) => day !== "last")
    .map((day) => Number(/^(\d{1,2})(st|nd|rd|th)?\.?$/.exec(day)?.[1] ?? Number.NaN));
  if (given.length === 0 || days.some((day) => !(day >= 1 && day <= 31))) {
    throw new RecurrenceError(
      `“${which}” is no day of the month: write 1 to 31 or last, such as monthly 1 06:00, monthly 1,15 06:00, monthly last 06:00 or monthly first mon 09:00.`,
    );
  }
  return {
    type: "month_days",
    days: [...new Set(days)].sort((one, other) => one - other),
    last: given.includes("last"),
    times: readTimes([second, ...more].filter(Boolean), example),
  };
}

function readYearly([named = "", dated = "", ...rest]: string[]): Recurrence {
  const example = "yearly mar 1 06:00";
  const month = MONTHS.indexOf(named.slice(0, 3)) + 1;
  const day = /^\d{1,2}$/.test(dated) ? Number(dated) : 0;
  if (month === 0 || day === 0) {
    throw new RecurrenceError(
      `“${[named, dated].join(" ").trim()}” is no day of the year: write ${example}.`,
    );
  }
  if (day > DAYS_OF_MONTH[month - 1]!) {
    throw new RecurrenceError(
      `It would never fire: ${named} has no day ${day}. Write another day, such as ${example}.`,
    );
  }
  return { type: "yearly", month, day, times: readTimes(rest, example) };
}

function readCron(words: string, text: string): Recurrence {
  const looksLikeCron = /^[\d*]/.test(words) && words.includes(" ");
  if (!looksLikeCron) {
    throw new RecurrenceError(`“${text.trim()}” cannot be read. Write ${EXAMPLES}.`);
  }
  const cron = text.trim().replace(/\s+/g, " ");
  checkCron(cron);
  return { type: "cron", cron };
}
