import fc from "fast-check";
import { Temporal } from "temporal-polyfill";
import { describe, expect, test } from "vitest";
import { RecurrenceError } from "./schedule-times/errors.ts";
import { readRecurrence } from "./schedule-times/recurrence.ts";
import { readTimeZone, zoneNames } from "./schedule-times/time-zone.ts";
import { describeRecurrence, writeRecurrence } from "./schedule-times/words.ts";
import { nextTimes, openTimetable } from "./schedule-times.ts";

/** The next times in the zone's own clock, with its offset: `2026-03-29T03:00+02:00`, and what is said of them. */
function times(recurrence: string, zone: string, from: string, count: number): string[] {
  const at = Temporal.Instant.from(from).epochMilliseconds;
  return nextTimes(openTimetable(recurrence, zone), at, count).map(({ at, note }) => {
    const local = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);
    const text = local.toString({ timeZoneName: "never", smallestUnit: "minute" });
    return note === null ? text : `${text} ${note}`;
  });
}

function refusal(recurrence: string, zone = "UTC"): string {
  try {
    openTimetable(recurrence, zone);
  } catch (error) {
    if (error instanceof RecurrenceError) return error.message;
    throw error;
  }
  throw new Error(`“${recurrence}” was read`);
}

describe("clocks put forward", () => {
  test.each([
    ["daily 02:30", "Europe/Berlin", "2026-03-28T12:00+01:00"],
    ["30 2 * * *", "Europe/Berlin", "2026-03-28T12:00+01:00"],
  ])("%s: once, at the first instant after the gap", (recurrence, zone, from) => {
    expect(times(recurrence, zone, from, 2)).toEqual([
      "2026-03-29T03:00+02:00 moved_out_of_gap",
      "2026-03-30T02:30+02:00",
    ]);
  });

  test("several marks in the gap, and one right after it, are one", () => {
    expect(times("daily 02:00,02:30,03:00", "Europe/Berlin", "2026-03-28T12:00+01:00", 2)).toEqual([
      "2026-03-29T03:00+02:00 moved_out_of_gap",
      "2026-03-30T02:00+02:00",
    ]);
  });

  test("what fires in every hour makes nothing up for the hour that is skipped", () => {
    expect(times("hourly :20", "Europe/Berlin", "2026-03-29T00:30+01:00", 3)).toEqual([
      "2026-03-29T01:20+01:00",
      "2026-03-29T03:20+02:00",
      "2026-03-29T04:20+02:00",
    ]);
    expect(times("every 30m", "America/St_Johns", "2026-03-08T01:30-03:30", 2)).toEqual([
      "2026-03-08T03:00-02:30",
      "2026-03-08T03:30-02:30",
    ]);
  });

  test("every 2h keeps the marks of the day", () => {
    expect(times("every 2h", "America/Toronto", "2026-03-08T00:00-05:00", 3)).toEqual([
      "2026-03-08T03:00-04:00 moved_out_of_gap",
      "2026-03-08T04:00-04:00",
      "2026-03-08T06:00-04:00",
    ]);
  });

  test("half an hour on Lord Howe", () => {
    // 02:00 becomes 02:30 on 4 October.
    expect(times("daily 02:15", "Australia/Lord_Howe", "2026-10-03T12:00+10:30", 2)).toEqual([
      "2026-10-04T02:30+11:00 moved_out_of_gap",
      "2026-10-05T02:15+11:00",
    ]);
    expect(times("hourly", "Australia/Lord_Howe", "2026-10-04T00:30+10:30", 3)).toEqual([
      "2026-10-04T01:00+10:30",
      "2026-10-04T02:30+11:00 moved_out_of_gap",
      "2026-10-04T03:00+11:00",
    ]);
    expect(times("every 15m", "Australia/Lord_Howe", "2026-10-04T01:40+10:30", 3)).toEqual([
      "2026-10-04T01:45+10:30",
      "2026-10-04T02:30+11:00",
      "2026-10-04T02:45+11:00",
    ]);
  });
});

