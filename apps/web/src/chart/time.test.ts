import { expect, test } from "vitest";
import { instantAt, wallOf } from "./instants.ts";
import { timeGrid } from "./time-grid.ts";
import { instantWords, tickWords, timeTicks } from "./time-words.ts";

const at = (text: string) => Date.parse(text);
const HOUR = 3_600_000;

test("clocks of a zone, over its gap and its overlap", () => {
  const berlin = "Europe/Berlin";
  expect(wallOf(at("2026-03-29T00:30:00Z"), berlin)).toBe(at("2026-03-29T01:30:00Z"));
  expect(wallOf(at("2026-03-29T01:30:00Z"), berlin)).toBe(at("2026-03-29T03:30:00Z"));
  expect(instantAt(at("2026-03-29T12:00:00Z"), berlin)).toBe(at("2026-03-29T10:00:00Z"));
  expect(instantAt(at("2026-10-25T02:30:00Z"), berlin)).toBe(at("2026-10-25T00:30:00Z"));
  expect(wallOf(at("2026-01-01T00:00:00Z"), "Asia/Kathmandu")).toBe(at("2026-01-01T05:45:00Z"));
});

test("a day in a zone begins at its midnight, also on the days that have 23 and 25 hours", () => {
  const toronto = "America/Toronto";
  const days = [
    "2026-03-06T05:00Z",
    "2026-03-07T05:00Z",
    "2026-03-08T05:00Z",
    "2026-03-09T04:00Z",
    "2026-03-11T04:00Z",
  ].map(at);
  const grid = timeGrid(days, toronto);
  expect(grid?.places).toEqual([
    ...days.slice(0, 4),
    at("2026-03-10T04:00Z"),
    at("2026-03-11T04:00Z"),
  ]);
  const { at: ticks } = timeTicks(at("2026-03-07T05:00Z"), at("2026-03-10T04:00Z"), 4, toronto);
  expect(ticks).toEqual([
    at("2026-03-07T05:00Z"),
    at("2026-03-08T05:00Z"),
    at("2026-03-09T04:00Z"),
    at("2026-03-10T04:00Z"),
  ]);
});

test("months and quarters have a rhythm; chance has none; a second in a year is no grid", () => {
  const months = ["2026-01-01", "2026-02-01", "2026-04-01", "2026-05-01"].map(at);
  expect(timeGrid(months, "UTC")?.places).toHaveLength(5);
  expect(timeGrid([1, 5, 19, 1_000_003], "UTC")).toBeNull();
  expect(
    timeGrid(
      [at("2026-01-01"), at("2026-12-31T00:00:01Z"), at("2027-01-01"), at("2027-05-05")],
      "UTC",
    ),
  ).toBeNull();
  const hours = [0, 1, 2, 4].map((hour) => at("2026-01-01") + hour * HOUR);
  expect(timeGrid(hours, "UTC")).toMatchObject({ step: HOUR, places: { length: 5 } });
});

test("ticks are few and round, and say only what changes", () => {
  const from = at("2026-01-01T00:00:00Z");
  const year = timeTicks(from, at("2027-01-01T00:00:00Z"), 6, "UTC");
  expect(year.at.length).toBeLessThanOrEqual(7);
  expect(tickWords(from, year.step, "UTC", "auto")).toBe("2026");
  expect(tickWords(at("2026-03-01T00:00:00Z"), year.step, "UTC", "auto")).toBe("Mar");
  const day = timeTicks(from, from + 24 * HOUR, 6, "UTC");
  expect(day.at.map((each) => tickWords(each, day.step, "UTC", "auto"))).toContain("06:00");
  expect(instantWords(from, 0, "UTC", "auto")).toBe("Jan 1, 2026");
  expect(instantWords(from + 12 * HOUR + 5_000, 0, "UTC", "auto")).toBe("Jan 1, 2026, 12:00:05");
  expect(instantWords(from, 28 * 24 * HOUR, "UTC", "auto")).toBe("Jan 2026");
  for (const span of [1, 1e3, 1e6, 1e9, 1e12, 3e13])
    expect(timeTicks(from, from + span, 8, "America/St_Johns").at.length).toBeLessThan(16);
});
