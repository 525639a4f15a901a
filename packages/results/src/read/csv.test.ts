import type { Cell } from "@quern/contract/results";
import fc from "fast-check";
import { expect, test } from "vitest";
import { column, textOf } from "../testing.ts";
import { csv } from "./csv.ts";

const SAFE = { spreadsheet_safe: true };
const RAW = { spreadsheet_safe: false };

async function* chunks(...all: Cell[][][]): AsyncGenerator<Cell[][]> {
  yield* all;
}

/** A reader after RFC 4180's grammar; an unquoted empty field is null. */
function parse(text: string): (string | null)[][] {
  const records: (string | null)[][] = [];
  let at = 0;
  while (at < text.length) {
    const record: (string | null)[] = [];
    for (let more = true; more; ) {
      const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y;
      field.lastIndex = at;
      const match = field.exec(text);
      if (match === null) throw new Error(`no field at ${at}: ${text.slice(at, at + 40)}`);
      record.push(match[1]?.replaceAll('""', '"') ?? (match[2] === "" ? null : (match[2] ?? null)));
      at = field.lastIndex;
      more = match[3] === ",";
    }
    records.push(record);
  }
  return records;
}

test("a header, CRLF, and NULL apart from empty text", async () => {
  const columns = [column("id", "int4"), column("", "text"), column('a "b"', "text")];
  const text = await textOf(
    csv(columns, chunks([[1, null, ""]], [], [[null, "x,y", 'say "hi"\r\n']]), SAFE),
  );
  expect(text).toBe('id,"","a ""b"""\r\n1,,""\r\n,"x,y","say ""hi""\r\n"\r\n');
});

test("no byte-order mark, and UTF-8", async () => {
  const text = await textOf(csv([column("é𝄞", "text")], chunks([["ü"]]), SAFE));
  expect(Buffer.from(text)[0]).toBe(0xc3);
  expect(text).toBe("é𝄞\r\nü\r\n");
});

test("no rows give a header only", async () => {
  expect(await textOf(csv([column("a", "int4")], chunks(), SAFE))).toBe("a\r\n");
});

const FORMULAS = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "＝1", "＋1", "－1", "＠x"];

test.each(FORMULAS)("%j in text gets an apostrophe, unless raw", async (formula) => {
  const columns = [column(formula, "text"), column("j", "json"), column("o", "other")];
  const read = async (options: typeof SAFE) =>
    parse(await textOf(csv(columns, chunks([[formula, formula, formula]]), options)));
  const guarded = `'${formula}`;
  expect(await read(SAFE)).toEqual([
    [guarded, "j", "o"],
    [guarded, guarded, guarded],
  ]);
  expect(await read(RAW)).toEqual([
    [formula, "j", "o"],
    [formula, formula, formula],
  ]);
});

test("numbers are left alone", async () => {
  const types = ["int2", "int4", "int8", "float4", "float8", "numeric"] as const;
  const columns = types.map((type) => column(type, type));
  const cells = [-1, -2, "-9223372036854775808", -0.5, "-Infinity", "-12.30"];
  const [, row] = parse(await textOf(csv(columns, chunks([cells]), SAFE)));
  expect(row).toEqual(cells.map(String));
});

test("text that ends a COPY is quoted", async () => {
  const columns = [column("a", "text")];
  expect(await textOf(csv(columns, chunks([["\\."]]), SAFE))).toBe('a\r\n"\\."\r\n');
});

test("what is written is read back by another reader", async () => {
  const cell = fc.option(
    fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.string({ unit: fc.constantFrom(...'",\r\n\\.=a') }),
    ),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.tuple(cell, cell), { maxLength: 5 }), { maxLength: 4 }),
      async (groups) => {
        const columns = [column("a", "text"), column("b", "text")];
        const text = await textOf(csv(columns, chunks(...groups), RAW));
        expect(parse(text)).toEqual([["a", "b"], ...groups.flat()]);
      },
    ),
    { numRuns: 300 },
  );
});
