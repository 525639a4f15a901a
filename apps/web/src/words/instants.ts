import { language, t } from "../i18n/language.ts";
import { DAY } from "./duration.ts";

const today = new Intl.DateTimeFormat(language, {
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});
const todaySecond = new Intl.DateTimeFormat(language, { timeStyle: "medium", hourCycle: "h23" });
const thisYear = new Intl.DateTimeFormat(language, {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});
const thisYearSecond = new Intl.DateTimeFormat(language, {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const anyYearSecond = new Intl.DateTimeFormat(language, {
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const anyYear = new Intl.DateTimeFormat(language, {
  day: "numeric",
  month: "short",
  year: "numeric",
});
const exact = new Intl.DateTimeFormat(language, {
  weekday: "short",
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hourCycle: "h23",
  timeZoneName: "short",
});

/** An instant in the viewer's zone, as short as it can be understood: `14:03`, `Nov 3, 14:03`, `Nov 3, 2024`. */
export function formatInstant(instant: string, now: number = Date.now()): string {
  const date = new Date(instant);
  const then = new Date(now);
  if (date.toDateString() === then.toDateString()) return today.format(date);
  return (date.getFullYear() === then.getFullYear() ? thisYear : anyYear).format(date);
}

/** As `formatInstant`, with the second: to tell apart what happened in the same minute. */
export function formatSecond(instant: string, now: number = Date.now()): string {
  const date = new Date(instant);
  const then = new Date(now);
  if (date.toDateString() === then.toDateString()) return todaySecond.format(date);
  return (date.getFullYear() === then.getFullYear() ? thisYearSecond : anyYearSecond).format(date);
}

/** The whole instant in the viewer's zone, for a hover. */
export function exactInstant(instant: string): string {
  return exact.format(new Date(instant));
}

/** How long ago (or ahead): `now`, `12 s ago`, `5 min ago`, `3 h ago`, `2 d ago`, `in 3 d`. */
export function formatAge(instant: string, now: number = Date.now()): string {
  const seconds = Math.round((now - Date.parse(instant)) / 1000);
  const size = Math.abs(seconds);
  if (size < 3) return t("now");
  const words = sizeInWords(size);
  return seconds > 0 ? t("{time} ago", { time: words }) : t("in {time}", { time: words });
}

function sizeInWords(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_570) return `${Math.round(seconds / 60)} min`;
  if (seconds < 84_600) return `${Math.round(seconds / 3_600)} h`;
  if (seconds < 5_184_000) return `${Math.round(seconds / 86_400)} ${DAY}`;
  if (seconds < 63_072_000)
    return t("{n} month | {n} months", { n: Math.round(seconds / 2_629_800) });
  return t("{n} year | {n} years", { n: Math.round(seconds / 31_557_600) });
}