describe("clocks put back", () => {
  test("a time that comes twice fires at the first", () => {
    expect(times("daily 02:30", "Europe/Berlin", "2026-10-24T12:00+02:00", 2)).toEqual([
      "2026-10-25T02:30+02:00 first_of_two",
      "2026-10-26T02:30+01:00",
    ]);
    expect(times("daily 02:30", "Europe/Berlin", "2026-10-25T02:10+01:00", 1)).toEqual([
      "2026-10-26T02:30+01:00",
    ]);
    expect(times("daily 01:15", "America/St_Johns", "2026-10-31T12:00-02:30", 2)).toEqual([
      "2026-11-01T01:15-02:30 first_of_two",
      "2026-11-02T01:15-03:30",
    ]);
  });

  test("what fires in every hour goes on through the repeated hour", () => {
    expect(times("*/30 * * * *", "America/Toronto", "2026-11-01T00:45-04:00", 5)).toEqual([
      "2026-11-01T01:00-04:00",
      "2026-11-01T01:30-04:00",
      "2026-11-01T01:00-05:00",
      "2026-11-01T01:30-05:00",
      "2026-11-01T02:00-05:00",
    ]);
  });

  test("half an hour on Lord Howe", () => {
    // 02:00 becomes 01:30 on 5 April.
    expect(times("hourly :40", "Australia/Lord_Howe", "2026-04-05T01:00+11:00", 2)).toEqual([
      "2026-04-05T01:40+11:00 first_of_two",
      "2026-04-05T02:40+10:30",
    ]);
    expect(times("every 15m", "Australia/Lord_Howe", "2026-04-05T01:40+11:00", 3)).toEqual([
      "2026-04-05T01:45+11:00",
      "2026-04-05T01:30+10:30",
      "2026-04-05T01:45+10:30",
    ]);
  });
});

test("zones without summer time, and with quarters of an hour", () => {
  expect(times("daily 03:00", "America/Sao_Paulo", "2026-10-17T12:00-03:00", 2)).toEqual([
    "2026-10-18T03:00-03:00",
    "2026-10-19T03:00-03:00",
  ]);
  expect(times("hourly", "Asia/Kathmandu", "2026-01-01T00:10+05:45", 2)).toEqual([
    "2026-01-01T01:00+05:45",
    "2026-01-01T02:00+05:45",
  ]);
  // In 2017 São Paulo had no midnight on this day.
  expect(times("daily 00:00", "America/Sao_Paulo", "2017-10-14T12:00-03:00", 2)).toEqual([
    "2017-10-15T01:00-02:00 moved_out_of_gap",
    "2017-10-16T00:00-02:00",
  ]);
});

test("the calendar: the last minute of a day, leap days, ends of months, every third week", () => {
  expect(times("daily 23:59", "UTC", "2026-11-21T00:01Z", 2)).toEqual([
    "2026-11-21T23:59+00:00",
    "2026-11-22T23:59+00:00",
  ]);
  expect(times("yearly feb 29 12:00", "UTC", "2026-01-01T00:00Z", 2)).toEqual([
    "2028-02-29T12:00+00:00",
    "2032-02-29T12:00+00:00",
  ]);
  expect(times("0 0 29 2 *", "UTC", "2097-01-01T00:00Z", 1)).toEqual(["2104-02-29T00:00+00:00"]);
  expect(times("monthly last 06:00", "UTC", "2028-01-31T07:00Z", 2)).toEqual([
    "2028-02-29T06:00+00:00",
    "2028-03-31T06:00+00:00",
  ]);
  expect(times("monthly 31 06:00", "UTC", "2026-02-01T00:00Z", 2)).toEqual([
    "2026-03-31T06:00+00:00",
    "2026-05-31T06:00+00:00",
  ]);
  expect(times("monthly first mon 09:00", "UTC", "2026-11-21T00:00Z", 2)).toEqual([
    "2026-12-07T09:00+00:00",
    "2027-01-04T09:00+00:00",
  ]);
  expect(times("monthly last fri 09:00", "UTC", "2026-11-21T00:00Z", 2)).toEqual([
    "2026-11-27T09:00+00:00",
    "2026-12-25T09:00+00:00",
  ]);
  // Asked on a Thursday of the week after: two whole weeks are left.
  expect(times("every 3 weeks tue 09:00 from 2026-11-03", "UTC", "2026-11-12T00:00Z", 2)).toEqual([
    "2026-11-24T09:00+00:00",
    "2026-12-15T09:00+00:00",
  ]);
  expect(times("every 2 days 06:00 from 2027-03-01", "UTC", "2026-11-21T00:00Z", 2)).toEqual([
    "2027-03-01T06:00+00:00",
    "2027-03-03T06:00+00:00",
  ]);
});

test("intervals that divide no day go by elapsed time, from a fixed instant, over any change", () => {
  for (const [recurrence, minutes] of [
    ["every 7m", 7],
    ["every 5h", 300],
  ] as const) {
    const table = openTimetable(recurrence, "Europe/Berlin");
    const from = Date.parse("2026-10-24T12:00Z");
    const late = nextTimes(table, from, 300).map(({ at }) => at);
    expect(
      new Set(late.map((at, index) => at - (late[index - 1] ?? at - minutes * 60_000))),
    ).toEqual(new Set([minutes * 60_000]));
    // Asked at another time, the same instants.
    expect(table.after(late[99]! - 1)!.at).toBe(late[99]);
  }
});

