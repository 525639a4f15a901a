import { expect, test } from "vitest";
import { isClosed, sqlComment } from "./sql-comment.ts";

test("tags are in the format of sqlcommenter: sorted, encoded, quoted", () => {
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  expect(sqlComment({ run_id: "019a", traceparent })).toBe(
    ` /*application='quern',run_id='019a',traceparent='${traceparent}'*/`,
  );
  expect(sqlComment({ run_id: "019a", traceparent: null })).not.toContain("traceparent");
});

test("nothing in a value ends the comment", () => {
  const comment = sqlComment({ run_id: "a'*/; drop table x; /* é", traceparent: null });
  expect(comment.slice(3, -2)).not.toMatch(/\*\/|\/\*|[^=,]'[^,]|;/);
});

test("a text that ends within a string, a name or a dollar quote is not closed", () => {
  for (const sql of [
    "select 'abc",
    "select e'abc\\'",
    'select "abc',
    "select $$ abc",
    "select $tag$ abc $$",
    "select u&'abc",
    "select 1 /* abc",
    "select b'01",
  ]) {
    expect([sql, isClosed(sql)]).toEqual([sql, false]);
  }
});

test("others are", () => {
  for (const sql of [
    "select 1",
    "select 1;",
    "select 1 -- it's",
    "select 1 /* it's */",
    "select 'it''s'",
    "select $$ it's $$",
    "select 'a'\n'b'",
    "select 1 +",
    "",
  ]) {
    expect([sql, isClosed(sql)]).toEqual([sql, true]);
  }
});
