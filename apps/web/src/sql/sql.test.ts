import type { SchemaSnapshot } from "@quern/contract/datasources";
import { expect, test } from "vitest";
import { complete } from "./completion.ts";
import { splitStatements, statementAt, tokenSpanAt } from "./statements.ts";
import { quoteIdentifier, tokenize } from "./tokens.ts";

const column = (name: string, source_type = "text") => ({
  name,
  type: "text" as const,
  source_type,
  not_null: false,
  default: null,
  comment: null,
});
const table = (name: string, columns: string[]) => ({
  name,
  kind: "table" as const,
  comment: null,
  row_estimate: 1,
  bytes: 1,
  columns: columns.map((each) => column(each)),
  keys: [],
  indexes: [],
});
const snapshot: SchemaSnapshot = {
  schemas: [
    {
      name: "ohub",
      comment: null,
      relations: [table("outages", ["province", "Cause"])],
      functions: [{ name: "region", arguments: "text", result: "text", kind: "function" }],
    },
    {
      name: "public",
      comment: null,
      relations: [table("flights", ["origin", "delay"]), table("airports", ["iata", "city"])],
      functions: [],
    },
  ],
};

/** Completes at `|`. */
function labels(marked: string): string[] {
  const offset = marked.indexOf("|");
  return complete(marked.replace("|", ""), offset, snapshot).map((item) => item.label);
}

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

test("after from come tables, after a dot the columns of what the name stands for", () => {
  expect(labels("select * from |")).toEqual(
    expect.arrayContaining(["flights", "ohub.outages", "ohub"]),
  );
  expect(labels("select * from fl|")).not.toContain("select");
  expect(labels("select f.| from flights f")).toEqual(["origin", "delay"]);
  expect(labels("select * from flights as f join airports a on a.iata = f.|")).toEqual([
    "origin",
    "delay",
  ]);
  expect(labels("select * from ohub.|")).toEqual(["outages", "region"]);
  expect(labels("select outages.| from ohub.outages")).toEqual(["province", "Cause"]);
  expect(
    labels("with m as (select origin, count(*) as n from flights group by 1) select m.| from m"),
  ).toEqual(["origin", "n"]);
  expect(labels("with m(a, b) as (values (1, 2)) select | from m")).toEqual(
    expect.arrayContaining(["a", "b"]),
  );
});

test("columns in scope come first, those of other statements not at all", () => {
  const items = labels("select 1 from airports; select | from flights, ohub.outages o where true");
  expect(items.slice(0, 4)).toEqual(["origin", "delay", "province", "Cause"]);
  expect(items).not.toContain("iata");
  expect(items).toEqual(expect.arrayContaining(["o", "count", "where"]));
});

test("nothing is offered inside strings and comments", () => {
  expect(labels("select 'fro|m' from flights")).toEqual([]);
  expect(labels("select 1 -- fro|")).toEqual([]);
  expect(labels("select 1 /* fro| */")).toEqual([]);
});

test("a name that somebody makes up is left alone", () => {
  expect(labels("select * from flights f|")).toEqual([]);
  expect(labels("select * from ohub.outages wh|")).toContain("where");
  expect(labels("select * from ohub.outages wh|")).not.toContain("flights");
  expect(labels("select delay as d|")).toEqual([]);
});

test("names are quoted only when they must be", () => {
  expect(quoteIdentifier("delay")).toBe("delay");
  expect(quoteIdentifier("Cause")).toBe('"Cause"');
  expect(quoteIdentifier("order")).toBe('"order"');
  expect(quoteIdentifier('a"b')).toBe('"a""b"');
  const cause = complete("select o. from ohub.outages o", 9, snapshot).find(
    (item) => item.label === "Cause",
  );
  expect(cause?.insert).toBe('"Cause"');
});