const READ: [string, string, string][] = [
  ["Every 15 M", "every 15m", "Every 15 minutes"],
  ["every 2 hours", "every 2h", "Every 2 hours"],
  ["every minute", "every 1m", "Every minute"],
  ["every hour", "every 1h", "Every hour"],
  ["hourly", "hourly", "Every hour"],
  ["HOURLY :20", "hourly :20", "Every hour, 20 minutes past"],
  ["  daily   at 3:00 ", "daily 03:00", "Every day at 03:00"],
  ["daily 18:00, 06:00", "daily 06:00,18:00", "Every day at 06:00 and 18:00"],
  ["every day at 03:00", "every 1 days 03:00", "Every day at 03:00"],
  ["weekdays 08:30", "weekdays 08:30", "Every weekday at 08:30"],
  ["weekly mon-fri 08:30", "weekdays 08:30", "Every weekday at 08:30"],
  ["weekends 10:00", "weekly sat,sun 10:00", "Every Saturday and Sunday at 10:00"],
  [
    "weekly Thursday and Monday 09:00",
    "weekly mon,thu 09:00",
    "Every Monday and Thursday at 09:00",
  ],
  ["every tuesday 09:00", "weekly tue 09:00", "Every Tuesday at 09:00"],
  ["every weekday at 07:00", "weekdays 07:00", "Every weekday at 07:00"],
  [
    "every 3 weeks tue 09:00",
    "every 3 weeks tue 09:00",
    "Every Tuesday of every third week at 09:00",
  ],
  ["monthly 1 06:00", "monthly 1 06:00", "Day 1 of every month at 06:00"],
  [
    "monthly on the 1st, 15th at 06:00",
    "monthly 1,15 06:00",
    "Day 1 and day 15 of every month at 06:00",
  ],
  ["monthly last 06:00", "monthly last 06:00", "The last day of every month at 06:00"],
  ["monthly first mon 9:00", "monthly first mon 09:00", "The first Monday of every month at 09:00"],
  ["yearly march 1 06:00", "yearly mar 1 06:00", "Every year on 1 March at 06:00"],
  [" 30  8 * * 1-5", "30 8 * * 1-5", "Every weekday at 08:30"],
  ["*/15 * * * *", "*/15 * * * *", "Every 15 minutes"],
  ["0 6 1 */3 *", "0 6 1 */3 *", "By cron 0 6 1 */3 *"],
];

test.each(READ)("%j is %j: %s", (text, written, words) => {
  const read = readRecurrence(text);
  expect(describeRecurrence(read)).toBe(words);
  const again = writeRecurrence(read);
  if (!written.startsWith("every 1 ")) expect(again).toBe(written);
  expect(readRecurrence(again)).toEqual(read);
});

const REFUSED: [string, RegExp][] = [
  ["", /Write when it fires: every 15m/],
  ["when pigs fly", /“when pigs fly” cannot be read\. Write every 15m/],
  ["every now", /Write every and how often/],
  ["every 90s", /shortest is a minute/],
  ["every 30 seconds", /shortest is a minute/],
  ["every 0m", /1 to 44640 minutes/],
  ["every 99999999999999h", /1 to 744 hours/],
  ["every 15m 09:00", /Write nothing after every 15m/],
  ["every 2 months 06:00", /0 6 1 \*\/2 \*/],
  ["hourly 09:00", /no minute of the hour/],
  ["hourly :60", /no minute of the hour/],
  ["daily", /Write the time of day, too: daily 03:00/],
  ["daily 24:00", /“24:00” is no time of day/],
  ["daily 3pm", /“3pm” is no time of day/],
  ["weekly 09:00", /“09:00” is no day of the week/],
  ["weekly moonday 09:00", /“moonday” is no day of the week/],
  ["weekly mon", /Write the time of day, too/],
  ["monthly 32 06:00", /“32” is no day of the month/],
  ["monthly first mon,tue 06:00", /Write one day of the week/],
  ["yearly feb 30 06:00", /would never fire: feb has no day 30/],
  ["every 2 weeks fri 09:00 from 2026-02-30", /“2026-02-30” is no date/],
  ["* * * *", /has 4 fields, and cron has five here/],
  ["0 0 3 * * *", /has 6 fields/],
  ["61 * * * *", /no cron that can be read: Invalid value for minute: 61/],
  ["0 0 31 2 *", /would never fire/],
  ["0 0 30 2 *", /would never fire/],
];

