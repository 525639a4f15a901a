import type { Filter } from "@quern/contract/run-results";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  filterText,
  nextSort,
  parseFilter,
  parseFilters,
  parseSort,
  sortText,
} from "./view-address.ts";

const column = fc.integer({ min: 0, max: 1599 });
const filter: fc.Arbitrary<Filter> = fc.oneof(
  fc.record({
    column,
    operator: fc.constantFrom(
      "=",
      "<>",
      "<",
      "<=",
      ">",
      ">=",
      "contains",
      "not_contains",
      "starts_with",
    ),
    value: fc.string({ unit: "grapheme", maxLength: 30 }),
  }),
  fc.record({ column, operator: fc.constantFrom("is_null", "is_not_null") }),
  fc.record({
    column,
    operator: fc.constant("in" as const),
    values: fc.array(fc.string({ unit: "grapheme", maxLength: 10 }), { maxLength: 5 }),
  }),
);

test("every filter comes back from the address as it went in", () => {
  fc.assert(
    fc.property(filter, (each) => {
      expect(parseFilter(filterText(each))).toEqual(each);
    }),
    { numRuns: 1000 },
  );
});

test("a press sorts up, then down, then not at all; with shift the other keys stay", () => {
  const up = nextSort([], 2, false);
  expect(up).toEqual([{ column: 2, direction: "asc" }]);
  const down = nextSort(up, 2, false);
  expect(down).toEqual([{ column: 2, direction: "desc" }]);
  expect(nextSort(down, 2, false)).toEqual([]);
  const both = nextSort(down, 0, true);
  expect(sortText(both)).toBe("2.desc,0.asc");
  expect(sortText(nextSort(both, 0, true))).toBe("2.desc,0.desc");
  expect(sortText(nextSort(both, 2, true))).toBe("0.asc");
  expect(sortText(nextSort(both, 1, false))).toBe("1.asc");
});

test("an address that somebody wrote by hand cannot name what is not there", () => {
  expect(parseSort("2.desc,9.asc,x,2.asc,0.down", 3)).toEqual([{ column: 2, direction: "desc" }]);
  expect(parseSort(null, 3)).toEqual([]);
  expect(parseFilters(["0:eq:1", "7:eq:1", "0:like:1", "0:in:[1]", "0:gt", "junk"], 3)).toEqual([
    { column: 0, operator: "=", value: "1" },
  ]);
});
