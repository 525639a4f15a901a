import { describe, expect, test } from "vitest";
import type { Parameter, ParameterValues } from "../parameters.ts";
import { ParametersError } from "./errors.ts";
import { renderParameters } from "./render.ts";
import { resolveParameters } from "./resolve.ts";

const NOW = new Date("2016-06-07T12:13:55Z");
const OPTIONS = [{ value: "foo" }, { value: "bar" }, { value: "O'Brien" }];

describe("the values of a run", () => {
  const resolve = (sql: string, definitions: Parameter[], values: ParameterValues = {}) => {
    try {
      const { sql: rendered, params } = renderParameters(
        sql,
        resolveParameters(sql, definitions, values, NOW),
      );
      return [rendered, ...params.map(({ value }) => value)];
    } catch (error) {
      if (!(error instanceof ParametersError)) throw error;
      return error.problems.map(({ path, message }) => `${path}: ${message}`);
    }
  };
  const a: Parameter = { name: "a", type: "text" };

  test("what is given, else the default, else nothing where nothing is needed", () => {
    expect(resolve("{{a}}", [{ ...a, default: "x" }])).toEqual(["$1", "x"]);
    expect(resolve("{{a}}", [{ ...a, default: "x" }], { a: "y" })).toEqual(["$1", "y"]);
    expect(resolve("{{a}}", [{ ...a, default: null }])).toEqual(["$1", null]);
    expect(resolve("{{a}}", [a])).toEqual(["params.a: “a” needs a value."]);
    expect(resolve("{{a}}", [{ ...a, required: false }])).toEqual(["$1", null]);
    expect(resolve("x[[{{a}}]]", [a])).toEqual(["x "]);
    expect(resolve("x[[{{a}}]]", [a], { a: null })).toEqual(["x $1 ", null]);
    expect(resolve("x[[{{a}}]]", [{ ...a, default: "y" }], { a: { all: true } })).toEqual(["x "]);
    expect(resolve("x[[{{f}}]]", [{ name: "f", type: "boolean" }], { f: false })).toEqual([
      "x $1 ",
      "false",
    ]);
    expect(resolve("x", [a])).toEqual(["x"]);
    expect(resolve("x", [a], { a: "unused" })).toEqual(["x"]);
  });

  test("all is every option outside of [[ ]], and no condition in it", () => {
    const many: Parameter = { name: "m", type: "enum", multiple: true, options: OPTIONS };
    const all = { m: { all: true } } as const;
    expect(resolve("{{m}} [[and {{m}}]]", [many], all)).toEqual([
      "$1  ",
      '{"foo","bar","O\'Brien"}',
    ]);
    const { options: _, ...asked } = { ...many, options_query: { query_id: crypto.randomUUID() } };
    expect(resolve("{{m}}", [asked], all)[0]).toMatch(/put the condition/);
    expect(resolve("x[[{{m}}]]", [asked], { m: ["whatever"] })).toEqual(["x $1 ", '{"whatever"}']);
  });

  test("everything that is wrong is named at once", () => {
    expect(
      resolve("{{a}} {{b}} {{c}}", [a, { name: "b", type: "int8" }], { b: "x", qux: 1 }),
    ).toEqual([
      "sql: {{ c }} is not declared: add a parameter called “c”, or correct the name. (line 1, column 13)",
      "params.qux: There is no parameter called “qux”: this has a, b.",
      "params.a: “a” needs a value.",
      "params.b: “b” must be a whole number, such as 42 or -7.",
    ]);
    expect(resolve("{{constructor}}", [{ name: "constructor", type: "text" }])).toEqual([
      "params.constructor: “constructor” needs a value.",
    ]);
  });
});
