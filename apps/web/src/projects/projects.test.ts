import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { fileLines, foldersAround, movedPaths } from "./file-tree.ts";
import { pathTrouble } from "./paths.ts";
import { phaseOf } from "./phases.ts";
import { isPlainSql } from "./script-text.ts";
import { digestOf } from "./sha256.ts";

const PATHS = [
  "test/b.sql",
  "seed/10_rows.sql",
  "seed/2_people.sql",
  "init/schema/1.sql",
  "README.md",
  "lib/common.sql",
];

test("the phases stand first, in the order in which they run, and names in natural order", () => {
  const open = new Set(["init", "init/schema", "seed"]);
  expect(fileLines(PATHS, open).map(({ path }) => path)).toEqual([
    "init",
    "init/schema",
    "init/schema/1.sql",
    "seed",
    "seed/2_people.sql",
    "seed/10_rows.sql",
    "test",
    "lib",
    "README.md",
  ]);
});

test("a filter opens the folders of what it finds and hides the rest", () => {
  const lines = fileLines(PATHS, new Set(), "seed 10");
  expect(lines.map(({ path, level, files }) => [path, level, files])).toEqual([
    ["seed", 1, 1],
    ["seed/10_rows.sql", 2, 1],
  ]);
});

test("a folder that is moved takes along what is in it, and nothing whose name only starts alike", () => {
  const moved = movedPaths(["a/b.sql", "a/c/d.sql", "ab.sql"], "a", "z/a");
  expect([...moved]).toEqual([
    ["a/b.sql", "z/a/b.sql"],
    ["a/c/d.sql", "z/a/c/d.sql"],
  ]);
  expect(foldersAround("a/c/d.sql")).toEqual(["a", "a/c"]);
  expect(phaseOf("seed.sql")).toBeNull();
});

test.each([
  "",
  "/a",
  "a/",
  "a//b",
  "../a",
  "a/./b",
  "a\\b",
  "a\tb",
  "seed",
  "README.md",
  "README.md/x",
  "é".repeat(513),
])("the path %j is refused", (path) => {
  expect(pathTrouble(path, PATHS)).not.toBeNull();
});

test("other paths are taken", () => {
  expect(pathTrouble("seed/11 über.sql", PATHS)).toBeNull();
});

test.each([0, 1, 55, 56, 63, 64, 65, 119, 120, 1000, 100_000])(
  "the plain SHA-256 of %i bytes is the one of node and of the browser",
  async (length) => {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 7 + 13) % 256);
    const expected = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    expect(await digestOf(bytes, null)).toBe(expected);
    expect(await digestOf(bytes)).toBe(expected);
  },
);

test.each([
  "\\set n 10\nselect :n;",
  "select :n",
  "select * from t where a = :'name'",
  'select * from :"table"',
  "copy t from stdin;\n1\n\\.\n",
  "select 1 \\gset",
  "\\i ../common.sql",
  "select :{?n}",
])("%j is for psql", (text) => expect(isPlainSql(text)).toBe(false));

test.each([
  "select a::int, b::text[] from t",
  "select '12:30'::time, x[1:2], y[a:b] from t",
  "copy t to stdout",
  "select 'a\\b'",
])("%j is plain SQL", (text) => expect(isPlainSql(text)).toBe(true));
