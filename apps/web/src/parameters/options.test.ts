import type { Column } from "@quern/contract/results";
import { expect, test } from "vitest";
import { optionsOfRows } from "./options.ts";

const columns = (...names: string[]): Column[] =>
  names.map((name) => ({ name, type: "text", source_type: "text" }));

test("value and name columns are found by name, whatever their place and case", () => {
  expect(optionsOfRows(columns("id", "Name", "Value"), [[1, "One", "1"]], {})).toEqual([
    { value: "1", label: "One" },
  ]);
  expect(optionsOfRows(columns("ID", "fish"), [[7, "cod"]], {})).toEqual([{ value: "7" }]);
  const named = { value_column: "fish", label_column: "ID" };
  expect(optionsOfRows(columns("ID", "fish"), [[7, "cod"]], named)).toEqual([
    { value: "cod", label: "7" },
  ]);
});

test("NULL is no option, repeats are one, digits stay as they are", () => {
  const rows = [[null], ["9007199254740993"], ["9007199254740993"], ["O'Brien"], [""], [false]];
  expect(optionsOfRows(columns("v"), rows, {}).map((each) => each.value)).toEqual([
    "9007199254740993",
    "O'Brien",
    "",
    "false",
  ]);
});
