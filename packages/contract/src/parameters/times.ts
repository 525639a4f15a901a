/** Dates and times as ISO 8601 says them, to what PostgreSQL is sent: always written anew from what was read. */
import { Temporal } from "temporal-polyfill";
import type { ParameterValue } from "../parameters.ts";
import { ValueError } from "./errors.ts";

const DATE = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/;
const TIME =
  /^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:\.([0-9]{1,6}))?)?)?(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?$/;

export function isDateText(value: string): boolean {
  return DATE.test(value);
}

/** `2026-11-21`. A time of day is cut off, as PostgreSQL does; an offset is refused. */
export function dateText(value: ParameterValue): string {
  return localTime(value, "a date, such as 2026-11-21").toPlainDate().toString();
}

/** `2026-11-21T03:54:46.12`, by no zone. */
export function timestampText(value: ParameterValue): string {
  return localTime(value, "a time, such as 2026-11-21 03:54:46").toString();
}

/** The instant in UTC. A time without an offset is read in `zone`: of two the earlier, in a gap the later. */
export function timestamptzText(value: ParameterValue, zone: string): string {
  const { local, offset } = read(value, "a time, such as 2026-11-21T03:54:46+01:00");
  if (offset === null) return instantText(local.toZonedDateTime(zone).toInstant());
  const minutes = offset === "Z" ? 0 : offsetMinutes(offset);
  return instantText(local.toZonedDateTime("UTC").toInstant().subtract({ minutes }));
}

/** Throws for an instant that PostgreSQL would have to be told in another form. */
export function instantText(instant: Temporal.Instant): string {
  const text = instant.toString();
  if (!/^[0-9]/.test(text) || text.startsWith("0000")) throw new ValueError(OUT_OF_YEARS);
  return text;
}

export const OUT_OF_YEARS = "must be within the years 1 to 9999";

/** Whether this is a name of the IANA's time zone database, such as Europe/Berlin or UTC. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function localTime(value: ParameterValue, what: string): Temporal.PlainDateTime {
  const { local, offset } = read(value, what);
  if (offset !== null) {
    throw new ValueError(`must have no offset: this type has no time zone; leave ${offset} out`);
  }
  return local;
}

function read(value: ParameterValue, what: string) {
  const found = typeof value === "string" ? TIME.exec(value) : null;
  if (found === null) throw new ValueError(`must be ${what}`);
  const [, date = "", hour = "00", minute = "00", second = "00", fraction = "0", offset] = found;
  if (date.startsWith("0000")) throw new ValueError(OUT_OF_YEARS);
  try {
    const text = `${date}T${hour}:${minute}:${second}.${fraction}`;
    return { local: Temporal.PlainDateTime.from(text), offset: offset ?? null };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ValueError(`must be a day of the calendar: there is no ${date}`);
  }
}

function offsetMinutes(offset: string): number {
  const [, sign, hours, minutes = "0"] = /^([+-])([0-9]{2}):?([0-9]{2})?$/.exec(offset)!;
  const size = Number(hours) * 60 + Number(minutes);
  if (size > 15 * 60 + 59 || Number(minutes) > 59) {
    throw new ValueError("must have an offset from -15:59 to +15:59");
  }
  return sign === "-" ? -size : size;
}
