import { describe, expect, test } from "vitest";
import { Parameter, ParameterValues } from "../parameters.ts";
import { checkParameters } from "./definitions.ts";

const OPTIONS = [{ value: "foo" }, { value: "bar" }, { value: "O'Brien" }];

describe("definitions", () => {
  const wrong = (sql: string, ...definitions: Parameter[]) =>
    checkParameters(sql, definitions).map(({ path, message }) => `${path}: ${message}`);

  test.each<[Omit<Parameter, "name">, string]>([
    [{ type: "text", multiple: true }, "params.0.multiple: “p”: multiple is of enum"],
    [{ type: "text", options: OPTIONS }, "params.0.options: "],
    [{ type: "int8", pattern: "a" }, "params.0.pattern: "],
    [{ type: "text", pattern: "(" }, "params.0.pattern: “p”: the pattern cannot be used"],
    [{ type: "text", pattern: "((a{1000}){1000}){1000}" }, "params.0.pattern: "],
    [{ type: "enum" }, "params.0.options: “p”: it needs options"],
    [{ type: "identifier" }, "params.0.options: "],
    [
      { type: "identifier", options: [{ value: "a..b" }] },
      "params.0.options: “p”: “a..b” is no name",
    ],
    [
      { type: "enum", options: OPTIONS, options_query: { query_id: crypto.randomUUID() } },
      "params.0.options: ",
    ],
    [{ type: "text", time_zone: "Mars/Olympus" }, "params.0.time_zone: "],
    [{ type: "text", time_zone: "+01:00" }, "params.0.time_zone: "],
    [{ type: "int8", default: "x" }, "params.0.default: “p”: the default must be a whole number"],
    [{ type: "enum", options: OPTIONS, default: "qux" }, "params.0.default: "],
    [
      { type: "enum", options_query: { query_id: crypto.randomUUID(), depends_on: ["qux"] } },
      "params.0.options_query.depends_on: ",
    ],
    [
      { type: "enum", options_query: { query_id: crypto.randomUUID(), depends_on: ["p"] } },
      "params.0.options_query.depends_on: “p”: the dropdowns depend on each other",
    ],
  ])("%j", (definition, expected) => {
    expect(wrong("{{p}}", { name: "p", ...definition })[0]).toContain(expected);
  });

  test("the text and the definitions belong together", () => {
    const range: Parameter = { name: "r", type: "date_range" };
    expect(wrong("{{r.start}} {{r.end}}", range)).toEqual([]);
    expect(wrong("\n {{r}}", range)[0]).toBe(
      "sql: “r” is a date range: write {{ r.start }} and {{ r.end }}. (line 2, column 2)",
    );
    expect(wrong("{{p.start}}", { name: "p", type: "text" })[0]).toContain("is no date range");
    expect(wrong("{{p}}", { name: "p", type: "text" }, { name: "p", type: "int8" })[0]).toContain(
      "two parameters",
    );
    expect(wrong("select {{a", { name: "p", type: "text" })[0]).toContain("not closed");
  });

  test("a type that there is not, and a name that is none, are refused by the schema", () => {
    expect(Parameter.safeParse({ name: "p", type: "burrito" }).success).toBe(false);
    expect(Parameter.safeParse({ name: "p q", type: "text" }).success).toBe(false);
    expect(Parameter.safeParse({ name: "__proto__", type: "text" }).success).toBe(false);
    expect(ParameterValues.safeParse({ p: { all: false } }).success).toBe(false);
  });
});
