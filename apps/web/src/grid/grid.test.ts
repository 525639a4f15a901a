import { expect, test } from "vitest";
import { blockRows, blocksOf } from "./blocks.ts";
import { shownText } from "./cell-look.ts";
import { indentJson } from "./json-text.ts";
import {
  isScaled,
  MAX_HEIGHT,
  maxTop,
  scrollHeight,
  scrollOfTop,
  topOfScroll,
  topToShow,
  visibleRows,
} from "./row-window.ts";
import { boxOf, cellCount, isInside, moveBy, type Selection } from "./selection.ts";
import { cellText, toTsv } from "./tsv.ts";

test("a short table scrolls pixel for pixel", () => {
  const space = { rows: 100, rowHeight: 28, viewport: 280 };
  expect(isScaled(space)).toBe(false);
  expect(topOfScroll(space, 333)).toBeCloseTo(333);
  expect(visibleRows(space, 333)).toEqual({ first: 5, end: 28 });
});

test("fifty million rows: the last one can be reached, and the bar and the content agree", () => {
  const space = { rows: 50_000_000, rowHeight: 28, viewport: 700 };
  expect(scrollHeight(space)).toBe(MAX_HEIGHT);
  const bottom = topOfScroll(space, MAX_HEIGHT - 700);
  expect(bottom).toBe(maxTop(space));
  expect(visibleRows(space, bottom).end).toBe(50_000_000);
  expect(topOfScroll(space, scrollOfTop(space, 123_456_789))).toBeCloseTo(123_456_789, 3);
  expect(topOfScroll(space, 0)).toBe(0);
});

test("a table shorter than the window stays at the top", () => {
  const space = { rows: 3, rowHeight: 28, viewport: 700 };
  expect(maxTop(space)).toBe(0);
  expect(topOfScroll(space, 0)).toBe(0);
  expect(visibleRows(space, 0)).toEqual({ first: 0, end: 3 });
  expect(visibleRows({ ...space, rows: 0 }, 0)).toEqual({ first: 0, end: 0 });
});

test("a row is brought into view by the shortest way", () => {
  const space = { rows: 1000, rowHeight: 10, viewport: 100 };
  expect(topToShow(space, 500, 52)).toBe(500);
  expect(topToShow(space, 500, 40)).toBe(400);
  expect(topToShow(space, 500, 60)).toBe(510);
  expect(topToShow(space, 0, 999)).toBe(9900);
});

test("keys move the focus, and with shift the selection grows from its anchor", () => {
  const at: Selection = { anchor: { row: 5, column: 1 }, focus: { row: 5, column: 1 } };
  const bounds = { rows: 10, columns: 3, pageRows: 4 };
  const press = (key: string, shift = false, mod = false) =>
    moveBy(at, { key, shift, mod }, bounds);
  expect(press("ArrowDown")?.focus).toEqual({ row: 6, column: 1 });
  expect(press("ArrowDown", false, true)?.focus).toEqual({ row: 9, column: 1 });
  expect(press("PageDown")?.focus).toEqual({ row: 9, column: 1 });
  expect(press("a")).toBeNull();
  const grown = press("ArrowRight", true);
  expect(grown?.anchor).toEqual({ row: 5, column: 1 });
  expect(cellCount(boxOf(grown ?? at))).toBe(2);
  expect(isInside(boxOf(grown ?? at), 5, 2)).toBe(true);
  expect(isInside(boxOf(grown ?? at), 6, 2)).toBe(false);
});

test("copied cells survive a spreadsheet", () => {
  const rows = [
    ["9007199254740993", null, true],
    ['a "b"', "x\ty", "1\n2"],
  ];
  expect(toTsv(rows, ["id", "", "ok"])).toBe(
    'id\t\tok\n9007199254740993\t\ttrue\n"a ""b"""\t"x\ty"\t"1\n2"',
  );
});

test("blocks are smaller for wide results and cover the rows asked for", () => {
  expect(blockRows(7)).toBe(500);
  expect(blockRows(1600)).toBe(20);
  expect(blocksOf(499, 1001, 500)).toEqual([0, 1, 2]);
  expect(blocksOf(500, 1000, 500)).toEqual([1]);
  expect(blocksOf(0, 0, 500)).toEqual([]);
});

test("JSON is indented without touching a digit", () => {
  const text = '{"a":[1,2.50,{}],"big":9007199254740993, "s":"x\\"{,}","a":[]}';
  expect(indentJson(text)).toBe(
    '{\n  "a": [\n    1,\n    2.50,\n    {}\n  ],\n  "big": 9007199254740993,\n  "s": "x\\"{,}",\n  "a": []\n}',
  );
  expect(indentJson("{not json")).toBe("{not json");
});

test("a cell stays on one line, and very long ones are cut for drawing only", () => {
  expect(shownText("a\r\nb\tc")).toBe("a↵b⇥c");
  expect(shownText("x".repeat(1000))).toHaveLength(301);
  expect(cellText(null)).toBe("");
  expect(cellText(false)).toBe("false");
});
