import type { Cell, Column } from "@quern/contract/results";
import { expect, test } from "vitest";
import { coloursOf } from "../colours.ts";
import { formatted, type RowFormat } from "./rows.ts";
import { duration, parseDuration, parseNumber, size } from "./times.ts";
import { displayWidth } from "./width.ts";

const COLUMNS: Column[] = [
  { name: "n", type: "int4", source_type: "integer" },
  { name: "n", type: "text", source_type: "text" },
];
const ROWS: Cell[][] = [
  [1, "a\tb\n\\"],
  [null, ""],
  [3, "日本"],
];

async function text(
  format: RowFormat,
  rows = ROWS,
  columns: number | null = null,
): Promise<string> {
  async function* chunks() {
    // Pages of one row: nothing may depend on where a page ends.
    for (const row of rows) yield [row];
  }
  let all = "";
  const look = { colours: coloursOf(false), columns };
  for await (const piece of formatted(format, { columns: COLUMNS, chunks: chunks() }, look))
    all += typeof piece === "string" ? piece : Buffer.from(piece).toString();
  return all;
}

test("a table is aligned, by the columns that wide characters take, and says NULL", async () => {
  expect(await text("table")).toBe(
    [
      "  n   |   n  ",
      "------+-------",
      "    1 | a b↵\\",
      " NULL | ",
      "    3 | 日本",
      "(3 rows)",
      "",
    ].join("\n"),
  );
});

test("a table that is too wide for the terminal has a line for each column", async () => {
  expect(await text("table", ROWS.slice(0, 1), 8)).toBe("-[ 1 ]-\nn | 1\nn | a b↵\\\n(1 row)\n");
});

test("what would act on a terminal is not printed", async () => {
  const printed = await text("table", [[1, "\u001b[2J\u202e"]]);
  expect(["\u001b", "\u202e"].filter((char) => printed.includes(char))).toEqual([]);
});

test("tsv is what COPY reads", async () => {
  expect(await text("tsv")).toBe("n\tn\n1\ta\\tb\\n\\\\\n\\N\t\n3\t日本\n");
});

test("csv tells NULL from empty text", async () => {
  expect(await text("csv")).toBe('n,n\r\n1,"a\tb\n\\"\r\n,""\r\n3,日本\r\n');
});

test("json is an array of objects, with a name for each column, whatever the pages are", async () => {
  const objects = [
    { n: 1, n_2: "a\tb\n\\" },
    { n: null, n_2: "" },
    { n: 3, n_2: "日本" },
  ];
  expect(JSON.parse(await text("json"))).toEqual(objects);
  expect(await text("json", [])).toBe("[]\n");
  expect(
    (await text("jsonl"))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toEqual(objects);
});

test("durations, sizes and widths", () => {
  expect([0, 999, 1000, 59_940, 61_000, 3_700_000, 180_000_000].map(duration)).toEqual([
    "0 ms",
    "999 ms",
    "1.0 s",
    "59.9 s",
    "1 min 1 s",
    "1 h 1 min",
    "2 d 2 h",
  ]);
  expect([0, 1023, 1536, 31 * 1024 ** 2, 20 * 1024 ** 3].map(size)).toEqual([
    "0 B",
    "1023 B",
    "1.5 KiB",
    "31.0 MiB",
    "20.0 GiB",
  ]);
  expect(["30", "500ms", "1.5h", "7d"].map((each) => parseDuration("ttl", each))).toEqual([
    30_000, 500, 5_400_000, 604_800_000,
  ]);
  expect(() => parseDuration("ttl", "soon")).toThrow("--ttl is a time like");
  expect(() => parseDuration("ttl", "0")).toThrow();
  expect(() => parseNumber("jobs", "65", { min: 1, max: 64 })).toThrow("from 1 to 64");
  expect(["é", "e\u0301", "日", "👍🏽"].map(displayWidth)).toEqual([1, 1, 2, 2]);
});
