import type { Cell, Column } from "@quern/contract/results";
import fc from "fast-check";
import { expect, test } from "vitest";
import { copyAs, literal } from "./copy-formats.ts";

const column = (name: string, type: Column["type"], source_type: string): Column => ({
  name,
  type,
  source_type,
});
const ID = column("id", "int8", "bigint");
const NAME = column("name", "text", "text");
const copied = {
  columns: [ID, NAME, column("", "json", "jsonb")],
  rows: [
    ["9007199254740993", 'a "b"|c', '{"n": 1.10}'],
    ["7", null, null],
    ["-1", "", "[]"],
  ] as Cell[][],
};

/** A reader of RFC 4180, and of tab-separated text by the same rules. */
function readSeparated(text: string, separator: string): string[][] {
  const rows: string[][] = [[]];
  for (let at = 0; at <= text.length; ) {
    let field = "";
    if (text[at] === '"') {
      at += 1;
      while (text[at] !== '"' || text[at + 1] === '"') {
        field += text[at];
        at += text[at] === '"' ? 2 : 1;
      }
      at += 1;
    } else {
      while (at < text.length && text[at] !== separator && !/[\r\n]/.test(text[at]!)) {
        field += text[at];
        at += 1;
      }
    }
    rows.at(-1)!.push(field);
    if (at >= text.length) break;
    if (text[at] === separator) at += 1;
    else {
      at += text.startsWith("\r\n", at) ? 2 : 1;
      rows.push([]);
    }
  }
  return rows;
}

test("CSV and tab-separated text come back as they were", () => {
  const cell = fc.string({ unit: fc.constantFrom("a", '"', ",", "\t", "\n", "\r", "é", "'") });
  const rows = fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(rows, (given) => {
      const two = { columns: [NAME, NAME], rows: given };
      expect(readSeparated(copyAs("csv", two, false), ",")).toEqual(given);
      expect(readSeparated(copyAs("tsv", two, false), "\t")).toEqual(given);
    }),
  );
  expect(copyAs("csv", copied, true)).toBe(
    'id,name,""\r\n9007199254740993,"a ""b""|c","{""n"": 1.10}"\r\n7,,\r\n-1,"",[]',
  );
});

test("JSON keeps every digit, and names repeated or missing columns", () => {
  const text = copyAs("json", copied, true);
  expect(JSON.parse(text)).toEqual([
    { id: "9007199254740993", name: 'a "b"|c', column_3: { n: 1.1 } },
    { id: 7, name: null, column_3: null },
    { id: -1, name: "", column_3: [] },
  ]);
  expect(text).toContain('{"n": 1.10}');
  const twice = { columns: [ID, ID], rows: [["1", "2"]] as Cell[][] };
  expect(JSON.parse(copyAs("json", twice, true))).toEqual([{ id: 1, id_2: 2 }]);
});

test("Markdown cannot be broken by what is in it", () => {
  const hostile = { columns: [NAME], rows: [["a|b\n<img onerror=x>*"]] as Cell[][] };
  expect(copyAs("markdown", hostile, true)).toBe(
    "| name |\n| --- |\n| a\\|b<br>\\<img onerror=x\\>\\* |",
  );
});

test("SQL values have the types of the result, and quotes are safe", () => {
  expect(copyAs("values", copied, false)).toBe(
    [
      "values",
      "  ((9007199254740993)::bigint, 'a \"b\"|c', '{\"n\": 1.10}'::jsonb),",
      "  ((7)::bigint, null, null::jsonb),",
      "  ((-1)::bigint, '', '[]'::jsonb)",
    ].join("\n"),
  );
  expect(copyAs("insert", { columns: [ID, NAME], rows: [["1", "O'Brien \\"]] }, false)).toBe(
    "insert into table_name (id, name) values\n  (1, 'O''Brien \\');",
  );
  const typed = (cell: Cell, type: Column["type"], source: string) =>
    literal(cell, column("x", type, source), true);
  expect(typed("NaN", "numeric", "numeric")).toBe("'NaN'::numeric");
  expect(typed("12.50", "numeric", "numeric(14,2)")).toBe("12.50");
  expect(typed(5, "int4", "integer")).toBe("5");
  expect(typed(0.1, "float8", "double precision")).toBe("'0.1'::double precision");
  expect(typed("0044-03-15 BC", "date", "date")).toBe("'0044-03-15 BC'::date");
  expect(typed("\\xdeadbeef", "bytea", "bytea")).toBe("'\\xdeadbeef'::bytea");
  expect(typed(true, "bool", "boolean")).toBe("true");
});
