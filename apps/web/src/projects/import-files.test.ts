import { strToU8, zipSync } from "fflate";
import { expect, test } from "vitest";
import { ImportError, readFolder, readZip } from "./import-files.ts";

const zip = (files: Record<string, string>) =>
  new Uint8Array(
    zipSync(Object.fromEntries(Object.entries(files).map(([path, text]) => [path, strToU8(text)]))),
  );

test("an archive of a folder begins in the folder; what a project does not need stays out", () => {
  const { files, skipped } = readZip(
    zip({
      "shop-main/init/1.sql": "create table a ();",
      "shop-main/test/a.sql": "select 1;",
      "shop-main/.git/HEAD": "ref",
      "__MACOSX/shop-main/._a": "x",
    }),
  );
  expect(files.map(({ path }) => path)).toEqual(["init/1.sql", "test/a.sql"]);
  expect(new TextDecoder().decode(files[1]?.bytes)).toBe("select 1;");
  expect(skipped).toEqual([]);
});

test("the only folder of an archive stays when it is a phase", () => {
  expect(readZip(zip({ "init/1.sql": "" })).files.map(({ path }) => path)).toEqual(["init/1.sql"]);
});

test("entries that would lie outside are left out and named", () => {
  const { files, skipped } = readZip(
    zip({ "../etc/passwd": "x", "/root.sql": "x", "a/../../b.sql": "x", "ok.sql": "select 1" }),
  );
  expect(files.map(({ path }) => path)).toEqual(["ok.sql"]);
  expect(skipped.map(({ path }) => path)).toEqual(["../etc/passwd", "/root.sql", "a/../../b.sql"]);
});

test.each([
  ["nothing", new Uint8Array()],
  ["a text", new Uint8Array(strToU8("this is no archive, but is long enough to look for one"))],
])("%s is no archive, and says so", (_, bytes) => {
  expect(() => readZip(bytes)).toThrow(ImportError);
});

test("more files than a project may have are refused", async () => {
  const file = { size: 1, arrayBuffer: async () => new ArrayBuffer(1) };
  const many = Array.from({ length: 20_001 }, (_, n) => ({ path: `${n}.sql`, file }));
  await expect(readFolder(many)).rejects.toThrow(ImportError);
});
