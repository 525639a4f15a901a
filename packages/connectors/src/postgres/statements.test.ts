import { codeUnitOffset } from "@quern/contract/postgres-statement";
import fc from "fast-check";
import { loadModule, parseSync, scanSync } from "libpg-query";
import { beforeAll, describe, expect, test } from "vitest";
import { splitStatements } from "./statements.ts";

const texts = (sql: string) => splitStatements(sql).map(({ start, end }) => sql.slice(start, end));

describe("splitting", () => {
  test.each([
    ["select 1", ["select 1"]],
    ["select 1;select 2;", ["select 1", "select 2"]],
    ["select 1; --boo", ["select 1"]],
    ["select 1; --boo\nselect 2;", ["select 1", "select 2"]],
    ["select * from raw_events; # comment", ["select * from raw_events", "# comment"]],
    [
      "insert into t select 1;\nselect 2 union all (select 3);",
      ["insert into t select 1", "select 2 union all (select 3)"],
    ],
    [";; select 1 ;\n;", ["select 1"]],
    ["select ';'; select \";\"", ["select ';'", 'select ";"']],
    ["select 'it''s; so'; x", ["select 'it''s; so'", "x"]],
    ["select 'a\\'; select 2", ["select 'a\\'", "select 2"]],
    ["select e'a\\';'; select 2", ["select e'a\\';'", "select 2"]],
    ["select E'\\\\'; select 2", ["select E'\\\\'", "select 2"]],
    ["select e'a'\n'\\';'; x", ["select e'a'\n'\\';'", "x"]],
    // As the server does it; libpg-query ends the string at the comment.
    ["select e'a' -- c\n '\\';'; x", ["select e'a' -- c\n '\\';'", "x"]],
    ["select U&'\\003b;' uescape '!'; x", ["select U&'\\003b;' uescape '!'", "x"]],
    ['select U&"d;\\0061"; x', ['select U&"d;\\0061"', "x"]],
    ["select $$;$$, $a$ $$; $a$; x", ["select $$;$$, $a$ $$; $a$", "x"]],
    ["select a$b$; x$b$", ["select a$b$", "x$b$"]],
    ["select $1; x", ["select $1", "x"]],
    ["/* ; /* ; */ ; */ select 1 -- ;\n; x", ["select 1", "x"]],
    ["select 1/*;*/+/*;*/1; x", ["select 1/*;*/+/*;*/1", "x"]],
    [
      "create rule r as on insert to t do (select 1; select 2); x",
      ["create rule r as on insert to t do (select 1; select 2)", "x"],
    ],
    [
      "create function f() returns int begin atomic select 1; select case when true then 2 end; end; x",
      [
        "create function f() returns int begin atomic select 1; select case when true then 2 end; end",
        "x",
      ],
    ],
    ["begin; select 1; end; x", ["begin", "select 1", "end", "x"]],
    ["select 1 as begin; x", ["select 1 as begin", "x"]],
    ["select 'open; x", ["select 'open; x"]],
    [
      "select 1e10; select 0x1F; select 1.5e-3; x",
      ["select 1e10", "select 0x1F", "select 1.5e-3", "x"],
    ],
  ])("%s", (sql, expected) => {
    expect(texts(sql)).toEqual(expected);
  });

  test("a comment before a statement is sent with it, and does not move its start", () => {
    const sql = "select 1; /*+ SeqScan(t) */ select 2";
    expect(splitStatements(sql)[1]).toEqual({ from: 10, start: 28, end: 36 });
  });

  test("hostile texts take linear time", () => {
    for (const piece of [
      "'",
      "$a$",
      "/*",
      "(",
      "--\n",
      "$",
      "e'\\",
      '"',
      "''\n",
      "begin atomic ",
      "1.",
    ]) {
      const began = performance.now();
      splitStatements(piece.repeat(200_000));
      expect(performance.now() - began).toBeLessThan(5_000);
    }
  });
});

