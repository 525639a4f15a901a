import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ParameterType, RunParameter } from "../parameters.ts";
import { renderParameters, templateOffset } from "./render.ts";
import { readTemplate } from "./template.ts";

const names = (sql: string) =>
  readTemplate(sql).uses.map(({ name, part }) => (part === null ? name : `${name}.${part}`));
const problems = (sql: string) => readTemplate(sql).problems.map(({ message }) => message);

function value(name: string, given: string | null | { all: true } = "v"): RunParameter {
  const bound = given === null || typeof given === "string" ? given : null;
  return {
    name,
    type: "text",
    given,
    bound: bound === null && given !== null ? [] : [{ name, sql_type: "text", value: bound }],
  };
}
const named = (name: string, given: string): RunParameter => ({
  name,
  type: "identifier" satisfies ParameterType,
  given,
  bound: [],
});
const render = (sql: string, ...params: RunParameter[]) => renderParameters(sql, params).sql;

describe("finding parameters", () => {
  test.each([
    ["select 1", []],
    ["select {{a}}, {{ b }}, {{\n a\t}}", ["a", "b", "a"]],
    ["between {{ d.start }} and {{d.end}}", ["d.start", "d.end"]],
    ["{\u200b{ a }\u200d}, {\ufeff{\u200cb\u200b}}", ["a", "b"]],
    ["select a{{b}}c", ["b"]],
    [
      "select '{{a}}', \"{{a}}\", e'\\'{{a}}', U&'{{a}}', U&\"{{a}}\", $$ {{a}} $$, $t$ {{a}} $t$",
      [],
    ],
    ["select 'it''s {{a}}' || {{b}}", ["b"]],
    ["select 'a' -- {{a}}\n '{{b}}', {{c}}", ["c"]],
    ["-- {{a}}\nselect {{b}} /* {{c}} /* {{d}} */ {{e}} */", ["b"]],
    ["select 'It''s an /* {{a}} */ string', {{b}}", ["b"]],
    ["select x ~ '/j/(k|l|m|n)/*' and {{a}} -- */ {{b}}", ["a"]],
    ["select {{a}} /*action='%2Fparam*d',controller='{{b}}'*/", ["a"]],
    ["select {{a}} /* {{b}} */, /* {{c}} */ {{d}}", ["a", "d"]],
    ["-- {{#test}} {{nested}} {{/test}}", []],
    ["select '/* ' || {{a}} || ' */'", ["a"]],
    [
      "select '{2,3}'::int[], '{\"a\":{\"b\":1}}'::jsonb, {{a}}::jsonb ? 'x' and {{b}} ?| array['y']",
      ["a", "b"],
    ],
    ["select $a$ $b$ {{a}} $b$ $a$, {{b}}", ["b"]],
    ["select /* open {{a}}", []],
    ["select 'open {{a}}", []],
    ["create function f(int) returns int begin atomic select $1; end; select {{a}}", ["a"]],
    ["select a from t # comment of another engine {{a}}", ["a"]],
  ])("%s", (sql, expected) => {
    expect(problems(sql)).toEqual([]);
    expect(names(sql)).toEqual(expected);
  });

  test("a {{ }} between the parts of a string that goes on in the next line is none", () => {
    expect(names("select 'a'\n'{{b}}'")).toEqual([]);
  });
});

describe("what cannot be read says where and why", () => {
  test.each([
    ["select {{a", 7, "is not closed by }}"],
    ["select {{ first name }}", 7, "“first name” is no name"],
    ["select {{ 1a }}", 7, "is no name"],
    ["select {{ a.b }}", 7, "“a.b” is no name"],
    ["select {{ a.started }}", 7, "is no name"],
    ["select {{}}", 7, "no name in {{ }}"],
    [`select {{ ${"a".repeat(64)} }}`, 10, "63 characters"],
    ["select 1 [[ where a = {{a}}", 9, "[[ is not closed"],
    ["select 1 [[ where a = {{a}} -- ]]", 9, "[[ is not closed"],
    ["select 1 [[ where a = {{a}} || ']]'", 9, "[[ is not closed"],
    ["select 1 [[ where true ]]", 9, "without a {{ parameter }}"],
    ["select {{a}}, $1", 14, "$1 cannot stand beside"],
    ["select $2 + {{a}}", 7, "$2 cannot stand beside"],
    ["create function f() returns int begin atomic select {{a}}; end", 52, "begin atomic"],
  ])("%s", (sql, start, words) => {
    const [problem] = readTemplate(sql).problems;
    expect(problem?.message).toContain(words);
    expect(problem?.start).toBe(start);
  });

  test("a text without parameters may have $1, for what it is worth", () => {
    expect(problems("prepare p as select $1; execute p(1)")).toEqual([]);
  });
});

