import { expect, test } from "vitest";
import {
  conflictsOf,
  type Tree,
  treeBody,
  withMoves,
  withText,
  withTree,
  workingFiles,
} from "./working-copy.ts";

const file = (letter: string) => ({ etag: `sha256:${letter.repeat(64)}`, size: 1 });
const TREE: Tree = { "a.sql": file("a"), "b/c.sql": file("c") };

test("a text that is written back to what is saved is no change", () => {
  const changed = withText(TREE, {}, "a.sql", "select 2", "select 1");
  expect(changed).toEqual({ "a.sql": { text: "select 2" } });
  expect(withText(TREE, changed, "a.sql", "select 1", "select 1")).toEqual({});
});

test("a file that moves there and back is no change, and one that was written takes its text along", () => {
  const there = withMoves(TREE, {}, new Map([["a.sql", "z.sql"]]));
  expect(there).toEqual({ "a.sql": null, "z.sql": file("a") });
  expect(withMoves(TREE, there, new Map([["z.sql", "a.sql"]]))).toEqual({});
  const written = withText(TREE, {}, "a.sql", "new", "old");
  const moved = withMoves(TREE, written, new Map([["a.sql", "z.sql"]]));
  expect([...workingFiles(TREE, moved)]).toEqual([
    ["b/c.sql", file("c")],
    ["z.sql", { text: "new" }],
  ]);
});

test("two files may change places, and a new one that is deleted leaves nothing", () => {
  const swapped = withMoves(
    TREE,
    {},
    new Map([
      ["a.sql", "b/c.sql"],
      ["b/c.sql", "a.sql"],
    ]),
  );
  expect(Object.fromEntries(workingFiles(TREE, swapped))).toEqual({
    "a.sql": file("c"),
    "b/c.sql": file("a"),
  });
  const made = withText(TREE, {}, "new.sql", "x", null);
  expect(withMoves(TREE, made, new Map([["new.sql", null]]))).toEqual({});
});

test("what is unchanged goes by its etag, what is written by its text", () => {
  const changes = withText(TREE, {}, "a.sql", "select 2", "select 1");
  expect(treeBody(workingFiles(TREE, changes))).toEqual({
    "a.sql": { content: "select 2" },
    "b/c.sql": { etag: file("c").etag, size: 1 },
  });
});

test("only what both changed differently is in conflict", () => {
  const theirs: Tree = { "a.sql": file("x"), "d.sql": file("d") };
  const mine = { "a.sql": { text: "mine" }, "d.sql": file("d"), "e.sql": { text: "e" } };
  expect(conflictsOf(TREE, theirs, mine)).toEqual(["a.sql"]);
  expect(conflictsOf(TREE, theirs, { "b/c.sql": null })).toEqual([]);
  expect(conflictsOf(TREE, theirs, { "a.sql": null })).toEqual(["a.sql"]);
});

test("going back to another tree changes only what differs", () => {
  const other: Tree = { "a.sql": file("a"), "d.sql": file("d") };
  const changes = withTree(TREE, new Map(Object.entries(other)));
  expect(changes).toEqual({ "b/c.sql": null, "d.sql": file("d") });
  expect(Object.fromEntries(workingFiles(TREE, changes))).toEqual(other);
});
