/** The words that recurrences are made of: weekdays, times of day, dates. */
import { RecurrenceError } from "./errors.ts";
import type { TimeOfDay } from "./recurrence.ts";

export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const ONE_DAY =
  "(?:mon(?:days?)?|tue(?:s|sdays?)?|wed(?:nesdays?)?|thu(?:r|rs|rsdays?)?|fri(?:days?)?|sat(?:urdays?)?|sun(?:days?)?)";
const DAYS = `${ONE_DAY}(?:-${ONE_DAY})?`;
/** Weekdays in English, whole or by three letters, with commas, and ranges. */
export const WEEKDAY = new RegExp(`^${DAYS}(?:,${DAYS})*$`);

/** `mon,thu` or `mon-fri` to sorted numbers from 1, Monday. Throws `RecurrenceError`. */
export function readWeekdays(text: string | undefined, example: string): number[] {
  if (text === undefined || !WEEKDAY.test(text)) {
    throw new RecurrenceError(
      text === undefined
        ? `Write on which days: ${example}.`
        : `“${text}” is no day of the week. Write mon, tue, wed, thu, fri, sat or sun, such as ${example}.`,
    );
  }
  const days = text.split(",").flatMap((part) => {
    const [first = 0, last = first] = part.split("-").map(weekdayOf);
    const count = ((last - first + 7) % 7) + 1;
    return Array.from({ length: count }, (_, index) => ((first + index) % 7) + 1);
  });
  return [...new Set(days)].sort((one, other) => one - other);
}

/** From 0, Monday. */
function weekdayOf(name: string): number {
  return WEEKDAYS.indexOf(name.slice(0, 3));
}

/** `06:00` or `06:00,18:00`, sorted. Throws `RecurrenceError`. */
export function readTimes(words: readonly string[], example: string): TimeOfDay[] {
  const text = words.join(" ");
  if (text === "") throw new RecurrenceError(`Write the time of day, too: ${example}.`);
  const times = text.split(",").map((time) => {
    const found = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(time);
    if (!found) {
      throw new RecurrenceError(
        `“${time}” is no time of day. Write 00:00 to 23:59, such as ${example}.`,
      );
    }
    return { hour: Number(found[1]), minute: Number(found[2]) };
  });
  const minutes = new Set(times.map(({ hour, minute }) => hour * 60 + minute));
  return [...minutes]
    .sort((one, other) => one - other)
    .map((minute) => ({ hour: Math.floor(minute / 60), minute: minute % 60 }));
}

/** An ISO date that is in the calendar. Throws `RecurrenceError`. */
export function readDate(text: string, example: string): string {
  const at = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(at) || new Date(at).toISOString().slice(0, 10) !== text)
    throw new RecurrenceError(`“${text}” is no date. Write it as in ${example}.`);
  return text;
}