describe("rendering", () => {
  test("a parameter used twice is one $n; numbers go by the text", () => {
    const { sql, params } = renderParameters("select {{b}}, {{a}}, {{b}}", [
      value("a", "1"),
      value("b", "2"),
    ]);
    expect(sql).toBe("select $1, $2, $1");
    expect(params).toEqual([
      { type: "text", value: "2" },
      { type: "text", value: "1" },
    ]);
  });

  test.each([
    ["where a[b[1]] = 1", "where a[b[1]] = 1"],
    ["select array[[1,2],[3,4]]", "select array[[1,2],[3,4]]"],
    ["select array [ [[1],[2]], [[3],[4]] ], {{a}}", "select array [ [[1],[2]], [[3],[4]] ], $1"],
    ["x [[and a[b[1]] = {{a}}]]", "x  and a[b[1]] = $1 "],
    ["x [[and {{a}} = c[d[1]]]]", "x  and $1 = c[d[1]] "],
    ["x [\u200b[and {{a}}]\ufeff]", "x  and $1 "],
    ["x [[and {{a}} -- ]]\n]]", "x  and $1 -- ]]\n "],
    ["x [[and {{a}} = ']]']]", "x  and $1 = ']]' "],
    ["x [[and {{a}} [[and {{gone}}]]]]", "x  and $1   "],
    ["x [[and {{gone}} [[and {{a}}]]]] y", "x   y"],
    ["x [[and {{a}} and {{gone}}]] y", "x   y"],
    ["x [[where [[{{gone}}]] [[{{a}}]]]]", "x  where    $1  "],
    ["x [[where [[{{gone}}]] ]] y", "x   y"],
    ["x [[and a is not distinct from {{null}}]]", "x  and a is not distinct from $1 "],
    ["x [[and b = {{all}}]] y", "x   y"],
  ])("%s", (sql, expected) => {
    expect(problems(sql)).toEqual([]);
    expect(render(sql, value("a"), value("null", null), value("all", { all: true }))).toBe(
      expected,
    );
  });

  test.each([
    ["select x{{a}}y", "select x $1 y"],
    ["select {{a}}5, 1{{a}}", "select $1 5, 1 $1"],
    ["select {{a}}{{b}}", "select $1 $2"],
    ["select {{a}}::int+{{b}}", "select $1::int+$2"],
    ["select 1 -[[{{gone}}]]- 1", "select 1 - - 1"],
    ["select 1 /[[{{gone}}]]* 1", "select 1 / * 1"],
  ])("nothing joins what stands beside it: %s", (sql, expected) => {
    expect(render(sql, value("a"), value("b"))).toBe(expected);
  });

  test.each([
    ["from {{t}}", "orders", 'from "orders"'],
    ["from {{t}} o", "trad.orders", 'from "trad"."orders" o'],
    ["from {{t}}", '"a.b".c', 'from "a.b"."c"'],
    ["from {{t}}", 'a"b;--', 'from "a""b;--"'],
    ["from {{t}}", '"', 'from """"'],
    ["from {{t}}", "]`'", 'from "]`\'"'],
    ["from {{t}}", "a\nb", 'from "a\nb"'],
    ["from t.{{t}}(1)", "f", 'from t."f"(1)'],
    ['from "x"{{t}}"y"', "z", 'from "x" "z" "y"'],
    ["select U&{{t}}", "z", 'select U& "z"'],
  ])("a name is quoted: %s with %s", (sql, name, expected) => {
    expect(render(sql, named("t", name))).toBe(expected);
  });

  test("a value that is missing is an error with its place", () => {
    expect(() => render("select {{a}}")).toThrow("{{ a }} has no value");
    expect(() => render("select {{a")).toThrow("not closed");
  });

  test("offsets lead back to the template, whatever came in the place of what", () => {
    const sql = "select {{a}} + b [[where {{gone}} = 1]] [[ and {{a}} = zzz ]] limit nope";
    const rendered = renderParameters(sql, [value("a")]);
    for (const word of ["select", "+", "zz", "limit nope"]) {
      const at = rendered.sql.indexOf(word);
      expect(templateOffset(rendered, at)).toBe(sql.indexOf(word));
      expect(templateOffset(rendered, at + word.length, "end")).toBe(
        sql.indexOf(word) + word.length,
      );
    }
    expect(templateOffset(rendered, rendered.sql.indexOf("$1"))).toBe(7);
    expect(templateOffset(rendered, rendered.sql.indexOf("$1") + 2, "end")).toBe(12);
    expect(templateOffset(rendered, rendered.sql.indexOf("zzz") + 3, "end")).toBe(
      sql.indexOf("zzz ]]") + 6,
    );
    expect(templateOffset(rendered, rendered.sql.indexOf("+ b") + 3, "end")).toBe(
      sql.indexOf("[[ and"),
    );
    expect(templateOffset(rendered, rendered.sql.length, "end")).toBe(sql.length);
    const plain = renderParameters("select 1", []);
    expect(templateOffset(plain, 3)).toBe(3);
    expect(templateOffset(renderParameters("", []), 0)).toBe(0);
  });
});

