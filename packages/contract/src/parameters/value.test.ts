import { describe, expect, test } from "vitest";
import type { Parameter, ParameterValue } from "../parameters.ts";
import { ParametersError } from "./errors.ts";
import { renderParameters } from "./render.ts";
import { resolveParameters } from "./resolve.ts";

const NOW = new Date("2016-06-07T12:13:55Z");
const OPTIONS = [{ value: "foo" }, { value: "bar" }, { value: "O'Brien" }];

/** What `select {{p}}` binds, or why it does not. */
function bind(definition: Omit<Parameter, "name">, value: ParameterValue, now = NOW) {
  const sql = definition.type === "date_range" ? "{{p.start}} {{p.end}}" : "{{p}}";
  const all = [{ name: "p", ...definition }];
  try {
    const resolved = resolveParameters(sql, all, { p: value }, now);
    return renderParameters(sql, resolved).params.map((bound) => bound.value);
  } catch (error) {
    if (!(error instanceof ParametersError)) throw error;
    expect(error.problems[0]?.path).toBe("params.p");
    return error.problems[0]!.message;
  }
}

describe("values", () => {
  const pattern = { type: "text", pattern: "a+" } as const;
  const single = { type: "enum", options: OPTIONS } as const;
  const many = { type: "enum", options: OPTIONS, multiple: true } as const;
  test.each<[Omit<Parameter, "name">, ParameterValue, string | null | RegExp]>([
    [{ type: "text" }, "", ""],
    [{ type: "text" }, "O'Brien\"; {{p}} $1 \\", "O'Brien\"; {{p}} $1 \\"],
    [{ type: "text" }, null, null],
    [{ type: "text" }, 7, /must be text/],
    [{ type: "text" }, "a\u0000", /NUL/],
    [{ type: "text" }, "a\ud800", /surrogate/],
    [pattern, "aaa", "aaa"],
    [pattern, "ab", /must match a\+/],
    [pattern, "ba", /must match/],
    [pattern, "a\n", /must match/],
    [{ type: "text", pattern: "(a+)+b" }, `${"a".repeat(9_999)}`, /must match/],
    [pattern, "a".repeat(10_001), /at most 10000/],
    [{ type: "int8" }, 7, "7"],
    [{ type: "int8" }, " 7 ", "7"],
    [{ type: "int8" }, "+0007", "7"],
    [{ type: "int8" }, -0, "0"],
    [{ type: "int8" }, "9007199254740993", "9007199254740993"],
    [{ type: "int8" }, "-9223372036854775808", "-9223372036854775808"],
    [{ type: "int8" }, "9223372036854775808", /must be from -9223372036854775808/],
    [{ type: "int8" }, 2 ** 53, /beyond 2\^53/],
    [{ type: "int8" }, 7.5, /whole number/],
    [{ type: "int8" }, null, null],
    [{ type: "numeric" }, 3.14, "3.14"],
    [{ type: "numeric" }, "3.14", "3.14"],
    [{ type: "numeric" }, "001.50", "1.50"],
    [{ type: "numeric" }, "-.5e-2", "-0.005"],
    [{ type: "numeric" }, "-0.00", "0.00"],
    [{ type: "numeric" }, "12.5e3", "12500"],
    [{ type: "numeric" }, 1e21, /beyond 2\^53/],
    [{ type: "numeric" }, `1${"0".repeat(40)}.1`, `1${"0".repeat(40)}.1`],
    [{ type: "float8" }, "3.10", "3.1"],
    [{ type: "float8" }, "1e-320", "1e-320"],
    [{ type: "float8" }, "-0", "-0"],
    [{ type: "float8" }, "1e-400", /beyond what a double/],
    [{ type: "boolean" }, false, "false"],
    [{ type: "boolean" }, "false", /true or false/],
    [{ type: "boolean" }, null, null],
    [{ type: "date" }, "2000-01-01", "2000-01-01"],
    [{ type: "date" }, "2000-01-01 12:00:00", "2000-01-01"],
    [{ type: "date" }, null, null],
    [{ type: "timestamp" }, "2000-01-01 12:00", "2000-01-01T12:00:00"],
    [{ type: "timestamp" }, "2000-01-01T12:00:00.123456", "2000-01-01T12:00:00.123456"],
    [{ type: "timestamp" }, "2000-01-01T12:00Z", /no offset/],
    [{ type: "timestamp" }, "2000-01-01T24:00", /must be a time/],
    [{ type: "timestamp" }, "2000-01-01T12:00:60", /must be a time/],
    [{ type: "timestamptz" }, "2000-01-01T18:30-05", "2000-01-01T23:30:00Z"],
    [{ type: "timestamptz" }, "2000-01-01T18:30+0545", "2000-01-01T12:45:00Z"],
    [{ type: "timestamptz" }, "2000-01-01T18:30+16:00", /offset/],
    [{ type: "timestamptz" }, "2000-01-01", "2000-01-01T00:00:00Z"],
    [
      { type: "timestamptz", time_zone: "Europe/Berlin" },
      "2026-03-29T02:30",
      "2026-03-29T01:30:00Z",
    ],
    [
      { type: "timestamptz", time_zone: "Europe/Berlin" },
      "2026-10-25T02:30",
      "2026-10-25T00:30:00Z",
    ],
    [{ type: "timestamptz" }, "0001-01-01T00:00+14", /years 1 to 9999/],
    [{ type: "timestamptz" }, "9999-12-31T23:00-14", /years 1 to 9999/],
    [single, "bar", "bar"],
    [single, "qux", /must be one of: foo, bar, O'Brien/],
    [single, 7, /must be text/],
    [single, ["foo"], /must be text/],
    [single, null, null],
    [many, ["foo", "O'Brien"], '{"foo","O\'Brien"}'],
    [many, [], "{}"],
    [many, ["foo", "qux"], /must be one of/],
    [many, "foo", /list/],
    [many, null, /list/],
    [many, { all: true }, '{"foo","bar","O\'Brien"}'],
    [
      { type: "enum", multiple: true, options: [{ value: 'a"\\b,{}' }, { value: "null" }] },
      ['a"\\b,{}', "null"],
      '{"a\\"\\\\b,{}","null"}',
    ],
    [single, { all: true }, /put the condition .* into \[\[/],
    [{ type: "text" }, { all: true }, /put the condition/],
    [{ type: "identifier", options: OPTIONS }, "qux", /must be one of/],
    [{ type: "identifier", options: OPTIONS }, null, /must be one of/],
    [{ type: "date_range" }, "baz", /start/],
    [{ type: "date_range" }, null, /start/],
    [{ type: "date_range" }, { start: "2026-01-02", end: "2026-01-01" }, /must begin before/],
    [
      { type: "date_range" },
      { start: "2026-01-02T10:00:00.1Z", end: "2026-01-02T10:00:00.05Z" },
      /must begin before/,
    ],
    [{ type: "date_range" }, { start: "2026-01-02", end: "now" }, /must be/],
    [
      { type: "date_range", bound_as: "date" },
      { start: "2026-01-01", end: "2026-01-02T10:00" },
      /of days/,
    ],
    [
      { type: "date_range", bound_as: "date" },
      { relative: "last", unit: "hour" },
      /days or longer/,
    ],
    [{ type: "date_range" }, { relative: "last", count: 10_000, unit: "year" }, /years 1 to 9999/],
    [{ type: "date_range" }, { relative: "this", count: 2, unit: "day" }, /no count/],
  ])("%j with %j", (definition, value, expected) => {
    const bound = bind(definition, value);
    if (expected instanceof RegExp) expect(bound).toMatch(expected);
    else expect(bound).toEqual([expected]);
  });

  test.each(["int8", "numeric", "float8"] as const)(
    "%s refuses what is no number in digits",
    (type) => {
      for (const value of [
        "",
        " ",
        "baz",
        "nan",
        "NaN",
        "inf",
        "-Infinity",
        "1_000",
        "1e400",
        "１２",
        "1 2",
        "0x10",
        "1,5",
        "--1",
        ".",
        "e5",
        "1;",
        "1'",
        "\u00a05",
        true,
        ["1"],
      ]) {
        expect(bind({ type }, value), String(value)).toMatch(/^“p” (must|is beyond)/);
      }
    },
  );

  test.each(["date", "timestamp", "timestamptz"] as const)(
    "%s refuses what is no time of the calendar",
    (type) => {
      for (const value of [
        "baz",
        "12",
        "2000-01-01' --",
        "2000-01-01' and '",
        "2000-01-01; --",
        "2000-02-30",
        "2001-02-29",
        "2000-13-01",
        "0000-01-01",
        "2000-1-1",
        " 2000-01-01",
        "now",
        "infinity",
        "２０００-01-01",
        "2000-01-01T12",
        20000101,
        true,
      ]) {
        expect(bind({ type }, value), String(value)).toMatch(/^“p” must/);
      }
    },
  );
});