describe("beside PostgreSQL's own parser", () => {
  beforeAll(() => loadModule());

  const literals = [
    "'a;b'",
    "'it''s'",
    "e'\\';'",
    "E'\\\\'",
    "$$;$$",
    "$q$ $$ ; $q$",
    "U&'\\0061;'",
    "b'01'",
    "1.5e3",
    "'x'\n  ';'",
    '"a;b"',
    '"a""b;"',
    'U&"x;"',
    "a$1$b",
  ];
  const blanks = [" ", "\n", "/* ; */", "/* /* ; */ ' */", " -- ; '\n", "\t"];
  const operators = ["+", "-", "*", "||", "->>", "@>", "?|", "=", "<>", "::text ||"];
  const expression = fc
    .array(
      fc.tuple(
        fc.constantFrom(...literals),
        fc.constantFrom(...blanks),
        fc.constantFrom(...operators),
      ),
      {
        minLength: 1,
        maxLength: 6,
      },
    )
    .map((parts) =>
      parts
        .map(
          ([literal, blank, operator], index) =>
            `${index === 0 ? "" : ` ${operator} `}${blank}${literal}`,
        )
        .join(""),
    );
  const statement = fc.oneof(
    expression.map((text) => `select ${text}`),
    expression.map((text) => `insert into t (a) values (${text})`),
    expression.map(
      (text) =>
        `create function f() returns int language sql begin atomic select ${text}; select case when true then 1 end; end`,
    ),
    expression.map((text) => `create rule r as on insert to t do also (select ${text}; select 1)`),
    expression.map((text) => `do $body$ begin perform ${text.replaceAll("$", "")}; end $body$`),
  );
  const program = fc
    .array(fc.tuple(fc.constantFrom(...blanks), statement, fc.constantFrom(...blanks)), {
      minLength: 1,
      maxLength: 5,
    })
    .map((parts) => parts.map(([before, text, after]) => before + text + after).join(";"));

  test("the same statements", () => {
    fc.assert(
      fc.property(program, (sql) => {
        const oracle = oracleSplit(sql);
        fc.pre(oracle !== null);
        expect(splitStatements(sql).map(({ start, end }) => sql.slice(start, end))).toEqual(oracle);
      }),
      { numRuns: 1_500 },
    );
  });

  test("garbage is split where the scanner sees semicolons", () => {
    const pieces = [
      ...literals,
      ...blanks,
      ";",
      "select",
      "case",
      "end",
      "x",
      "1",
      "$1",
      "=",
      "''",
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 12 }), (parts) => {
        const sql = parts.join(" ");
        const semicolons = oracleSemicolons(sql);
        fc.pre(semicolons !== null);
        const ours = splitStatements(sql).map(({ start, end }) => sql.slice(start, end));
        const bounds = [-1, ...(semicolons ?? []), sql.length];
        const slices = bounds
          .slice(1)
          .map((end, index) => sql.slice((bounds[index] ?? 0) + 1, end));
        expect(ours.length).toBe(slices.filter((slice) => texts(slice).length > 0).length);
      }),
      { numRuns: 1_500 },
    );
  });

  /** The statements as the parser bounds them; null when it does not parse. ASCII only: it counts bytes. */
  function oracleSplit(sql: string): string[] | null {
    try {
      const { stmts = [] } = parseSync(sql);
      return stmts.map(
        ({ stmt_location = 0, stmt_len }: { stmt_location?: number; stmt_len?: number }) => {
          const end =
            stmt_len === undefined || stmt_len === 0 ? sql.length : stmt_location + stmt_len;
          return trim(sql.slice(stmt_location, end));
        },
      );
    } catch {
      return null;
    }
  }

  /** Without the white space and comments around it, as the scanner sees them. */
  function trim(text: string): string {
    const tokens = scanSync(text).tokens.filter(({ tokenName }) => !/COMMENT/.test(tokenName));
    return text.slice(tokens[0]?.start ?? 0, tokens.at(-1)?.end ?? 0);
  }

  function oracleSemicolons(sql: string): number[] | null {
    try {
      return scanSync(sql)
        .tokens.filter(({ text }) => text === ";")
        .map(({ start }) => start);
    } catch {
      return null;
    }
  }
});

test("code points become UTF-16 offsets", () => {
  expect(codeUnitOffset("a😀b", 1)).toBe(0);
  expect(codeUnitOffset("a😀b", 2)).toBe(1);
  expect(codeUnitOffset("a😀b", 3)).toBe(3);
  expect(codeUnitOffset("ab", 99)).toBe(2);
});
