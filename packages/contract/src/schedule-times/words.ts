/** What a recurrence means, in English. The web app says it in the person's language by itself. */
import { MONTHS, type NthWeekday, type Recurrence, type TimeOfDay } from "./recurrence.ts";
import { WEEKDAYS } from "./recurrence-words.ts";

const DAY_NAMES = [
  "Monday",
  "Tuesday",
  "Wednesday",
  "Thursday",
  "Friday",
  "Saturday",
  "Sunday",
] as const;
const MONTH_NAMES = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
] as const;
const NTH_NAMES: Record<NthWeekday, string> = {
  1: "first",
  2: "second",
  3: "third",
  4: "fourth",
  last: "last",
};

/** `Every Monday and Thursday at 09:00`. */
export function describeRecurrence(recurrence: Recurrence): string {
  switch (recurrence.type) {
    case "minutes":
      return everyMinutes(recurrence.minutes);
    case "hourly":
      return recurrence.minute === 0
        ? "Every hour"
        : `Every hour, ${recurrence.minute} ${recurrence.minute === 1 ? "minute" : "minutes"} past`;
    case "days":
      return `${recurrence.every === 1 ? "Every day" : `Every ${recurrence.every} days`} ${at(recurrence.times)}${from(recurrence.from)}`;
    case "weeks": {
      const days = weekdayWords(recurrence.weekdays);
      const weeks = recurrence.every === 1 ? "" : ` of every ${ordinal(recurrence.every)} week`;
      return `Every ${days}${weeks} ${at(recurrence.times)}${from(recurrence.from)}`;
    }
    case "month_days": {
      const days = recurrence.days.map((day) => `day ${day}`);
      if (recurrence.last) days.push("the last day");
      return capital(`${list(days)} of every month ${at(recurrence.times)}`);
    }
    case "month_weekday":
      return `The ${NTH_NAMES[recurrence.nth]} ${DAY_NAMES[recurrence.weekday - 1]} of every month ${at(recurrence.times)}`;
    case "yearly":
      return `Every year on ${recurrence.day} ${MONTH_NAMES[recurrence.month - 1]} ${at(recurrence.times)}`;
    case "cron":
      return cronWords(recurrence.cron);
  }
}

/** As it is written: the shortest text that `readRecurrence` reads as this. */
export function writeRecurrence(recurrence: Recurrence): string {
  switch (recurrence.type) {
    case "minutes":
      return recurrence.minutes % 60 === 0
        ? `every ${recurrence.minutes / 60}h`
        : `every ${recurrence.minutes}m`;
    case "hourly":
      return recurrence.minute === 0 ? "hourly" : `hourly :${two(recurrence.minute)}`;
    case "days": {
      const { every, times } = recurrence;
      const start = every === 1 && recurrence.from === null ? "daily" : `every ${every} days`;
      return `${start} ${timesText(times)}${fromText(recurrence.from)}`;
    }
    case "weeks": {
      const { every, weekdays, times } = recurrence;
      if (every === 1 && recurrence.from === null) {
        if (weekdays.join() === "1,2,3,4,5") return `weekdays ${timesText(times)}`;
        return `weekly ${weekdayText(weekdays)} ${timesText(times)}`;
      }
      return `every ${every} weeks ${weekdayText(weekdays)} ${timesText(times)}${fromText(recurrence.from)}`;
    }
    case "month_days": {
      const days = [...recurrence.days.map(String), ...(recurrence.last ? ["last"] : [])];
      return `monthly ${days.join(",")} ${timesText(recurrence.times)}`;
    }
    case "month_weekday":
      return `monthly ${NTH_NAMES[recurrence.nth]} ${weekdayText([recurrence.weekday])} ${timesText(recurrence.times)}`;
    case "yearly":
      return `yearly ${MONTHS[recurrence.month - 1]} ${recurrence.day} ${timesText(recurrence.times)}`;
    case "cron":
      return recurrence.cron;
  }
}

function everyMinutes(minutes: number): string {
  if (minutes % 60 !== 0) return minutes === 1 ? "Every minute" : `Every ${minutes} minutes`;
  return minutes === 60 ? "Every hour" : `Every ${minutes / 60} hours`;
}

/** The plain cases in words; others as they stand. */
function cronWords(cron: string): string {
  const [minute = "", hour = "", date = "", month = "", weekday = ""] = cron.split(" ");
  const everyDay = date === "*" && month === "*" && weekday === "*";
  if (everyDay && hour === "*" && minute === "*") return "Every minute";
  const step = /^\*\/(\d+)$/.exec(minute)?.[1];
  if (everyDay && hour === "*" && step !== undefined && 60 % Number(step) === 0)
    return everyMinutes(Number(step));
  const isAt = /^\d{1,2}$/.test(minute) && /^\d{1,2}$/.test(hour);
  const time = `at ${two(Number(hour))}:${two(Number(minute))}`;
  if (isAt && everyDay) return `Every day ${time}`;
  if (isAt && date === "*" && month === "*" && /^(1-5|mon-fri)$/i.test(weekday))
    return `Every weekday ${time}`;
  return `By cron ${cron}`;
}

function weekdayWords(weekdays: readonly number[]): string {
  if (weekdays.join() === "1,2,3,4,5") return "weekday";
  return list(weekdays.map((day) => DAY_NAMES[day - 1]!));
}

function weekdayText(weekdays: readonly number[]): string {
  return weekdays.map((day) => WEEKDAYS[day - 1]).join(",");
}

function at(times: readonly TimeOfDay[]): string {
  return `at ${list(times.map(timeText))}`;
}

function timesText(times: readonly TimeOfDay[]): string {
  return times.map(timeText).join(",");
}

function timeText({ hour, minute }: TimeOfDay): string {
  return `${two(hour)}:${two(minute)}`;
}

function from(date: string | null): string {
  return date === null ? "" : `, from ${date} on`;
}

function fromText(date: string | null): string {
  return date === null ? "" : ` from ${date}`;
}

function ordinal(count: number): string {
  const ending =
    count % 100 >= 11 && count % 100 <= 13 ? "th" : (["th", "st", "nd", "rd"][count % 10] ?? "th");
  return count === 2 ? "second" : count === 3 ? "third" : `${count}${ending}`;
}

function list(words: readonly string[]): string {
  return words.length < 2
    ? (words[0] ?? "")
    : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
