import {
  access,
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { deleteParts, fetchPart, hasPart, listParts, putPart } from "./part-writing.ts";
import {
  openPart as openSizedPart,
  PartMissingError,
  type PartStore,
  PartStoreError,
  parsePartStore,
} from "./parts.ts";

let directory: string;
let store: PartStore;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "quern-parts-"));
  store = parsePartStore(`file:${join(directory, "store")}`);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** A directory knows the sizes of its files. */
const openPart = (from: PartStore, key: string) => openSizedPart(from, key, 0);

async function source(text: string, at = directory): Promise<string> {
  const path = join(at, `source-${Math.random()}`);
  await writeFile(path, text);
  return path;
}

async function read(key: string, start = 0, end?: number): Promise<string> {
  const part = await openPart(store, key);
  const bytes = await part.slice(start, end);
  await part.close?.();
  return Buffer.from(bytes).toString();
}

/** Of these tests: what else this process has open comes and goes. */
async function openFiles(): Promise<string[]> {
  const handles = await readdir("/proc/self/fd");
  const paths = await Promise.all(
    handles.map((handle) => readlink(join("/proc/self/fd", handle)).catch(() => "")),
  );
  return paths.filter((path) => path.startsWith(directory));
}

test("a part is moved in, read by ranges, and deleted with its run", async () => {
  const from = await source("0123456789");
  await putPart(store, "run-1/1/s0-p0.parquet", from);
  await expect(access(from)).rejects.toThrow("ENOENT");
  expect(await readdir(join(directory, "store/run-1/1"))).toEqual(["s0-p0.parquet"]);

  const part = await openPart(store, "run-1/1/s0-p0.parquet");
  expect(part).toMatchObject({ id: "run-1/1/s0-p0.parquet", byteLength: 10 });
  const text = async (start: number, end?: number) =>
    Buffer.from(await part.slice(start, end)).toString();
  expect(await Promise.all([text(0, 3), text(7), text(4, 100), text(10), text(20, 30)])).toEqual([
    ...["012", "789", "456789", "", ""],
  ]);
  await part.close?.();

  expect((await listParts(store)).map(({ prefix }) => prefix)).toEqual(["run-1"]);
  await deleteParts(store, "run-1");
  await deleteParts(store, "run-1");
  expect(await listParts(store)).toEqual([]);
  await expect(openPart(store, "run-1/1/s0-p0.parquet")).rejects.toThrow(PartMissingError);
});

test("a part that was fetched stays when its run is deleted", async () => {
  await putPart(store, "run-1/a", await source("0123456789"));
  expect([await hasPart(store, "run-1/a"), await hasPart(store, "run-1/b")]).toEqual([true, false]);
  const to = join(directory, "fetched");
  await fetchPart(store, "run-1/a", to);
  await deleteParts(store, "run-1");
  expect(await readFile(to, "utf8")).toBe("0123456789");
  await expect(fetchPart(store, "run-1/a", `${to}2`)).rejects.toThrow(PartMissingError);
});

test("the same key again replaces the part", async () => {
  await putPart(store, "run-1/a", await source("old"));
  await putPart(store, "run-1/a", await source("new"));
  expect(await read("run-1/a")).toBe("new");
});

test("a store that is not there yet has no parts", async () => {
  expect(await listParts(store)).toEqual([]);
});

describe("from another file system", () => {
  const memory = "/dev/shm";
  let aside: string;
  beforeEach(async () => {
    aside = await mkdtemp(join(memory, "quern-parts-"));
  });
  afterEach(() => rm(aside, { recursive: true, force: true }));

  test("a part is copied whole, and nothing is left", async () => {
    const from = await source("x".repeat(100_000), aside);
    await putPart(store, "run-1/1/a", from);
    expect(await read("run-1/1/a")).toHaveLength(100_000);
    expect(await readdir(join(directory, "store/run-1/1"))).toEqual(["a"]);
    expect(await readdir(aside)).toEqual([]);
  });

  test("what cannot be renamed leaves the source and no half", async () => {
    const from = await source("x", aside);
    await mkdir(join(directory, "store/run-1/a/b"), { recursive: true });
    await expect(putPart(store, "run-1/a", from)).rejects.toThrow(PartStoreError);
    expect(await readFile(from, "utf8")).toBe("x");
    expect(await readdir(join(directory, "store/run-1"))).toEqual(["a"]);
  });
});

test.each([
  ...["", ".", "..", "/etc/passwd", "../x", "a/../b", "a/../../x", "a//b", "a/", "/a", ".hidden"],
  ...["a/.part", "a\0b", "a\\..\\b", "a b", "a\n"],
])("%j is no key", async (key) => {
  await mkdir(join(directory, "store"), { recursive: true });
  await writeFile(join(directory, "x"), "outside");
  const from = await source("x");
  await expect(openPart(store, key)).rejects.toThrow("is no key of a part");
  await expect(putPart(store, key, from)).rejects.toThrow("is no key of a part");
  await expect(deleteParts(store, key)).rejects.toThrow("is no key of a part");
  expect(await readFile(join(directory, "x"), "utf8")).toBe("outside");
});

test("failures say what is wrong", async () => {
  const from = await source("x");
  await writeFile(join(directory, "file"), "");
  const inFile = parsePartStore(`file:${join(directory, "file")}`);
  await expect(putPart(inFile, "run-1/a", from)).rejects.toThrow(
    /^could not keep run-1\/a: a file is where a directory should be/,
  );
  await expect(openPart(inFile, "run-1/a")).rejects.toThrow(PartStoreError);
  await expect(putPart(store, "run-1/a", join(directory, "gone"))).rejects.toThrow(
    /could not keep run-1\/a: ENOENT/,
  );
  expect(await readFile(from, "utf8")).toBe("x");
  await mkdir(join(directory, "store/run-1/dir"), { recursive: true });
  const part = await openPart(store, "run-1/dir");
  await expect(part.slice(0, 10)).rejects.toThrow("a directory is where a file should be");
  await part.close?.();
  expect(() => parsePartStore("ftp://x")).toThrow('"ftp://x" is no result store');
});

test.runIf(process.getuid?.() !== 0)("missing rights are named", async () => {
  await mkdir(join(directory, "store"), { mode: 0o500 });
  await expect(putPart(store, "run-1/a", await source("x"))).rejects.toThrow(
    "check owner and mode",
  );
  await chmod(join(directory, "store"), 0o700);
});

test("a part that was cut meanwhile is an error", async () => {
  await putPart(store, "run-1/a", await source("0123456789"));
  const part = await openPart(store, "run-1/a");
  await truncate(join(directory, "store/run-1/a"), 5);
  await expect(part.slice(0, 10)).rejects.toThrow("the file is shorter than it was");
  expect(Buffer.from(await part.slice(0, 5)).toString()).toBe("01234");
  await part.close?.();
});

test("no handle is left open", async () => {
  await putPart(store, "run-1/a", await source("x"));
  for (let n = 0; n < 50; n += 1) {
    await read("run-1/a");
    await putPart(store, `run-2/${n}`, await source("y"));
    await expect(openPart(store, "run-1/b")).rejects.toThrow(PartMissingError);
    await expect(putPart(store, "run-1/a/b", await source("z"))).rejects.toThrow(PartStoreError);
  }
  expect(await openFiles()).toEqual([]);
});
