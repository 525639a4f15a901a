import { Parameter, type RunParameter } from "@quern/contract/parameters";
import { expect, test } from "vitest";
import { readValues } from "./address.ts";
import { addressOfRun, definitionsOfRun } from "./of-run.ts";

const RAN: RunParameter[] = [
  { name: "n", type: "int8", given: "9007199254740993", bound: [] },
  { name: "city", type: "enum", given: ["ATL", "ORD"], bound: [] },
  {
    name: "period",
    type: "date_range",
    given: { relative: "last", count: 7, unit: "day" },
    bound: [{ name: "period.start", sql_type: "timestamptz", value: "2001-01-01" }],
  },
];

test("what a run got is found again in the editor: definitions that hold, and the values as given", () => {
  const definitions = definitionsOfRun(RAN);
  expect(definitions.map((each) => Parameter.parse(each))).toEqual([
    { name: "n", type: "int8" },
    { name: "city", type: "enum", multiple: true, options: [{ value: "ATL" }, { value: "ORD" }] },
    { name: "period", type: "date_range", bound_as: "timestamptz" },
  ]);
  expect(readValues(definitions, addressOfRun(RAN))).toEqual({
    n: "9007199254740993",
    city: ["ATL", "ORD"],
    period: { relative: "last", count: 7, unit: "day" },
  });
});
