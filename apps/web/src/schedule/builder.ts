/** A recurrence as the fields of a form, and back. What they cannot say is written as text. */
import { RecurrenceError } from "@quern/contract/schedule-times/errors";
import {
  type NthWeekday,
  type Recurrence,
  readRecurrence,
} from "@quern/contract/schedule-times/recurrence";
import { writeRecurrence } from "@quern/contract/schedule-times/words";

export type Kind = "interval" | "hourly" | "daily" | "weekly" | "monthly" | "text";

export type Fields = {
  kind: Kind;
  /** Of an interval. */
  count: number;
  unit: "minute" | "hour";
  /** Of every hour. */
  minute: number;
  time: string;
  /** 1, Monday, to 7. */
  weekdays: number[];
  weeks: number;
  by: "day" | "last" | "weekday";
  day: number;
  nth: NthWeekday;
  weekday: number;
  text: string;
};

export const FRESH: Fields = {
  kind: "daily",
  count: 15,
  unit: "minute",
  minute: 0,
  time: "08:00",
  weekdays: [1, 2, 3, 4, 5],
  weeks: 1,
  by: "day",
  day: 1,
  nth: 1,
  weekday: 1,
  text: "",
};

/** What the fields say, as text that the server reads. */
export function textOf(fields: Fields): string {
  const recurrence = recurrenceOf(fields);
  return recurrence === null ? fields.text.trim() : writeRecurrence(recurrence);
}

function recurrenceOf(fields: Fields): Recurrence | null {
  const [hour = 0, minute = 0] = fields.time.split(":").map(Number);
  const times = [{ hour, minute }];
  switch (fields.kind) {
    case "interval":
      return { type: "minutes", minutes: fields.count * (fields.unit === "hour" ? 60 : 1) };
    case "hourly":
      return { type: "hourly", minute: fields.minute };
    case "daily":
      return { type: "days", every: 1, from: null, times };
    case "weekly": {
      const weekdays = [...fields.weekdays].sort((one, other) => one - other);
      return { type: "weeks", every: fields.weeks, weekdays, from: null, times };
    }
    case "monthly":
      if (fields.by === "weekday")
        return { type: "month_weekday", nth: fields.nth, weekday: fields.weekday, times };
      return {
        type: "month_days",
        days: fields.by === "day" ? [fields.day] : [],
        last: fields.by === "last",
        times,
      };
    case "text":
      return null;
  }
}

/** The fields that say this; as text when none do. */
export function fieldsOf(text: string): Fields {
  const asText: Fields = { ...FRESH, kind: "text", text };
  try {
    const found = fieldsFor(readRecurrence(text));
    // Only what comes back the same may be shown in fields.
    return found === null ? asText : { ...FRESH, text, ...found };
  } catch (error) {
    if (error instanceof RecurrenceError) return asText;
    throw error;
  }
}

function fieldsFor(recurrence: Recurrence): Partial<Fields> | null {
  switch (recurrence.type) {
    case "minutes": {
      const { minutes } = recurrence;
      return minutes % 60 === 0
        ? { kind: "interval", count: minutes / 60, unit: "hour" }
        : { kind: "interval", count: minutes, unit: "minute" };
    }
    case "hourly":
      return { kind: "hourly", minute: recurrence.minute };
    case "days":
      return recurrence.every === 1 ? withTime(recurrence, { kind: "daily" }) : null;
    case "weeks":
      return withTime(recurrence, {
        kind: "weekly",
        weekdays: recurrence.weekdays,
        weeks: recurrence.every,
      });
    case "month_days": {
      const [day] = recurrence.days;
      if (recurrence.days.length + Number(recurrence.last) !== 1) return null;
      return withTime(recurrence, {
        kind: "monthly",
        ...(day === undefined ? { by: "last" } : { by: "day", day }),
      });
    }
    case "month_weekday": {
      const { nth, weekday } = recurrence;
      return withTime(recurrence, { kind: "monthly", by: "weekday", nth, weekday });
    }
    default:
      return null;
  }
}

function withTime(
  recurrence: { times: { hour: number; minute: number }[]; from?: string | null },
  fields: Partial<Fields>,
): Partial<Fields> | null {
  const [time] = recurrence.times;
  if (time === undefined || recurrence.times.length > 1 || (recurrence.from ?? null) !== null)
    return null;
  const two = (value: number) => String(value).padStart(2, "0");
  return { ...fields, time: `${two(time.hour)}:${two(time.minute)}` };
}