test.each(REFUSED)("%j is refused with words", (text, words) => {
  expect(refusal(text)).toMatch(words);
});

test("zones that do not exist are refused with near names", () => {
  expect(refusal("hourly", "Europe/Berln")).toBe(
    "There is no time zone “Europe/Berln”. Did you mean Europe/Berlin?",
  );
  expect(refusal("hourly", "toronto")).toMatch(/Did you mean America\/Toronto/);
  expect(refusal("hourly", "Middle/Earth-Shire")).toMatch(/Write an IANA name/);
  expect(refusal("hourly", "+02:00")).toMatch(/There is no time zone/);
  expect(() => openTimetable("hourly", " europe/berlin ")).not.toThrow();
  expect(zoneNames()).toEqual(expect.arrayContaining(["Asia/Kathmandu", "Asia/Kolkata"]));
  expect(readTimeZone("asia/calcutta")).toBe("asia/calcutta");
  expect(refusal("hourly", "Kathmando")).toMatch(/Asia\/Kathmandu/);
});

const ZONES = [
  "UTC",
  "Europe/Berlin",
  "America/Toronto",
  "America/St_Johns",
  "America/Sao_Paulo",
  "Asia/Kathmandu",
  "Australia/Lord_Howe",
  "Africa/Casablanca",
  "Pacific/Apia",
];
const instants = fc.integer({
  min: Date.parse("2010-01-01T00:00Z"),
  max: Date.parse("2035-01-01T00:00Z"),
});

/** The first instant of a date and time in a zone, by Temporal; the first after the gap where there is none. */
function oracle(date: Temporal.PlainDate, hour: number, minute: number, zone: string): number {
  const local = date.toPlainDateTime({ hour, minute });
  const at = local.toZonedDateTime(zone, { disambiguation: "earlier" });
  if (at.toPlainDateTime().equals(local)) return at.epochMilliseconds;
  return at.getTimeZoneTransition("next")!.epochMilliseconds;
}

test("by Temporal: the next of a daily time is the earliest of the days around that is later", () => {
  fc.assert(
    fc.property(
      instants,
      fc.constantFrom(...ZONES),
      fc.nat(23),
      fc.nat(59),
      (now, zone, hour, minute) => {
        const today = Temporal.Instant.fromEpochMilliseconds(now)
          .toZonedDateTimeISO(zone)
          .toPlainDate();
        const around = [-2, -1, 0, 1, 2, 3].map((days) =>
          oracle(today.add({ days }), hour, minute, zone),
        );
        const recurrence = `${minute} ${hour} * * *`;
        expect(openTimetable(recurrence, zone).after(now)!.at).toBe(
          Math.min(...around.filter((at) => at > now)),
        );
      },
    ),
    { numRuns: 2_000 },
  );
});

test("by Temporal: every quarter of an hour, every instant whose clock shows one, and no other", () => {
  fc.assert(
    fc.property(instants, fc.constantFrom(...ZONES), (now, zone) => {
      const table = openTimetable("every 15m", zone);
      const next = table.after(now)!.at;
      const shows = (at: number) =>
        Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone).minute % 15 === 0;
      let minute = Math.floor(now / 60_000) + 1;
      while (!shows(minute * 60_000)) minute++;
      expect(next).toBe(minute * 60_000);
    }),
    { numRuns: 1_000 },
  );
});

test("times only go forward, and asking from anywhere before gives the same ones", () => {
  const recurrences = fc.constantFrom(
    "every 7m",
    "every 90m",
    "every 2h",
    "hourly :20",
    "daily 02:30,01:10",
    "weekly sun 02:30",
    "monthly last 02:30",
    "5,50 1-3 * * *",
    "*/7 * * * *",
    "15 * * * sun",
  );
  fc.assert(
    fc.property(
      instants,
      fc.constantFrom(...ZONES),
      recurrences,
      fc.nat(1_000),
      (now, zone, recurrence, back) => {
        const table = openTimetable(recurrence, zone);
        const some = nextTimes(table, now, 20).map(({ at }) => at);
        expect(some).toEqual([...new Set(some)].sort((one, other) => one - other));
        const at = some[19]!;
        const before = some[18]!;
        expect(table.after(before + Math.floor(((at - before) * back) / 1_001))!.at).toBe(at);
        expect(table.after(at)!.at).toBeGreaterThan(at);
      },
    ),
    { numRuns: 500 },
  );
});
