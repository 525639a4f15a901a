import type { Folder, Placed } from "@quern/contract/library";
import { expect, test } from "vitest";
import { folderLines, folderPath, placesFor } from "./folder-tree.ts";
import { around, pieces, searchWords } from "./found.ts";
import { NOTHING, tick, tickAll } from "./selection.ts";
import { undoOf } from "./undo.ts";

const folder = (id: string, parent_id: string | null, queries = 0): Folder => ({
  id,
  name: id,
  parent_id,
  queries,
  dashboards: 1,
  created_at: "2026-11-21T00:00:00.000Z",
});
const TREE = [
  folder("a", null, 1),
  folder("b", "a", 2),
  folder("c", "b", 4),
  folder("d", null),
  folder("orphan", "gone"),
];

test("a folded folder hides what is in it and counts it all the same", () => {
  const lines = (open: string[]) =>
    folderLines(TREE, new Set(open)).map(
      (line) => `${line.level}${line.folder.id}${line.open}${line.queries}`,
    );
  expect(lines([])).toEqual(["1afalse7", "1dnull0", "1orphannull0"]);
  expect(lines(["a", "b"])).toEqual(["1atrue7", "2btrue6", "3cnull4", "1dnull0", "1orphannull0"]);
});

test("a folder's way from the outside, and where it may go", () => {
  expect(folderPath(TREE, "c").map(({ id }) => id)).toEqual(["a", "b", "c"]);
  expect(folderPath(TREE, "nowhere")).toEqual([]);
  const circle = [folder("x", "y"), folder("y", "x")];
  expect(folderPath(circle, "x")).toHaveLength(2);
  expect(placesFor(TREE, "b").map(({ id }) => id)).toEqual(["a", "d", "orphan"]);
});

test("a range is ticked from the last row that was, and unticked likewise", () => {
  const rows = ["1", "2", "3", "4", "5"];
  const two = tick(NOTHING, rows, "2", false);
  const range = tick(two, rows, "4", true);
  expect([...range.ids]).toEqual(["2", "3", "4"]);
  const less = tick(tick(range, rows, "3", false), rows, "4", true);
  expect([...less.ids]).toEqual(["2"]);
  expect([...tick(NOTHING, rows, "3", true).ids]).toEqual(["3"]);
  expect(tickAll(tickAll(NOTHING, rows), rows)).toEqual(NOTHING);
});

test("undoing sends each back to where it was, together with those that were there too", () => {
  const placed = (id: string, from: string | null, tags: string[]): Placed => ({
    type: "query",
    id,
    folder_id: "new",
    tags: ["kept", "added"],
    before: { folder_id: from, tags },
  });
  expect(
    undoOf([
      placed("1", "old", ["kept"]),
      placed("2", null, ["kept"]),
      placed("3", "old", ["kept"]),
      placed("4", "new", ["kept", "added", "gone"]),
      placed("5", "new", ["kept", "added"]),
    ]),
  ).toEqual([
    {
      folder_id: "old",
      remove_tags: ["added"],
      items: [
        { type: "query", id: "1" },
        { type: "query", id: "3" },
      ],
    },
    { folder_id: null, remove_tags: ["added"], items: [{ type: "query", id: "2" }] },
    { add_tags: ["gone"], items: [{ type: "query", id: "4" }] },
  ]);
});

test("what was searched for is marked as it stands, punctuation too", () => {
  const marked = (text: string, typed: string) =>
    pieces(text, searchWords(typed))
      .map((piece) => (piece.found ? `[${piece.text}]` : piece.text))
      .join("");
  expect(marked("Flights by month", "FLI mon")).toBe("[Fli]ghts by [mon]th");
  expect(marked("100% of (all) x", "% (all)")).toBe("100[%] of [(all)] x");
  expect(marked("<img onerror>", "<img")).toBe("[<img] onerror>");
  expect(marked("a-b ] ^ é", "-b ] é")).toBe("a[-b] []] ^ [é]");
  expect(marked("same", "")).toBe("same");
  expect(around(`${"x ".repeat(60)}needle${" y".repeat(100)}`, ["needle"], 60)).toContain("needle");
  expect(around("hay", ["needle"])).toBeNull();
});
