import type { Parameter } from "@quern/contract/parameters";
import { expect, test } from "vitest";
import {
  definitionTrouble,
  optionalNames,
  readTemplate,
  resolvedWords,
  troubleOf,
} from "./engine.ts";
import { specialsOf } from "./specials.ts";

const days: Parameter = { name: "days", type: "int8" };
const city: Parameter = { name: "city", type: "enum", options: [{ value: "ATL" }] };
const period: Parameter = { name: "period", type: "date_range", time_zone: "Asia/Kathmandu" };

test("what the server would refuse is told at the control, without the name", () => {
  expect(troubleOf(days, "7", false)).toBeNull();
  expect(troubleOf(days, "9223372036854775808", false)).toContain("9223372036854775807");
  expect(troubleOf(days, "7.5", false)).toBe("Must be a whole number, such as 42 or -7.");
  expect(troubleOf(days, undefined, false)).toBe("Needs a value.");
  expect(troubleOf(days, undefined, true)).toBeNull();
  expect(troubleOf({ ...days, default: "3" }, undefined, false)).toBe("Needs a value.");
  expect(troubleOf(city, "LAX", false)).toContain("ATL");
  expect(troubleOf(period, { start: "2001-02-01", end: "2001-01-01" }, false)).toContain("before");
});

test("All and NULL are offered where a run would take them", () => {
  const labels = (parameter: Parameter, optional: boolean) =>
    specialsOf(parameter, optional).map((each) => each.label);
  expect(labels({ name: "x", type: "text" }, false)).toEqual(["NULL", "Empty text"]);
  expect(labels({ name: "x", type: "text" }, true)).toEqual(["All", "NULL", "Empty text"]);
  expect(labels({ ...city, multiple: true }, false)).toEqual(["All"]);
  expect(labels(period, true)).toEqual(["All"]);
  expect(labels({ ...city, type: "identifier" }, true)).toEqual(["All"]);
});

test("a parameter is optional when every use of it is", () => {
  const template = readTemplate("select {{ a }} [[ where b = {{ b }} and a = {{ a }} ]]");
  expect([...optionalNames(template)]).toEqual(["b"]);
});

test("a moving range is shown by its days in its own zone", () => {
  // 20:00 UTC is the next day in Kathmandu, which is 5:45 ahead.
  const now = Date.parse("2026-11-20T20:00:00Z");
  const week = { relative: "last", count: 7, unit: "day" } as const;
  expect(resolvedWords(period, week, now)).toBe("2026-11-14 → 2026-11-21");
  expect(resolvedWords(period, { relative: "this", unit: "hour" }, now)).toBe(
    "2026-11-20 19:15Z → 2026-11-20 20:15Z",
  );
});

test("a definition that cannot be saved says why", () => {
  expect(definitionTrouble(city, [days, city])).toBeNull();
  expect(definitionTrouble({ name: "c", type: "enum" }, [{ name: "c", type: "enum" }])).toContain(
    "options",
  );
  const zoned: Parameter = { ...period, time_zone: "Europe/Atlantis" };
  expect(definitionTrouble(zoned, [zoned])).toContain("Europe/Atlantis");
});
