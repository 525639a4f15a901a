/** Dates and times as PostgreSQL writes them in ISO style, as numbers; the other way round is in `format.ts`. */

export type Instant = bigint | "infinity" | "-infinity";

const DAY_MICROS = 86_400_000_000n;
const DATE = /^(\d{1,7})-(\d{1,2})-(\d{1,2})( BC)?$/i;
const TIMESTAMP =
  /^(\d{1,7}-\d{1,2}-\d{1,2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?)?\s?(Z|[+-]\d{2}(?::?\d{2}(?::?\d{2})?)?)?( BC)?$/i;

/** Days since 1970-01-01; null for what is no date. */
export function parseDate(text: string): Instant | null {
  const word = infinite(text);
  if (word !== null) return word;
  const match = DATE.exec(text);
  if (match === null) return null;
  const era = match[4] === undefined ? 1 : -1;
  const year = era * Number(match[1]) + (era === -1 ? 1 : 0);
  const [month, day] = [Number(match[2]), Number(match[3])];
  if (match[1]?.replace(/0/g, "") === "" || month < 1 || month > 12 || day < 1) return null;
  return day > daysOf(year, month) ? null : BigInt(daysFromCivil(year, month, day));
}

/** Microseconds since 1970-01-01 00:00, of UTC when `zoned`; null for what is no time. A zone counts only then. */
export function parseTimestamp(text: string, zoned: boolean): Instant | null {
  const word = infinite(text);
  if (word !== null) return word;
  const match = TIMESTAMP.exec(text);
  if (match === null) return null;
  const [, date = "", hours = "0", minutes = "0", seconds = "0", fraction = "", zone, bc = ""] =
    match;
  const days = parseDate(`${date}${bc}`);
  if (
    typeof days !== "bigint" ||
    Number(hours) > 23 ||
    Number(minutes) > 59 ||
    Number(seconds) > 59
  )
    return null;
  if (zone !== undefined && !zoned) return null;
  const clock = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds) - zoneSeconds(zone);
  return days * DAY_MICROS + BigInt(clock) * 1_000_000n + BigInt(fraction.padEnd(6, "0"));
}

function infinite(text: string): "infinity" | "-infinity" | null {
  const word = text.toLowerCase();
  return word === "infinity" || word === "-infinity" ? word : null;
}

function zoneSeconds(zone: string | undefined): number {
  if (zone === undefined || /^z$/i.test(zone)) return 0;
  const [hours = "0", minutes = "0", seconds = "0"] = zone.slice(1).match(/\d{2}/g) ?? [];
  const size = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
  return zone.startsWith("-") ? -size : size;
}

function daysOf(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

/** Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": the proleptic Gregorian calendar, year 0 is 1 BC. */
function daysFromCivil(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}
