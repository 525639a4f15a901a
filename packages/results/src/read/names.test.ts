import fc from "fast-check";
import { expect, test } from "vitest";
import { uniqueNames } from "./names.ts";

test.each([
  [
    ["a", "b"],
    ["a", "b"],
  ],
  [
    ["name", "name", "name"],
    ["name", "name_2", "name_3"],
  ],
  [
    ["a", "b", ""],
    ["a", "b", "column_3"],
  ],
  [
    ["", ""],
    ["column_1", "column_2"],
  ],
  // A name that the engine gave is kept, whatever stands before it.
  [
    ["a", "a", "a_2"],
    ["a", "a_3", "a_2"],
  ],
  [
    ["", "column_1"],
    ["column_1_2", "column_1"],
  ],
  [[], []],
])("%j become %j", (names, expected) => {
  expect(uniqueNames(names)).toEqual(expected);
});

test("names are unique and not empty, and those that were so already are kept", () => {
  const name = fc.constantFrom("", "a", "a_2", "a_2_2", "column_1", "column_2", "column_2_2", "b");
  fc.assert(
    fc.property(fc.array(name, { maxLength: 12 }), (names) => {
      const unique = uniqueNames(names);
      expect(new Set(unique).size).toBe(names.length);
      expect(unique).not.toContain("");
      for (const [index, given] of names.entries()) {
        if (given !== "" && names.indexOf(given) === index) expect(unique[index]).toBe(given);
      }
    }),
  );
});
