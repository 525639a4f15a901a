/** Time zones: their names, and the stretches of constant offset that their history is made of. */
import { Temporal } from "temporal-polyfill";
import { isTimeZone } from "../parameters/times.ts";
import { RecurrenceError } from "./errors.ts";

/**
 * A time between two changes of the clocks: from the instant `start` until before `end`, in milliseconds since 1970, clocks
 * are `offset` milliseconds ahead of UTC; before `start` they were `offset_before` ahead.
 */
export type Stretch = { start: number; end: number; offset: number; offset_before: number };

/** The name as IANA writes it. Throws `RecurrenceError` with near names when there is no such zone. */
export function readTimeZone(text: string): string {
  const name = text.trim();
  const lower = name.toLowerCase().replaceAll(" ", "_");
  const known = zoneNames().find((each) => each.toLowerCase() === lower);
  if (known !== undefined) return known;
  if (isTimeZone(name)) return name;
  const near = nearZones(lower);
  const hint =
    near.length > 0
      ? `Did you mean ${near.join(" or ")}?`
      : "Write an IANA name, such as America/Toronto, Europe/Berlin or UTC.";
  throw new RecurrenceError(`There is no time zone “${name}”. ${hint}`, "time_zone");
}

/** Names that JavaScript engines still list under the old spelling; they know the new one as well. */
const RENAMED: Record<string, string> = {
  "Africa/Asmera": "Africa/Asmara",
  "America/Buenos_Aires": "America/Argentina/Buenos_Aires",
  "America/Godthab": "America/Nuuk",
  "Asia/Calcutta": "Asia/Kolkata",
  "Asia/Katmandu": "Asia/Kathmandu",
  "Asia/Rangoon": "Asia/Yangon",
  "Asia/Saigon": "Asia/Ho_Chi_Minh",
  "Atlantic/Faeroe": "Atlantic/Faroe",
  "Europe/Kiev": "Europe/Kyiv",
  "Pacific/Ponape": "Pacific/Pohnpei",
  "Pacific/Truk": "Pacific/Chuuk",
};

/** Every IANA name that this system knows, UTC first. */
export function zoneNames(): string[] {
  if (names !== undefined) return names;
  const listed = Intl.supportedValuesOf("timeZone").map((name) => {
    const today = RENAMED[name];
    return today !== undefined && isTimeZone(today) ? today : name;
  });
  names = ["UTC", ...[...new Set(listed)].filter((name) => name !== "UTC").sort()];
  return names;
}
let names: string[] | undefined;

function nearZones(lower: string): string[] {
  const city = lower.split("/").at(-1)!;
  const scored = zoneNames().map((name) => {
    const its = name.toLowerCase();
    const itsCity = its.split("/").at(-1)!;
    return { name, distance: Math.min(distance(lower, its), distance(city, itsCity)) };
  });
  const closest = scored.filter(({ distance }) => distance <= Math.max(1, city.length / 3));
  return closest
    .sort((one, other) => one.distance - other.distance)
    .slice(0, 3)
    .map(({ name }) => name);
}

/** Levenshtein's: single characters to insert, delete or replace. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 0; i < one.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < other.length; j++) {
      const replaced = row[j]! + (one[i] === other[j] ? 0 : 1);
      next.push(Math.min(replaced, row[j + 1]! + 1, next[j]! + 1));
    }
    row = next;
  }
  return row[other.length]!;
}

const seen = new Map<string, Stretch[]>();
const SEEN_PER_ZONE = 8;

/** The stretch that holds the instant `at`. */
export function stretchAt(zone: string, at: number): Stretch {
  const known = seen.get(zone) ?? [];
  const cached = known.find(({ start, end }) => start <= at && at < end);
  if (cached) return cached;
  const here = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);
  // A millisecond on, since the change at this very instant counts.
  const start = here.add({ milliseconds: 1 }).getTimeZoneTransition("previous");
  const end = here.getTimeZoneTransition("next");
  const stretch = {
    start: start?.epochMilliseconds ?? Number.NEGATIVE_INFINITY,
    end: end?.epochMilliseconds ?? Number.POSITIVE_INFINITY,
    offset: here.offsetNanoseconds / 1e6,
    offset_before: (start?.subtract({ nanoseconds: 1 }) ?? here).offsetNanoseconds / 1e6,
  };
  seen.set(zone, [stretch, ...known].slice(0, SEEN_PER_ZONE));
  return stretch;
}
