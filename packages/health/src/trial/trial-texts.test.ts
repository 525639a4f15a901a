import { literal } from "@quern/contract/postgres-literal";
import { expect, test } from "vitest";
import { plannable } from "./plannable.ts";
import { namesIn } from "./scope.ts";

test.each([
  ["select now() - interval $1", "select now() - $1::interval"],
  ["select a + $2 * INTERVAL $3 day", "select a + $2 * $3::INTERVAL"],
  ["where at >= timestamp with time zone $1", "where at >= $1::timestamp with time zone"],
  ["where at > timestamptz $1 and d = date $2", "where at > $1::timestamptz and d = $2::date"],
  ["select numeric(10, 2) from t where a = $1", "select numeric(10, 2) from t where a = $1"],
  ["select $1::interval, update_date = $2", "select $1::interval, update_date = $2"],
  ["limit $1 offset $2", "limit $1 offset $2"],
])("%s can be planned", (text, planned) => {
  expect(plannable(text)).toBe(planned);
});

test("names of a text, with their schemas, whatever they are", () => {
  expect(
    namesIn(`create index on "We.ird"."a ""b""" (x); drop index public.y -- public.z`),
  ).toEqual([
    ["create"],
    ["index"],
    ["on"],
    ["We.ird", 'a "b"'],
    ["x"],
    ["drop"],
    ["index"],
    ["public", "y"],
  ]);
  expect(namesIn("select 'public.t', $1, 12.5, é.Über")).toEqual([["select"], ["é", "über"]]);
  expect(namesIn('"unended')).toEqual([["unende"]]);
});

test("a literal stays one", () => {
  expect(literal("it's $$ :x")).toBe("'it''s $$ :x'");
  expect(literal("\\' --")).toBe("E'\\\\'' --'");
});
