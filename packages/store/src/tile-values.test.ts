import type { Parameter, ParameterType } from "@quern/contract/parameters";
import { canBind } from "@quern/contract/parameters/binding";
import { ParametersError } from "@quern/contract/parameters/errors";
import { resolveParameters } from "@quern/contract/parameters/resolve";
import { expect, test } from "vitest";
import { canonicalJson } from "./canonical-json.ts";
import type { TileSource } from "./dashboard-tiles.ts";
import { checkFixedValues, valuesKey, valuesOfTile } from "./tile-values.ts";

type Query = NonNullable<TileSource["query"]>;
const NOW = new Date("2026-11-21T12:00:00Z");
const query = (sql: string, params: Parameter[]): Query => ({
  ...{ id: "q", name: "Q", version: 1, sql, params, limits: {}, result_ttl_s: null },
  datasource: { id: "d", name: "D", limits: {} },
});
const tile = (bindings: TileSource["bindings"]): TileSource => ({
  ...{ id: "t", title: null, visualization_id: "v", bindings, click: null, trouble: null },
  ...{ visualization: null, query: null },
});
const settings = { refresh_s: null, max_age_s: 300, time_zone: "America/Toronto" };
const values = (
  params: Parameter[],
  of: Query,
  bindings: TileSource["bindings"],
  asked: Parameters<typeof valuesOfTile>[3] = {},
) => valuesOfTile({ params, settings }, tile(bindings), of, asked, NOW);
const bound = (name: string) => ({ type: "dashboard" as const, name });
function problemsOf(work: () => unknown): string[] {
  try {
    work();
  } catch (error) {
    if (error instanceof ParametersError) return error.problems.map(({ message }) => message);
    throw error;
  }
  return [];
}

test("a date range binds to a date range, a list to a list, and a number to a wider number only", () => {
  const types: ParameterType[] = [
    "text",
    "int8",
    "numeric",
    "float8",
    "boolean",
    "date",
    "timestamp",
    "timestamptz",
    "date_range",
    "enum",
    "identifier",
  ];
  const pairs = types.flatMap((from) =>
    types
      .filter((to) => from !== to && canBind({ type: from }, { type: to }))
      .map((to) => `${from} ${to}`),
  );
  expect(pairs).toEqual([
    "text enum",
    "int8 numeric",
    "int8 float8",
    "numeric float8",
    "date timestamp",
    "date timestamptz",
    "timestamp timestamptz",
    "timestamptz timestamp",
    "enum text",
    "enum identifier",
  ]);
  expect(canBind({ type: "enum", multiple: true }, { type: "enum", multiple: true })).toBe(true);
  expect(canBind({ type: "enum", multiple: true }, { type: "enum" })).toBe(false);
  expect(canBind({ type: "text" }, { type: "enum", multiple: true })).toBe(false);
});

test("no value of the dashboard leaves the query its own default; a required one is asked for by its label", () => {
  const place: Parameter = { name: "place", label: "Province", type: "text" };
  const of = query("select {{ p }}", [{ name: "p", type: "text", default: "ON" }]);
  expect(problemsOf(() => values([place], of, { p: bound("place") }))).toEqual([
    "“Province” needs a value.",
  ]);
  expect(values([{ ...place, required: false }], of, { p: bound("place") }).values).toEqual({});
  expect(values([{ ...place, default: "QC" }], of, { p: bound("place") }).values).toEqual({
    p: "QC",
  });
  expect(values([place], of, { p: bound("place") }, { params: { place: null } }).values).toEqual({
    p: null,
  });
  expect(
    values([place], of, { p: bound("place") }, { params: { place: { all: true } } }).values,
  ).toEqual({
    p: { all: true },
  });
});

test("names such as constructor are names like others", () => {
  const odd: Parameter = { name: "constructor", type: "text", required: false };
  const of = query("select {{ toString }}", [{ name: "toString", type: "text", default: "x" }]);
  expect(values([odd], of, { toString: bound("constructor") }).values).toEqual({});
  expect(checkFixedValues([], { constructor: "x" })).toHaveLength(1);
});

test("the zone is the dashboard parameter's, else the query's, else the dashboard's", () => {
  const range: Parameter = { name: "r", type: "date_range", bound_as: "timestamptz" };
  const of = (zone?: string) =>
    query("select {{ r.start }}", [zone ? { ...range, time_zone: zone } : range]);
  const today = { relative: "this", unit: "day" } as const;
  const zoneOf = (params: Parameter[], own?: string) =>
    values(params, of(own), { r: bound("when") }, { params: { when: today } }).definitions[0]!
      .time_zone;
  const when: Parameter = { name: "when", type: "date_range", default: today };
  expect(zoneOf([when])).toBe("America/Toronto");
  expect(zoneOf([when], "Asia/Kathmandu")).toBe("Asia/Kathmandu");
  expect(zoneOf([{ ...when, time_zone: "Europe/Berlin" }], "Asia/Kathmandu")).toBe("Europe/Berlin");
});

test("results are alike when text, given values and zone are: not by the clock, and not by the order of the bindings", () => {
  const params: Parameter[] = [
    { name: "a", type: "int8" },
    { name: "r", type: "date_range" },
  ];
  const of = query("select {{ a }}, {{ r.start }}", params);
  const given = { a: "1", r: { relative: "this", unit: "day" } } as const;
  const key = (q = of, now = NOW, asked: Record<string, unknown> = given, definitions = params) =>
    valuesKey(
      q,
      definitions,
      resolveParameters(q.sql, definitions, asked as typeof given, now),
    ).toString("hex");
  const later = new Date("2026-12-24T12:00:00Z");
  expect(key(of, later)).toBe(key());
  expect(key(of, NOW, { r: given.r, a: "1" })).toBe(key());
  const others = [
    key(of, NOW, { ...given, a: "2" }),
    key({ ...of, sql: `${of.sql} -- more` }),
    key({ ...of, datasource: { ...of.datasource, id: "other" } }),
    key(
      of,
      NOW,
      given,
      params.map((each) => ({ ...each, time_zone: "Asia/Tokyo" })),
    ),
  ];
  expect(new Set([...others, key()]).size).toBe(5);
});

test("canonical JSON is the same for equal values and differs for others", () => {
  expect(canonicalJson({ b: [1, { d: null, c: "x" }], a: undefined })).toBe(
    '{"b":[1,{"c":"x","d":null}]}',
  );
  expect(canonicalJson("1")).not.toBe(canonicalJson(1));
});
