/** What schedules do, in the person's language. */

import { RecurrenceError } from "@quern/contract/schedule-times/errors";
import {
  type NthWeekday,
  type Recurrence,
  readRecurrence,
  type TimeOfDay,
} from "@quern/contract/schedule-times/recurrence";
import type { FiringOutcome } from "@quern/contract/schedules";
import { language, t } from "../i18n/language.ts";

const list = new Intl.ListFormat(language, { type: "conjunction" });
const weekday = new Intl.DateTimeFormat(language, { weekday: "long", timeZone: "UTC" });
const weekdayShort = new Intl.DateTimeFormat(language, { weekday: "short", timeZone: "UTC" });
const dayOfYear = new Intl.DateTimeFormat(language, {
  day: "numeric",
  month: "long",
  timeZone: "UTC",
});
const date = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeZone: "UTC" });

/** Of 1, Monday, to 7. 1 January 2001 was a Monday. */
export function weekdayName(day: number, style: "long" | "short" = "long"): string {
  return (style === "long" ? weekday : weekdayShort).format(Date.UTC(2001, 0, day));
}

/** `Every Monday and Thursday at 09:00`; what cannot be read stays as it stands. */
export function recurrenceWords(text: string): string {
  try {
    return describe(readRecurrence(text));
  } catch (error) {
    if (error instanceof RecurrenceError) return text;
    throw error;
  }
}

function describe(recurrence: Recurrence): string {
  switch (recurrence.type) {
    case "minutes":
      return everyMinutes(recurrence.minutes);
    case "hourly":
      return recurrence.minute === 0
        ? t("Every hour")
        : t("Every hour at {minute} past", { minute: `:${two(recurrence.minute)}` });
    case "days": {
      const { every: n, from } = recurrence;
      const times = timesText(recurrence.times);
      const words =
        n === 1
          ? t("Every day at {times}", { times })
          : t("Every {n} days at {times}", { n, times });
      return withFrom(words, from);
    }
    case "weeks":
      return withFrom(weekWords(recurrence), recurrence.from);
    case "month_days":
      return monthDayWords(recurrence);
    case "month_weekday":
      return NTH_WORDS[recurrence.nth]({
        weekday: weekdayName(recurrence.weekday),
        times: timesText(recurrence.times),
      });
    case "yearly": {
      const { month, day } = recurrence;
      const on = dayOfYear.format(Date.UTC(2000, month - 1, day));
      return t("Every year on {date} at {times}", { date: on, times: timesText(recurrence.times) });
    }
    case "cron":
      return cronWords(recurrence.cron);
  }
}

type Named = { weekday: string; times: string };
const NTH_WORDS: Record<NthWeekday, (of: Named) => string> = {
  1: (of) => t("On the first {weekday} of every month at {times}", of),
  2: (of) => t("On the second {weekday} of every month at {times}", of),
  3: (of) => t("On the third {weekday} of every month at {times}", of),
  4: (of) => t("On the fourth {weekday} of every month at {times}", of),
  last: (of) => t("On the last {weekday} of every month at {times}", of),
};

function everyMinutes(minutes: number): string {
  if (minutes % 60 !== 0)
    return minutes === 1 ? t("Every minute") : t("Every {n} minutes", { n: minutes });
  return minutes === 60 ? t("Every hour") : t("Every {n} hours", { n: minutes / 60 });
}

function weekWords({ every: n, weekdays, times: at }: Extract<Recurrence, { type: "weeks" }>) {
  const times = timesText(at);
  const days = list.format(weekdays.map((day) => weekdayName(day)));
  if (n > 1) return t("Every {n} weeks on {days} at {times}", { n, days, times });
  if (weekdays.join() === "1,2,3,4,5") return t("Every weekday at {times}", { times });
  return t("Every {days} at {times}", { days, times });
}

function monthDayWords(recurrence: Extract<Recurrence, { type: "month_days" }>): string {
  const times = timesText(recurrence.times);
  const days = list.format(recurrence.days.map(String));
  if (recurrence.days.length === 0)
    return t("On the last day of every month at {times}", { times });
  return recurrence.last
    ? t("On day {days} and on the last day of every month at {times}", { days, times })
    : t("On day {days} of every month at {times}", { days, times });
}

function cronWords(cron: string): string {
  const [minute = "", hour = "", day, month, weekdays = ""] = cron.split(" ");
  if (day !== "*" || month !== "*") return t("By cron {cron}", { cron });
  const step = /^\*\/(\d+)$/.exec(minute)?.[1];
  if (weekdays === "*" && hour === "*" && minute === "*") return t("Every minute");
  if (weekdays === "*" && hour === "*" && step !== undefined && 60 % Number(step) === 0)
    return everyMinutes(Number(step));
  if (/^\d+$/.test(minute) && /^\d+$/.test(hour)) {
    const times = `${two(Number(hour))}:${two(Number(minute))}`;
    if (weekdays === "*") return t("Every day at {times}", { times });
    if (/^(1-5|mon-fri)$/i.test(weekdays)) return t("Every weekday at {times}", { times });
  }
  return t("By cron {cron}", { cron });
}

function withFrom(words: string, from: string | null): string {
  return from === null
    ? words
    : t("{words}, from {date} on", { words, date: date.format(Date.parse(from)) });
}

function timesText(times: readonly TimeOfDay[]): string {
  return list.format(times.map(({ hour, minute }) => `${two(hour)}:${two(minute)}`));
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

export const OUTCOME_WORDS: Record<FiringOutcome, string> = {
  enqueued: t("Run", { as: "noun" }),
  waiting: t("Waits for the runs before"),
  skipped_overlap: t("Skipped: the runs before went on"),
  skipped_misfire: t("Skipped: its time had passed"),
  failed: t("Could not run"),
};

const inZone = new Map<string, Intl.DateTimeFormat>();

/** `Sun, Nov 22, 09:00` on the clocks of a zone, the viewer's when the browser does not know it; with the year when it is far. */
export function formatInZone(instant: string, zone: string, now: number = Date.now()): string {
  const at = new Date(instant);
  const isFar = Math.abs(at.getTime() - now) > 300 * 86_400_000;
  const key = `${zone} ${isFar}`;
  let format = inZone.get(key);
  if (format === undefined) {
    format = new Intl.DateTimeFormat(language, {
      ...{ weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
      ...{ hourCycle: "h23", timeZone: knownZone(zone) },
      ...(isFar ? { year: "numeric" } : {}),
    } as Intl.DateTimeFormatOptions);
    inZone.set(key, format);
  }
  return format.format(at);
}

function knownZone(zone: string): string | undefined {
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: zone });
    return zone;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The zone of this browser. */
export const OWN_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
