import fc from "fast-check";
import { expect, test } from "vitest";
import { checkTree, MAX_TREE_FILES, troubleOf } from "./project-tree.ts";

test.each([
  ["", "empty"],
  ["/etc/passwd", "absolute"],
  ["a//b.sql", "empty segment"],
  ["a/", "empty segment"],
  ["../a.sql", "outside"],
  ["a/../../b.sql", "outside"],
  ["./a.sql", "outside"],
  ["a\\b.sql", "backslash"],
  ["a\u0000.sql", "NUL"],
  ["a\u001f.sql", "control"],
  ["a\n.sql", "control"],
  ["\ud800.sql", "surrogate"],
  ["cafe\u0301.sql", "normalisation"],
  [`${"é".repeat(511)}.sql`, "bytes"],
])("%j is refused in words", (path, word) => {
  expect(troubleOf(path)).toContain(word);
  expect(checkTree([path, "fine.sql"])).toMatchObject([{ path }]);
});

test("good paths are good, whatever their case and script", () => {
  const paths = ["a.sql", "A.sql", "init/001 create.sql", "café/ω.sql", ".hidden", "a..b", "..."];
  expect(checkTree(paths)).toEqual([]);
});

test("nothing is a file and a folder at once", () => {
  expect(checkTree(["init", "init/a.sql", "b.sql"])).toMatchObject([
    { path: "init/a.sql", message: expect.stringContaining("init both") },
  ]);
  // A name that only begins alike is another one.
  expect(checkTree(["init", "init.sql", "init-2/a.sql"])).toEqual([]);
});

test("there may be so many files and not one more", () => {
  const many = Array.from({ length: MAX_TREE_FILES }, (_, i) => `f${i}`);
  expect(checkTree(many)).toEqual([]);
  expect(checkTree([...many, "one-more"])).toMatchObject([{ path: "" }]);
});

const segment = fc
  .string({ minLength: 1, maxLength: 12, unit: "grapheme" })
  .map((text) => text.normalize("NFC"))
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
  .filter((text) => !/[\u0000-\u001f\u007f/\\]/.test(text) && text !== "." && text !== "..");

test("what is accepted names one place below the root, by every resolver", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 30 }), (path) => {
      if (troubleOf(path) !== undefined) return;
      const url = new URL(path.split("/").map(encodeURIComponent).join("/"), "file:///root/x/");
      expect(url.pathname.startsWith("/root/x/")).toBe(true);
      expect(path.normalize("NFC")).toBe(path);
      expect(Buffer.from(path, "utf8").toString("utf8")).toBe(path);
    }),
    { numRuns: 300 },
  );
});

test("sound segments make sound paths, and any bad segment an unsound one", () => {
  const bad = fc.constantFrom("", ".", "..", "a\\b", "a\u0000", "a\r");
  fc.assert(
    fc.property(
      fc.array(segment, { minLength: 1, maxLength: 6 }),
      fc.nat(),
      bad,
      (good, at, wrong) => {
        expect(troubleOf(good.join("/"))).toBeUndefined();
        const place = at % (good.length + 1);
        const path = [...good.slice(0, place), wrong, ...good.slice(place)].join("/");
        expect(troubleOf(path)).toBeDefined();
      },
    ),
  );
});
