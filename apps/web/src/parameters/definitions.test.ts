import type { Parameter } from "@quern/contract/parameters";
import { expect, test } from "vitest";
import { labelOf, moved, parametersInUse, retyped, withDefinition } from "./definitions.ts";

const use = (name: string, part: "start" | "end" | null = null) => ({ name, part });
const city: Parameter = { name: "city", type: "enum", options: [{ value: "ATL" }] };
const days: Parameter = { name: "days", type: "int8", default: "7" };

test("a new {{ }} is text, and a range when its ends are asked for", () => {
  expect(parametersInUse([use("a"), use("p", "start"), use("p", "end"), use("a")], [])).toEqual([
    { name: "a", type: "text" },
    { name: "p", type: "date_range" },
  ]);
});

test("definitions keep their order, new ones come last, those not used are left out but not lost", () => {
  const known = [days, city];
  expect(parametersInUse([use("x"), use("city"), use("days")], known)).toEqual([
    days,
    city,
    { name: "x", type: "text" },
  ]);
  expect(parametersInUse([use("city")], known)).toEqual([city]);
  expect(parametersInUse([use("days"), use("city")], known)).toEqual([days, city]);
});

test("a definition is changed in its place, a first one is added", () => {
  const changed = { ...city, label: "City" };
  expect(withDefinition([days, city], "city", changed)).toEqual([days, changed]);
  expect(withDefinition([days], "city", city)).toEqual([days, city]);
});

test("parameters move, and not beyond the ends", () => {
  expect(moved([days, city], "city", -1)).toEqual([city, days]);
  expect(moved([days, city], "city", 1)).toEqual([days, city]);
  expect(moved([days, city], "nobody", 1)).toEqual([days, city]);
});

test("another type takes along only what it can have", () => {
  const full: Parameter = { ...city, label: "City", multiple: true, default: ["ATL"] };
  expect(retyped(full, "text")).toEqual({ name: "city", type: "text", label: "City" });
  expect(retyped(full, "enum")).toEqual(full);
  expect(retyped({ name: "x", type: "text", pattern: "a+" }, "int8")).toEqual({
    name: "x",
    type: "int8",
  });
});

test("a label is made of the name when none was given", () => {
  expect(labelOf({ name: "origin_airport" })).toBe("Origin airport");
  expect(labelOf({ name: "o", label: "From" })).toBe("From");
  expect(labelOf({ name: "_" })).toBe("_");
});
