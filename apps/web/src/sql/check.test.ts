import { createRequire } from "node:module";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { type Parse, syntaxChecker } from "./check.ts";
import { formatSql, sqlWords } from "./format.ts";
import { offsetOfCharacter, plainSql } from "./plain-sql.ts";

type Parser = { parseSync(sql: string): unknown; loadModule(): Promise<void> };
const parser = createRequire(import.meta.url)("libpg-query") as Parser;

/** PostgreSQL's own parser, by the package's interface: the browser reads the same errors out of the same module. */
const parse: Parse = (statement) => {
  try {
    parser.parseSync(statement);
    return null;
  } catch (error) {
    const details = (error as { sqlDetails?: { message: string; cursorPosition: number } })
      .sqlDetails;
    if (!details) throw error;
    return {
      message: details.message,
      offset: offsetOfCharacter(statement, details.cursorPosition),
    };
  }
};
let check: ReturnType<typeof syntaxChecker>;
beforeAll(async () => {
  await parser.loadModule();
  check = syntaxChecker(parse);
});

/** The words that are underlined. */
const marked = (sql: string) => check(sql).map(({ start, end }) => sql.slice(start, end));

test.each([
  ["select 1", []],
  ["select form flights where", ["where"]],
  ["select * from flights wher origin = 1", ["origin"]],
  ["select '🦆🦆', é from flights group origin", ["origin"]],
  ["-- naïve 🦆\nselect 1 from from t", ["from"]],
  ["selec 1; select 2; select from where; select 3", ["selec", "where"]],
  ["select {{ a }} from t where x = {{ b }} and", ["and"]],
  ["select * from t where true [[ and x = {{ x }} ]] [[ order {{ y }} ]]", ["{{ y }}".slice(0, 1)]],
  ["select {{ range.start }}::date, array[[1,2],[3,4]]", []],
  ["select * from t where a in ({{ list }}) [[and b between {{ r.start }} and {{ r.end }}]]", []],
  ["select '{{ no }} [[', $$ [[ $$", []],
  ["select 'open", ["'open"]],
  ["create function f() returns int begin atomic select 1; select 2; end; selec", ["selec"]],
  ["select (1", ["1"]],
])("what the parser refuses is underlined, statement by statement: %s", (sql, wanted) => {
  expect(marked(sql)).toEqual(wanted);
});

test("the underlined place is that of the error, behind emoji and parameters of any length", () => {
  const sql = "select '🦆é', {{ a_long_name }}, x y z from t";
  const [fault] = check(sql);
  expect(sql.slice(fault?.start)).toBe("z from t");
  expect(fault?.message).toMatch(/syntax error at or near "z"/);
});

test("text without parameters keeps its length whatever it is", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }),
      fc.array(fc.constantFrom("{{ a }}", "[[", "]]", "'", "--", "\n", "$$", "x")),
      (text, parts) => {
        const sql = parts.join(text.slice(0, 3)) + text;
        expect(plainSql(sql).length).toBe(sql.length);
      },
    ),
  );
});

test("characters are counted back to UTF-16", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.nat(), (text, at) => {
      const points = [...text].slice(0, at % 20).join("");
      expect(offsetOfCharacter(text, [...points].length)).toBe(points.length);
    }),
  );
});

const PIECES = [
  "select",
  "from t",
  "where",
  "a",
  "b.c",
  '"A b"',
  "'x''y'",
  "E'\\''",
  "$$ a  b $$",
  "$t$x$t$",
  "1.5e3",
  "-1",
  "=-1",
  "(",
  ")",
  ",",
  ";",
  "{{ p }}",
  "{{ r.start }}",
  "[[ and x = {{ y }} ]]",
  "[[",
  "]]",
  "array[[1,2],[3]]",
  "-- note\n",
  "/* a /* b */ */",
  "->>",
  "#>",
  "@>",
  "?|",
  "~*",
  "!~~",
  "::text",
  "|| 'x'",
  "case when a then b end",
  "group by 1",
  "order by a desc",
  "union all",
  "with m as (select 1)",
  "insert into t(a) values (1)",
  "on conflict do nothing",
  "*",
  "count(*) filter (where a)",
  "over (partition by b)",
  "é",
  "🦆",
  "\n\n",
  "<>",
  "a-b",
  "a--b\n",
  "x[1:2]",
  "limit 5",
];

test("formatting changes blanks and nothing else: the words stay, in their order", () => {
  let formatted = 0;
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...PIECES), { maxLength: 14 }),
      fc.constantFrom(" ", "\n", "  "),
      (pieces, blank) => {
        const sql = pieces.join(blank);
        const result = formatSql(sql);
        if ("reason" in result) return;
        formatted += 1;
        expect(sqlWords(result.text)).toEqual(sqlWords(sql));
      },
    ),
    { numRuns: 400 },
  );
  expect(formatted).toBeGreaterThan(100);
});

test("what is formatted once stays as it is", () => {
  const sql = `select a,b -- why
from t where x = {{ y }} [[ and z = {{ q }} ]] [[and k in ({{ l }})]] and j->>'a' ~* 'x' order by 1; select $$ a  b $$, array[[1,2],[3,4]], a=-1`;
  const once = formatSql(sql);
  if ("reason" in once) throw new Error(once.detail);
  expect(once.text).toContain("  [[and z = {{ q }} ]]\n");
  expect(once.text).toContain("$$ a  b $$");
  expect(once.text).toContain("array[[1, 2], [3, 4]]");
  expect(formatSql(once.text)).toEqual(once);
});

test("what cannot be formatted says why, and nothing is thrown", () => {
  expect(formatSql("select ((1")).toMatchObject({
    reason: "unreadable",
    detail: expect.stringContaining("line 1"),
  });
  for (const sql of ["", "   ", "-- only a comment", ";;", "'", "$$", "{{", "[[", "\ue000"])
    formatSql(sql);
});
