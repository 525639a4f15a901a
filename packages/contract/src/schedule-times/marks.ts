/**
 * Marks on a wall clock, by no zone: each is the number of milliseconds that its date and time would be since 1970 if the
 * clock showed UTC. Zones come in when marks become instants (schedule-times.ts).
 */
import { Cron, CronPattern } from "croner";
import { RecurrenceError } from "./errors.ts";
import type { Recurrence, TimeOfDay } from "./recurrence.ts";

export type Marks = {
  /** The first mark after `wall`; null when there is none within 40 years. */
  after(wall: number): number | null;
  /** Minutes after which the marks of any day look the same again, where they go on through every hour of it; else null. */
  period_min: number | null;
};

export const MINUTE_MS = 60_000;
export const DAY_MS = 86_400_000;
const DAY_MIN = 1440;
/** 29 February that is the fifth of its weekday comes back after 28 years, and after 40 around 2100. */
const SEARCHED_DAYS = 40 * 366;
/** A Monday, from which `every 2 days` and `every 3 weeks` are counted when nothing else is said. */
export const COUNTED_FROM = "2001-01-01";

/** The marks of a recurrence; null for those that go by elapsed time (see `elapsedMinutes`). */
export function marksOf(recurrence: Recurrence): Marks | null {
  switch (recurrence.type) {
    case "minutes": {
      if (elapsedMinutes(recurrence) !== null) return null;
      const { minutes } = recurrence;
      const count = DAY_MIN / minutes;
      const ofDay = Array.from({ length: count }, (_, index) => index * minutes);
      return { after: onDays(() => true, ofDay), period_min: minutes };
    }
    case "hourly": {
      const ofDay = Array.from({ length: 24 }, (_, hour) => hour * 60 + recurrence.minute);
      return { after: onDays(() => true, ofDay), period_min: 60 };
    }
    case "cron":
      return cronMarks(recurrence.cron);
    default:
      return { after: onDays(dayRule(recurrence), minutesOf(recurrence.times)), period_min: null };
  }
}

/** Minutes between times of `every 7m` or `every 5h`: those that do not divide a day are counted from an anchor; else null. */
export function elapsedMinutes(recurrence: Recurrence): number | null {
  return recurrence.type === "minutes" && DAY_MIN % recurrence.minutes !== 0
    ? recurrence.minutes
    : null;
}

/** Parses five fields. Throws `RecurrenceError`. */
export function checkCron(text: string): void {
  const fields = text.split(" ").length;
  if (fields !== 5) {
    throw new RecurrenceError(
      `“${text}” has ${fields} fields, and cron has five here: minute, hour, day of the month, month, day of the week, such as 30 8 * * 1-5.`,
    );
  }
  try {
    new CronPattern(text, "UTC", { mode: "5-part" });
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    const why = error.message.replace(/^CronPattern: /, "").replace(/\.$/, "");
    throw new RecurrenceError(
      `“${text}” is no cron that can be read: ${why}. Write five fields (minute, hour, day of the month, month, day of the week), such as 30 8 * * 1-5.`,
    );
  }
}

function cronMarks(text: string): Marks {
  const cron = new Cron(text, { mode: "5-part", timezone: "UTC", paused: true });
  const { hour, minute } = new CronPattern(text, "UTC", { mode: "5-part" });
  return {
    after: (wall) => cron.nextRun(new Date(wall))?.getTime() ?? null,
    period_min: hour.every((on) => on === 1) ? periodOf(minute) : null,
  };
}

/** The smallest shift that maps the set of minutes of an hour onto itself. */
function periodOf(minute: readonly number[]): number {
  const shifts = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30];
  const fits = (shift: number) => minute.every((on, at) => on === minute[(at + shift) % 60]);
  return shifts.find(fits) ?? 60;
}

/** Marks at these minutes of every day for which `matches(days since 1970-01-01)`. */
function onDays(matches: (day: number) => boolean, minutes: readonly number[]) {
  return (wall: number): number | null => {
    const today = Math.floor(wall / DAY_MS);
    for (let day = today; day <= today + SEARCHED_DAYS; day++) {
      if (!matches(day)) continue;
      const minute = minutes.find((each) => day * DAY_MS + each * MINUTE_MS > wall);
      if (minute !== undefined) return day * DAY_MS + minute * MINUTE_MS;
    }
    return null;
  };
}

function minutesOf(times: readonly TimeOfDay[]): number[] {
  const minutes = times.map(({ hour, minute }) => hour * 60 + minute);
  return [...new Set(minutes)].sort((one, other) => one - other);
}

type ByDays = Exclude<Recurrence, { type: "minutes" | "hourly" | "cron" }>;

function dayRule(recurrence: ByDays): (day: number) => boolean {
  switch (recurrence.type) {
    case "days": {
      const { every, from } = recurrence;
      const first = dayNumber(from ?? COUNTED_FROM);
      return (day) => (from === null || day >= first) && modulo(day - first, every) === 0;
    }
    case "weeks": {
      const { every, from, weekdays } = recurrence;
      const first = dayNumber(from ?? COUNTED_FROM);
      const monday = first - (weekdayOf(first) - 1);
      return (day) =>
        (from === null || day >= first) &&
        weekdays.includes(weekdayOf(day)) &&
        modulo(Math.floor((day - monday) / 7), every) === 0;
    }
    case "month_days": {
      const { days, last } = recurrence;
      return (day) => days.includes(dateOf(day)) || (last && dateOf(day + 1) === 1);
    }
    case "month_weekday": {
      const { nth, weekday } = recurrence;
      return (day) =>
        weekdayOf(day) === weekday &&
        (nth === "last" ? dateOf(day + 7) <= 7 : Math.ceil(dateOf(day) / 7) === nth);
    }
    default: {
      const { month, day: date } = recurrence;
      return (day) => dateOf(day) === date && monthOf(day) === month;
    }
  }
}

/** Days from 1970-01-01 to an ISO date. */
function dayNumber(date: string): number {
  return Date.parse(`${date}T00:00:00Z`) / DAY_MS;
}

/** 1, Monday, to 7. */
function weekdayOf(day: number): number {
  return modulo(day + 3, 7) + 1;
}

function dateOf(day: number): number {
  return new Date(day * DAY_MS).getUTCDate();
}

function monthOf(day: number): number {
  return new Date(day * DAY_MS).getUTCMonth() + 1;
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}
