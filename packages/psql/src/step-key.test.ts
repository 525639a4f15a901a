import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { analyseScript } from "./analysis.ts";
import { stepKeyInputs } from "./step-key.ts";
import { treeOf } from "./testing-tree.ts";

function bytesOf(files: Record<string, string>, variables = {}, entry = "main.sql"): Buffer {
  const analysis = analyseScript({ files: treeOf(files), entry, variables });
  return Buffer.from(stepKeyInputs(analysis, Buffer.alloc(32, 7)));
}

function keyOf(files: Record<string, string>, variables = {}, entry = "main.sql"): string {
  return createHash("sha256")
    .update(bytesOf(files, variables, entry))
    .digest("hex");
}

const sha = (text: string) => createHash("sha256").update(text).digest("hex");

test("golden vectors", () => {
  const domain = "000000000d717565726e2f76312f73746570";
  expect(bytesOf({ "main.sql": "select 1;\n" }).toString("hex")).toBe(
    [domain, "0100000000", `0200000020${sha("select 1;\n")}`, "0500000000"].join(""),
  );
  const files = {
    "main.sql": "\\i a.sql\nselect :x, :y;\n\\copy t from 'd.csv' csv\n",
    "a.sql": "select 2;",
    "d.csv": "1,2\n",
  };
  expect(bytesOf(files, { x: "é" }).toString("hex")).toBe(
    [
      domain,
      "0100000000",
      `0200000020${sha("\\i ")}`,
      "0100000000",
      `0200000020${sha("select 2;")}`,
      "0500000000",
      `0200000020${sha("\nselect :x, :y;\n\\copy t from ")}`,
      `0300000020${sha("1,2\n")}`,
      `0200000020${sha(" csv\n")}`,
      "0500000000",
      "060000000d080000000178" + "0800000002c3a9",
      "070000000179",
    ].join(""),
  );
  expect(keyOf(files, { x: "é" })).toBe(GOLDEN);
});

/** Never changes: a changed encoding needs a new domain. */
const GOLDEN = "44cb33ee42a520a47dc7d402ae1c4497b6f3b033ae616c64eb81a849e988ac88";

test("what is referenced counts, and nothing else", () => {
  const files = { "main.sql": "select :'x';\n\\copy t from d.csv\n", "d.csv": "1\n" };
  const key = keyOf(files, { x: "1" });
  expect(keyOf(files, { x: "1", y: "2" })).toBe(key);
  expect(keyOf({ ...files, "other.sql": "" }, { x: "1" })).toBe(key);
  expect(keyOf(files, { x: "2" })).not.toBe(key);
  expect(keyOf(files)).not.toBe(key);
  expect(keyOf(files, { x: "" })).not.toBe(keyOf(files));
  expect(keyOf({ ...files, "d.csv": "2\n" }, { x: "1" })).not.toBe(key);
  expect(keyOf({ ...files, "main.sql": `${files["main.sql"]} ` }, { x: "1" })).not.toBe(key);
});

test("line ends and byte order marks count, since the server gets them", () => {
  const key = keyOf({ "main.sql": "select 'a\nb';" });
  expect(keyOf({ "main.sql": "select 'a\r\nb';" })).not.toBe(key);
  expect(keyOf({ "main.sql": "\ufeffselect 'a\nb';" })).not.toBe(key);
});

test("a file that is renamed with its include, and an entry that is renamed, hit", () => {
  const key = keyOf({
    "main.sql": "\\i a.sql\n\\copy t from x.csv\n",
    "a.sql": "select 1;",
    "x.csv": "1",
  });
  expect(
    keyOf({ "main.sql": "\\i b/c d.sql\n\\copy t from 'y.csv'\n", "b/c": "", "y.csv": "1" }),
  ).not.toBe(key);
  expect(
    keyOf({
      "main.sql": "\\i 'b/c d.sql'\n\\copy t from 'y.csv'\n",
      "b/c d.sql": "select 1;",
      "y.csv": "1",
    }),
  ).toBe(key);
  const moved = {
    "other/x.sql": "\\i a.sql\n\\copy t from x.csv\n",
    "a.sql": "select 1;",
    "x.csv": "1",
  };
  expect(keyOf(moved, {}, "other/x.sql")).toBe(key);
});

test("text that moves over the boundary of a file changes the key", () => {
  const key = keyOf({ "main.sql": "\\i a.sql\nselect 2;", "a.sql": "select 1;\n" });
  expect(keyOf({ "main.sql": "\\i a.sql\n", "a.sql": "select 1;\nselect 2;" })).not.toBe(key);
  expect(keyOf({ "main.sql": "select 1;\nselect 2;" })).not.toBe(key);
});

test("a dynamic script needs the digest of the tree, and its key has it", () => {
  const files = { "main.sql": "select 'a.sql' as f \\gset\n\\i :f", "a.sql": "" };
  const analysis = analyseScript({ files: treeOf(files), entry: "main.sql", variables: {} });
  expect(() => stepKeyInputs(analysis)).toThrow(TypeError);
  const one = Buffer.from(stepKeyInputs(analysis, Buffer.alloc(32, 1)));
  expect(one.equals(stepKeyInputs(analysis, Buffer.alloc(32, 2)))).toBe(false);
});

test("different sets of variables and files never make the same bytes", () => {
  const value = fc.string({ maxLength: 6 }).filter((text) => !text.includes("\0"));
  const world = fc.record({ a: value, b: value, x: fc.option(value), y: fc.option(value) });
  const build = ({ a, b, x, y }: { a: string; b: string; x: string | null; y: string | null }) => {
    const variables: Record<string, string> = {};
    if (x !== null) variables.x = x;
    if (y !== null) variables.y = y;
    // In data nothing is interpreted, so that the generated text changes the bytes only.
    const files = { "main.sql": "select :'x', :'y';\n\\copy t from a\n\\copy t from b\n", a, b };
    return bytesOf(files, variables).toString("hex");
  };
  fc.assert(
    fc.property(world, world, (one, other) => {
      const same = (["a", "b", "x", "y"] as const).every((part) => one[part] === other[part]);
      expect(build(one) === build(other)).toBe(same);
    }),
    { numRuns: 300 },
  );
});
