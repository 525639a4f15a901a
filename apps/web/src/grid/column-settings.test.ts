import type { Column } from "@quern/contract/results";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  arrange,
  changeColumn,
  columnsKey,
  headOf,
  moveColumn,
  settingsOf,
  shownColumns,
} from "./column-settings.ts";

const columns = (...names: string[]): Column[] =>
  names.map((name) => ({ name, type: "text", source_type: "text" }));
const indexes = (arranged: { index: number }[]) => arranged.map(({ index }) => index);

test("columns stand as the settings say, the others behind them as they came", () => {
  const settings = [{ name: "c" }, { name: "a", hidden: true }];
  const arranged = arrange(columns("a", "b", "c"), settings);
  expect(indexes(arranged)).toEqual([2, 0, 1]);
  expect(indexes(shownColumns(arranged))).toEqual([2, 1]);
});

test("repeated and empty names are told apart by their order", () => {
  const arranged = arrange(columns("x", "", "x", ""), [
    { name: "x", label: "first" },
    { name: "" },
    { name: "x", label: "second" },
  ]);
  expect(indexes(arranged)).toEqual([0, 1, 2, 3]);
  expect(arranged.map(headOf)).toEqual(["first", "(no name)", "second", "(no name)"]);
});

test("pinned columns come first, whatever the order", () => {
  const arranged = arrange(columns("a", "b", "c"), []);
  expect(indexes(shownColumns(changeColumn(arranged, 2, { pinned: true })))).toEqual([2, 0, 1]);
});

test("what is usual needs no settings, and what was set survives being written and read", () => {
  const names = columns("a", "b", "a", "");
  const none = arrange(names, []);
  expect(settingsOf(none, [])).toEqual([]);
  expect(settingsOf(changeColumn(none, 1, { hidden: false, label: "" }), [])).toEqual([]);
  const move = fc.record({ from: fc.nat({ max: 3 }), to: fc.nat({ max: 3 }), hide: fc.boolean() });
  fc.assert(
    fc.property(fc.array(move, { maxLength: 8 }), (moves) => {
      let arranged = none;
      let settings: ReturnType<typeof settingsOf> = [];
      for (const { from, to, hide } of moves) {
        arranged = moveColumn(arranged, from, to);
        arranged = changeColumn(arranged, from, { hidden: hide || undefined, width: 40 + to });
        settings = settingsOf(arranged, settings);
        arranged = arrange(names, settings);
      }
      expect([...indexes(arranged)].sort()).toEqual([0, 1, 2, 3]);
      expect(settingsOf(arranged, settings)).toEqual(settings);
    }),
  );
});

test("settings of a column that is gone are kept for its return", () => {
  const settings = settingsOf(changeColumn(arrange(columns("a", "b"), []), 1, { width: 99 }), []);
  const without = arrange(columns("a"), settings);
  const kept = settingsOf(changeColumn(without, 0, { pinned: true }), settings);
  expect(arrange(columns("b", "a"), kept).find(({ index }) => index === 0)?.settings.width).toBe(
    99,
  );
});

test("results with other columns have another name", () => {
  expect(columnsKey(columns("a", "b"))).not.toBe(columnsKey(columns("a", "c")));
  expect(columnsKey(columns("a", "b"))).toBe(columnsKey(columns("a", "b")));
});
