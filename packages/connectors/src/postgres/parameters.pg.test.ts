/** Parameters of a text, through the engine of the contract and a real server: what goes in is what comes out. */
import type { Parameter, ParameterValues } from "@quern/contract/parameters";
import { renderParameters, templateOffset } from "@quern/contract/parameters/render";
import { resolveParameters } from "@quern/contract/parameters/resolve";
import { emptyDatabase, type TestDatabase } from "@quern/store/testing";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConnectorError } from "../errors.ts";
import { GENEROUS, keepingSink, testTarget } from "../testing/target.ts";
import { postgres } from "./connector.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await emptyDatabase();
});
afterAll(() => database.drop());

async function run(sql: string, definitions: Parameter[], values: ParameterValues) {
  const sent = renderParameters(sql, resolveParameters(sql, definitions, values));
  const { sink, seen } = keepingSink();
  const request = { sql: sent.sql, params: sent.params, options: GENEROUS };
  await postgres.execute(testTarget(database.name), request, sink);
  return { sent, rows: seen.statements.map((statement) => statement.seen) };
}

const text = (name: string): Parameter => ({ name, type: "text" });

test("100,000 random strings come back exactly as they went in", async () => {
  const AT_ONCE = 5_000;
  const definitions = Array.from({ length: AT_ONCE }, (_, index) => text(`p${index}`));
  const sql = `values ${definitions.map(({ name }) => `({{${name}}}::text)`).join(", ")}`;
  const strings = fc.oneof(
    fc.string({ unit: "binary", maxLength: 30 }),
    fc.string({
      unit: fc.constantFrom(
        "'",
        '"',
        "\\",
        "{{",
        "}}",
        "[[",
        "]]",
        "$1",
        "$$",
        "--",
        "/*",
        "*/",
        ";",
        "\n",
        "\r",
        "\u200b",
        "'; drop table x; --",
        "$\u007b7*7}",
        "<%= 7 %>",
        "#{7}",
        "\xc0",
        "😀",
        "null",
      ),
    }),
  );
  const randomly = fc
    .sample(strings, { numRuns: 100_000, seed: 7 })
    .map((each) => each.replaceAll("\0", ""));
  for (let from = 0; from < randomly.length; from += AT_ONCE) {
    const some = randomly.slice(from, from + AT_ONCE);
    const values = Object.fromEntries(some.map((value, index) => [`p${index}`, value]));
    const { rows } = await run(sql, definitions, values);
    expect(rows[0]?.map(([cell]) => cell)).toEqual(some);
  }
}, 120_000);

test("values arrive as the type that was declared", async () => {
  const declared: [Parameter["type"], string | number | boolean, string, unknown][] = [
    ["text", "O'Brien", "text", "O'Brien"],
    ["int8", "9007199254740993", "bigint", "9007199254740993"],
    ["numeric", "1.50", "numeric", "1.50"],
    ["float8", 1e-320, "double precision", "1e-320"],
    ["boolean", false, "boolean", "false"],
    ["date", "2026-02-28", "date", "2026-02-28"],
    [
      "timestamp",
      "2026-02-28 01:02:03.000004",
      "timestamp without time zone",
      "2026-02-28 01:02:03.000004",
    ],
    [
      "timestamptz",
      "2026-02-28T01:02:03+05:45",
      "timestamp with time zone",
      "2026-02-27 19:17:03+00",
    ],
  ];
  for (const [type, value, name, printed] of declared) {
    const sql = "select pg_typeof({{p}})::text, {{p}}::text, {{p}} is null";
    const { rows } = await run(sql, [{ name: "p", type }], { p: value });
    expect(rows).toEqual([[[name, printed, false]]]);
    const nothing = await run(sql, [{ name: "p", type }], { p: null });
    expect(nothing.rows).toEqual([[[name, null, true]]]);
  }
});

test("lists, ranges, names and blocks do what they say", async () => {
  await run(
    'create table "a""b;--" as select n, (n % 3)::text as kind, date \'2026-01-01\' + n as day from generate_series(0, 9) as n',
    [],
    {},
  );
  const sql = `select count(*) from {{t}} where kind = any({{kinds}})
    [[and day >= {{days.start}} and day < {{days.end}}]] [[and n <> {{not}}]]`;
  const options = ["0", "1", "2", 'x"\\,{}'].map((value) => ({ value }));
  const definitions: Parameter[] = [
    { name: "t", type: "identifier", options: [{ value: 'a"b;--' }] },
    { name: "kinds", type: "enum", multiple: true, options },
    { name: "days", type: "date_range" },
    { name: "not", type: "int8" },
  ];
  const count = async (values: ParameterValues) =>
    (await run(sql, definitions, { t: 'a"b;--', ...values })).rows[0]?.[0]?.[0];
  expect(await count({ kinds: { all: true } })).toBe(10n);
  expect(await count({ kinds: ["0", 'x"\\,{}'] })).toBe(4n);
  expect(await count({ kinds: [] })).toBe(0n);
  expect(
    await count({ kinds: { all: true }, days: { start: "2026-01-01", end: "2026-01-03" } }),
  ).toBe(2n);
  expect(await count({ kinds: { all: true }, not: 5 })).toBe(9n);
  expect(await count({ kinds: { all: true }, not: null })).toBe(0n);
});

test("each statement of a text gets what it needs, and those that need none do not mind", async () => {
  const sql = `begin; set local work_mem = '8MB'; create temp table t as select {{b}}::int as n;
    insert into t values ({{a}}::int); show work_mem; select sum(n) + {{a}}::int from t; commit; analyze; select {{b}};
    create function f(int) returns int begin atomic select $1; end`;
  const alone = sql.slice(0, sql.indexOf("create function"));
  const { rows } = await run(alone, [text("a"), text("b")], { a: "1", b: "20" });
  expect(rows.filter((each) => each.length > 0)).toEqual([[["8MB"]], [[22n]], [["20"]]]);
  const { rows: all } = await run(sql, [text("a"), text("b")], { a: "1", b: "20" });
  expect(all.length).toBe(rows.length + 1);
});

test("the place of an error leads back to the text as it was written", async () => {
  const sql = "select {{a}} [[, {{gone}}]]; select {{a}} || nope";
  const definitions = [text("a"), text("gone")];
  const error = await run(sql, definitions, { a: "x" }).catch((caught: unknown) => caught);
  if (!(error instanceof ConnectorError)) throw error;
  const sent = renderParameters(sql, resolveParameters(sql, definitions, { a: "x" }));
  expect(templateOffset(sent, error.position!)).toBe(sql.indexOf("nope"));
});

test("hostile values stay values", async () => {
  for (const value of [
    "'; select pg_sleep(9); --",
    "{{ process.mainModule.require('child_process').exec('id') }}",
    "$\u007b7*7}",
    "{{7*7}}",
    "<%= 7*7 %>",
    "#{7*7}",
    "$1",
    "\\'",
    "\\xc0\\x27",
    "\u00c0'",
  ]) {
    const { rows, sent } = await run("select {{p}}", [text("p")], { p: value });
    expect(rows).toEqual([[[value]]]);
    expect(sent.sql).toBe("select $1");
  }
});
