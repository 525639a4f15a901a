import { expect, test } from "vitest";
import { physicalOf } from "./physical.ts";
import { column } from "./testing.ts";

const text = { kind: "text" };

test.each([
  ["bool", "boolean", { kind: "bool" }],
  ["int2", "smallint", { kind: "int2" }],
  ["int4", "integer", { kind: "int4" }],
  ["int8", "bigint", { kind: "int8" }],
  ["float4", "real", { kind: "float4" }],
  ["float8", "double precision", { kind: "float8" }],
  ["date", "date", { kind: "date" }],
  ["timestamp", "timestamp(3) without time zone", { kind: "timestamp" }],
  ["timestamptz", "timestamp with time zone", { kind: "timestamptz" }],
  ["numeric", "numeric(14,2)", { kind: "decimal", precision: 14, scale: 2 }],
  ["numeric", "numeric(18,18)", { kind: "decimal", precision: 18, scale: 18 }],
  ["numeric", "numeric(19,0)", text],
  ["numeric", "numeric(5,-2)", text],
  ["numeric", "numeric(3,5)", text],
  ["numeric", "numeric", text],
  ["time", "time without time zone", text],
  ["interval", "interval", text],
  ["uuid", "uuid", text],
  ["json", "jsonb", text],
  ["other", "numeric(14,2)[]", text],
] as const)("%s of %s", (type, source, expected) => {
  expect(physicalOf(column("c", type, source))).toEqual(expected);
});