test("hostile texts take linear time", () => {
  const pieces = [
    " /*",
    "[[",
    "{{",
    "$a",
    "]]",
    "}}",
    "array[[",
    "{{ ",
    "{{a",
    "{{a ",
    "{\u200b",
    "'",
    "$$",
    "[[{{a}}",
    "[[{{a}}]]",
    "{{a}}",
    "{{ x y }}",
    "array[{{a}}",
    "{{a}}$1",
    "begin atomic {{a}} ",
    "a[",
    ";",
    "''\n",
    "\u200b",
  ];
  for (const piece of pieces) {
    const size = pieces.indexOf(piece) < 4 ? 1_000_000 : 300_000;
    const sql = piece.repeat(Math.ceil(size / piece.length));
    const began = performance.now();
    const { problems: found } = readTemplate(sql);
    if (found.length === 0) renderParameters(sql, [value("a")]);
    expect(performance.now() - began, piece).toBeLessThan(10_000);
    expect(found.length).toBeLessThanOrEqual(101);
  }
});

test("what is not of ours is copied as it is, and every parameter is found", () => {
  const literals = [
    "'{{x}}'",
    '"[[{{x}}"',
    "$$ {{x}} ]] $$",
    "/* [[ {{x}} */",
    "e'\\'{{x}}'",
    "-- {{x}}\n",
    "a[b[1]]",
    "array[[1],[2]]",
    "U&'{{x}}'",
    "x::jsonb ?| y",
  ];
  const piece = fc.oneof(
    fc.constantFrom(...literals),
    fc.constantFrom("a", "b", "c").map((name) => `{{ ${name} }}`),
    fc.constantFrom("a", "b", "c").map((name) => `[[ and x = {{${name}}} ]]`),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const sql = pieces.join(" ");
      const wanted = pieces.flatMap((text) =>
        /^(\{\{|\[\[)/.test(text) ? [/\{\{ ?(.)/.exec(text)![1]!] : [],
      );
      expect(names(sql)).toEqual(wanted);
      const rendered = renderParameters(
        sql,
        ["a", "b", "c"].map((name) => value(name)),
      );
      expect(rendered.params.length).toBe(new Set(wanted).size);
      for (const literal of pieces.filter((text) => literals.includes(text))) {
        expect(rendered.sql).toContain(literal);
      }
      for (const { at, from, to, copied } of rendered.stretches) {
        if (copied) expect(rendered.sql.slice(at, at + to - from)).toBe(sql.slice(from, to));
      }
    }),
  );
});
