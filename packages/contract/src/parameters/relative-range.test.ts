import { describe, expect, test } from "vitest";
import type { Parameter, ParameterValue } from "../parameters.ts";
import { boundValue } from "./value.ts";

const NOW = new Date("2016-06-07T12:13:55Z");

describe("ranges by the clock", () => {
  const ends = (range: ParameterValue, over: Partial<Parameter> = {}, now = NOW) => {
    const bound = boundValue({ name: "p", type: "date_range", ...over }, range, now);
    return bound.map(({ value }) => value).join(" ");
  };
  test.each<[ParameterValue, string]>([
    [{ relative: "this", unit: "day" }, "2016-06-07 2016-06-08"],
    [{ relative: "last", unit: "day" }, "2016-06-06 2016-06-07"],
    [{ relative: "last", count: 7, unit: "day" }, "2016-05-31 2016-06-07"],
    [{ relative: "last", count: 7, unit: "day", include_current: true }, "2016-05-31 2016-06-08"],
    [{ relative: "next", count: 3, unit: "day" }, "2016-06-08 2016-06-11"],
    [{ relative: "next", count: 3, unit: "day", include_current: true }, "2016-06-07 2016-06-11"],
    [{ relative: "this", unit: "week" }, "2016-06-06 2016-06-13"],
    [{ relative: "last", count: 2, unit: "week" }, "2016-05-23 2016-06-06"],
    [{ relative: "this", unit: "month" }, "2016-06-01 2016-07-01"],
    [{ relative: "last", count: 4, unit: "month" }, "2016-02-01 2016-06-01"],
    [{ relative: "this", unit: "quarter" }, "2016-04-01 2016-07-01"],
    [{ relative: "last", count: 2, unit: "quarter" }, "2015-10-01 2016-04-01"],
    [{ relative: "next", unit: "quarter" }, "2016-07-01 2016-10-01"],
    [{ relative: "last", count: 5, unit: "year" }, "2011-01-01 2016-01-01"],
    [{ relative: "this", unit: "hour" }, "2016-06-07T12:00:00Z 2016-06-07T13:00:00Z"],
    [{ relative: "last", count: 30, unit: "minute" }, "2016-06-07T11:43:00Z 2016-06-07T12:13:00Z"],
    [{ start: "2016-01-01", end: "2016-01-01" }, "2016-01-01 2016-01-01"],
    [
      { start: "2016-01-01", end: "2016-01-02T10:00Z" },
      "2016-01-01T00:00:00Z 2016-01-02T10:00:00Z",
    ],
  ])("%j", (range, expected) => expect(ends(range)).toBe(expected));

  test("a month's end and a leap day", () => {
    const at = (iso: string, unit: "month" | "day" | "year", count = 1) =>
      ends({ relative: "last", count, unit }, {}, new Date(iso));
    expect(at("2016-03-31T23:59:59Z", "month")).toBe("2016-02-01 2016-03-01");
    expect(at("2016-03-01T00:00:00Z", "day")).toBe("2016-02-29 2016-03-01");
    expect(at("2015-03-01T00:00:00Z", "day")).toBe("2015-02-28 2015-03-01");
    expect(at("2016-02-29T12:00:00Z", "year")).toBe("2015-01-01 2016-01-01");
    expect(at("1965-01-01T00:00:00.5Z", "day")).toBe("1964-12-31 1965-01-01");
  });

  test("the day is the zone's, and so are its ends as instants", () => {
    const zone = (time_zone: string, now: string, unit: "day" | "hour" = "day") =>
      ends({ relative: "this", unit }, { time_zone, bound_as: "timestamptz" }, new Date(now));
    expect(ends({ relative: "this", unit: "day" }, { time_zone: "Pacific/Kiritimati" })).toBe(
      "2016-06-08 2016-06-09",
    );
    expect(zone("Europe/Berlin", "2026-03-29T12:00:00Z")).toBe(
      "2026-03-28T23:00:00Z 2026-03-29T22:00:00Z",
    );
    expect(zone("Europe/Berlin", "2026-10-25T12:00:00Z")).toBe(
      "2026-10-24T22:00:00Z 2026-10-25T23:00:00Z",
    );
    expect(zone("Asia/Kathmandu", "2026-06-01T00:00:00Z")).toBe(
      "2026-05-31T18:15:00Z 2026-06-01T18:15:00Z",
    );
    expect(zone("Asia/Kathmandu", "2026-06-01T00:20:00Z", "hour")).toBe(
      "2026-06-01T00:15:00Z 2026-06-01T01:15:00Z",
    );
    // The second of the two hours from 2 to 3.
    expect(zone("Europe/Berlin", "2026-10-25T01:30:00Z", "hour")).toBe(
      "2026-10-25T01:00:00Z 2026-10-25T02:00:00Z",
    );
    // There is no midnight on that day.
    expect(zone("America/Sao_Paulo", "2018-11-04T12:00:00Z")).toBe(
      "2018-11-04T03:00:00Z 2018-11-05T02:00:00Z",
    );
    expect(
      ends(
        { start: "2026-01-01", end: "2026-02-01" },
        { time_zone: "America/New_York", bound_as: "timestamptz" },
      ),
    ).toBe("2026-01-01T05:00:00Z 2026-02-01T05:00:00Z");
    expect(ends({ relative: "this", unit: "month" }, { bound_as: "timestamp" })).toBe(
      "2016-06-01T00:00:00 2016-07-01T00:00:00",
    );
  });
});
