import { expect, test } from "vitest";
import { splitStatements, statementAt, tokenSpanAt } from "./statements.ts";
import { quoteIdentifier, tokenize } from "./tokens.ts";

test("semicolons in strings, comments, dollar quotes and function bodies do not end a statement", () => {
  const sql = `select ';', $a$ ; $$ ; $a$, E'\\';' /* ; /* ; */ ; */ -- ;
from "a;b";; create function f() returns int begin atomic select case when true then 1 end; end ; select 2`;
  const texts = splitStatements(sql).map((span) => sql.slice(span.start, span.end));
  expect(texts).toHaveLength(3);
  expect(texts[0]).toMatch(/^select ';'[\s\S]*"a;b"$/);
  expect(texts[1]).toMatch(/^create function[\s\S]* end$/);
  expect(texts[2]).toBe("select 2");
});

test("every cut of a text can be tokenized, and the tokens cover it", () => {
  const sql = 'select E\'a\\\'b\', "x""y", $t$ body $t$, 1.5e3 /* a /* b */ c */ -- end\n from t';
  for (let end = 0; end <= sql.length; end += 1) {
    const cut = sql.slice(0, end);
    const covered = tokenize(cut)
      .map((token) => token.text)
      .join("")
      .replace(/\s/g, "");
    expect(covered).toBe(cut.replace(/\s/g, ""));
  }
});

test("the statement at the cursor is the one it touches, or the next", () => {
  const sql = "select 1;\n\nselect 2;\nselect 3";
  const at = (offset: number) => {
    const span = statementAt(sql, offset);
    return span && sql.slice(span.start, span.end);
  };
  expect(at(3)).toBe("select 1");
  expect(at(9)).toBe("select 1");
  expect(at(10)).toBe("select 2");
  expect(at(sql.length)).toBe("select 3");
  expect(statementAt("  -- nothing", 3)).toBeNull();
});

test("an error underlines its word, and one sign where there is none", () => {
  const span = tokenSpanAt("select foo.bar from t", 7);
  expect(span).toEqual({ start: 7, end: 10 });
  expect(tokenSpanAt("select", 6)).toEqual({ start: 6, end: 6 });
});

test("names are quoted only when they must be", () => {
  expect(quoteIdentifier("delay")).toBe("delay");
  expect(quoteIdentifier("Cause")).toBe('"Cause"');
  expect(quoteIdentifier("order")).toBe('"order"');
  expect(quoteIdentifier('a"b')).toBe('"a""b"');
});
