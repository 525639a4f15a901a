import type { Parameter, ParameterValue } from "@quern/contract/parameters";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type AddressQuery,
  addressChanges,
  parseRelative,
  readValue,
  readValues,
  relativeText,
  sameValue,
  writeValue,
} from "./address.ts";

const word = fc.string({ unit: "grapheme", maxLength: 20 });
const unit = fc.constantFrom("minute", "hour", "day", "week", "month", "quarter", "year");
const relative = fc.oneof(
  fc.record({ relative: fc.constant("this" as const), unit }),
  fc.record(
    {
      relative: fc.constantFrom("last" as const, "next" as const),
      count: fc.integer({ min: 1, max: 10_000 }),
      unit,
      include_current: fc.constant(true),
    },
    { requiredKeys: ["relative", "count", "unit"] },
  ),
);
const special = fc.constantFrom<ParameterValue>(null, { all: true });

/** A type with a value that it may hold. */
const typed: fc.Arbitrary<{ shape: Omit<Parameter, "name">; value: ParameterValue }> = fc.oneof(
  fc.record({
    shape: fc.constantFrom({ type: "text" as const }, { type: "int8" as const }),
    value: fc.oneof(word, special),
  }),
  fc.record({
    shape: fc.constant({ type: "boolean" as const }),
    value: fc.oneof(fc.boolean(), special),
  }),
  fc.record({
    shape: fc.constant({ type: "enum" as const, multiple: true }),
    value: fc.oneof(fc.array(word, { maxLength: 5 }), special),
  }),
  fc.record({
    shape: fc.constant({ type: "date_range" as const }),
    value: fc.oneof<fc.Arbitrary<ParameterValue>[]>(
      relative as fc.Arbitrary<ParameterValue>,
      fc.record({ start: word, end: word }),
      special,
    ),
  }),
);

/** Through the text of a real address, as a browser would. */
function travel(parts: Record<string, string | string[]>): AddressQuery {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(parts))
    for (const each of [value].flat()) search.append(key, each);
  const query: AddressQuery = {};
  for (const key of new URLSearchParams(search.toString()).keys()) {
    const all = new URLSearchParams(search.toString()).getAll(key);
    query[key] = all.length === 1 ? all[0] : all;
  }
  return query;
}

test("every value comes back from the address as it went in", () => {
  fc.assert(
    fc.property(typed, ({ shape, value }) => {
      const query = travel(writeValue("city", value));
      expect(readValue({ name: "city", ...shape }, query)).toEqual(value);
    }),
    { numRuns: 2000 },
  );
});

test("NULL, empty text, no value, an empty list and All are five different things", () => {
  const text = { name: "x", type: "text" as const };
  const many = { name: "x", type: "enum" as const, multiple: true };
  expect(readValue(text, {})).toBeUndefined();
  expect(readValue(text, { "p.x": "" })).toBe("");
  expect(readValue(text, { "p.x": null })).toBe("");
  expect(readValue(text, { "p.x.null": "1" })).toBeNull();
  expect(readValue(text, { "p.x.all": "1" })).toEqual({ all: true });
  expect(readValue(many, { "p.x.none": "1" })).toEqual([]);
  expect(readValue(many, { "p.x": "" })).toEqual([""]);
});

test("one parameter's name never reads another's value", () => {
  const query = { ...writeValue("city", "ATL"), ...writeValue("city_2", null), sort: "1.asc" };
  const shapes = [
    { name: "city", type: "text" as const },
    { name: "city_2", type: "text" as const },
    { name: "cit", type: "text" as const },
  ];
  expect(readValues(shapes, query)).toEqual({ city: "ATL", city_2: null });
});

test("new values take the old ones out of the address and leave the rest", () => {
  const query = { run: "1", "p.a": "old", "p.b.null": "1" };
  expect(addressChanges(query, { b: "new" })).toEqual({
    "p.a": null,
    "p.b.null": null,
    "p.b": "new",
  });
});

test("relative ranges are words, and only those words", () => {
  expect(relativeText({ relative: "last", count: 7, unit: "day" })).toBe("last-7-day");
  expect(parseRelative("this-month")).toEqual({ relative: "this", unit: "month" });
  for (const text of ["last-day", "last-7-days", "this-7-day", "last-7-day-now-x", "last--7-day"])
    expect(parseRelative(text)).toBeNull();
});

test("digits are the same whether they came as a number or as text", () => {
  expect(sameValue(5, "5")).toBe(true);
  expect(sameValue("9007199254740993", "9007199254740992")).toBe(false);
  expect(sameValue(null, "")).toBe(false);
  expect(sameValue(undefined, "")).toBe(false);
});
