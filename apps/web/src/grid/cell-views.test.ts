import type { Cell } from "@quern/contract/results";
import { expect, test } from "vitest";
import { painter, paintStyle, rangeOf } from "./cell-paint.ts";
import { cellWriter, readableWriter } from "./cell-text.ts";
import { bytesOf, hexRow, hexRowCount } from "./hex.ts";
import { closedAtFirst, jsonLines, parseJsonTree } from "./json-tree.ts";
import { orderOf } from "./row-order.ts";
import { indentXml } from "./xml-text.ts";

test("thresholds are compared exactly, and what is no number has no colour", () => {
  const paint = painter(
    {
      type: "thresholds",
      thresholds: [
        { value: "9007199254740993", tone: "bad", label: "too many" },
        { value: "0", tone: "good" },
      ],
    },
    null,
  )!;
  expect(paint("9007199254740992")).toEqual({ tone: "good", words: "good" });
  expect(paint("9007199254740993")).toEqual({ tone: "bad", words: "too many" });
  expect([-1, "NaN", null, true].map((cell) => paint(cell))).toEqual([null, null, null, null]);
});

test("scales and bars go by the range; bars below nought go to the left of it", () => {
  const range = rangeOf([-10, "30", null, "x", "NaN"]);
  expect(range).toEqual({ min: -10, max: 30 });
  expect(painter({ type: "scale" }, range)?.(10)?.shade).toBe(0.5);
  expect(painter({ type: "bar" }, range)?.(-10)?.bar).toEqual({ from: 0, to: 0.25, zero: 0.25 });
  expect(painter({ type: "bar" }, range)?.(30)?.bar).toEqual({ from: 0.25, to: 1, zero: 0.25 });
  expect(painter({ type: "scale" }, null)).toBeNull();
  expect(painter({ type: "scale" }, { min: 3, max: 3 })?.(3)?.shade).toBe(0.5);
  const values = painter({ type: "values", values: [{ value: "open", tone: "warning" }] }, null);
  expect(values?.("open")?.tone).toBe("warning");
  expect(values?.("shut")).toBeNull();
  expect(paintStyle({ color: "2", shade: 1 }, ["#111111", "#222222"])?.backgroundColor).toContain(
    "#222222 40%",
  );
});

test("cells are written as they are unless a format says otherwise", () => {
  const at = { name: "at", type: "timestamp", source_type: "timestamp" } as const;
  expect(cellWriter(at, {}, [])("2026-01-31 10:00:00")).toBe("2026-01-31 10:00:00");
  expect(readableWriter(at, {}, ["2026-01-31 10:00:00"], null)("2026-01-31 10:00:00")).toBe(
    "Jan 31, 2026, 10:00",
  );
  const amount = { name: "n", type: "int8", source_type: "bigint" } as const;
  expect(cellWriter(amount, { format: { style: "number" } }, [])("9007199254740993")).toBe(
    "9,007,199,254,740,993",
  );
});

test("rows are sorted as PostgreSQL would, NULL last, equal ones as they came", () => {
  const sorted = (type: Parameters<typeof orderOf>[1], cells: Cell[], direction: "asc" | "desc") =>
    orderOf(
      cells.map((cell) => [cell]),
      type,
      { column: 0, direction },
    ).map((at) => cells[at]);
  const numbers = ["9007199254740993", null, "NaN", "9007199254740992", "-Infinity", "1e3"];
  expect(sorted("numeric", numbers, "asc")).toEqual([
    "-Infinity",
    "1e3",
    "9007199254740992",
    "9007199254740993",
    "NaN",
    null,
  ]);
  expect(sorted("numeric", numbers, "desc").at(0)).toBe("NaN");
  expect(sorted("numeric", numbers, "desc").at(-1)).toBeNull();
  const dates = ["2026-01-01", "0044-03-15 BC", "infinity", "10000-01-01", "0100-01-01 BC"];
  expect(sorted("date", dates, "asc")).toEqual([
    "0100-01-01 BC",
    "0044-03-15 BC",
    "2026-01-01",
    "10000-01-01",
    "infinity",
  ]);
  const stamps = ["2026-01-01 00:00:00.000002+00", "2026-01-01 00:00:00.000001+00"];
  expect(sorted("timestamptz", stamps, "asc")).toEqual([stamps[1], stamps[0]]);
  expect(sorted("text", ["b10", "b9", "infant"], "asc")).toEqual(["b9", "b10", "infant"]);
});

test("a JSON tree keeps digits and repeated keys, and knows where everything stands", () => {
  const root = parseJsonTree('{"a":[1.10,{"odd key":9007199254740993}],"a":null,"e":{}}')!;
  const lines = jsonLines(root, new Set(), "");
  expect(lines.map(({ node }) => [node.path, node.text])).toEqual([
    ["$", null],
    ["$.a", null],
    ["$.a[0]", "1.10"],
    ["$.a[1]", null],
    ['$.a[1]["odd key"]', "9007199254740993"],
    ["$.a", "null"],
    ["$.e", null],
  ]);
  expect(jsonLines(root, new Set(["$.a"]), "").length).toBe(4);
  const found = jsonLines(root, new Set(["$.a"]), "odd");
  expect(found.map(({ node, found }) => [node.path, found])).toEqual([
    ["$", false],
    ["$.a", false],
    ["$.a[1]", false],
    ['$.a[1]["odd key"]', true],
  ]);
  expect(parseJsonTree("{not json")).toBeNull();
  const deep = `${"[".repeat(50_000)}1${"]".repeat(50_000)}`;
  expect(() => parseJsonTree(deep)).not.toThrow();
});

test("a large JSON value is folded at first, so that its outline can be seen", () => {
  const rows = Array.from({ length: 300 }, (_, id) => ({ id, tags: ["a", "b"] }));
  const root = parseJsonTree(JSON.stringify({ rows, small: [1, 2] }))!;
  const closed = closedAtFirst(root);
  expect(closed.has("$.rows")).toBe(true);
  expect(closed.has("$.small")).toBe(false);
});

test("bytes as a hex dump, XML with indents", () => {
  const bytes = bytesOf(`\\x${"48656c6c6f00".repeat(4)}`)!;
  expect(hexRowCount(bytes)).toBe(2);
  expect(hexRow(bytes, 1)).toEqual({
    ...{ offset: "00000010", hex: "6f 00 48 65 6c 6c 6f 00" },
    text: "o.Hello.",
  });
  expect(bytesOf("\\xabc")).toBeNull();
  expect(indentXml("<a><b x='1'>text</b><c/><!-- n --></a>")).toBe(
    "<a>\n  <b x='1'>text</b>\n  <c/>\n  <!-- n -->\n</a>",
  );
});
