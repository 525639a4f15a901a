import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { collect } from "./collect.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "quern-folder-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function put(path: string, content: string | Buffer = ""): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), content);
}
const paths = async () => (await collect(folder)).map(({ path }) => path);

test("every file comes with its size and digest, in the order of paths", async () => {
  await put("seed/010.sql", "select 1");
  await put("init/010.sql", Buffer.from([0xff, 0]));
  expect(await collect(folder)).toMatchObject([
    { path: "init/010.sql", size: 2 },
    {
      path: "seed/010.sql",
      size: 8,
      digest: `sha256:${createHash("sha256").update("select 1").digest("hex")}`,
    },
  ]);
});

test("what .quernignore says is left out, in each folder its own", async () => {
  await put(".quernignore", "*.bak\nsecret/\n");
  await put("a/.quernignore", "!keep.bak\n/only-here.sql\n");
  for (const path of [
    "x.bak",
    "a/keep.bak",
    "secret/a.sql",
    "a/only-here.sql",
    "only-here.sql",
    ".env",
  ])
    await put(path);
  expect(await paths()).toEqual(["a/keep.bak", "only-here.sql"]);
});

test("a link inside is followed; one that leaves, goes round or leads nowhere is refused by name", async () => {
  await put("init/a.sql", "select 1");
  await symlink("init", join(folder, "again"));
  await symlink("a.sql", join(folder, "init/b.sql"));
  expect(await paths()).toEqual(["again/a.sql", "again/b.sql", "init/a.sql", "init/b.sql"]);
  for (const [target, name, words] of [
    ["/etc/hostname", "leaves.sql", "leaves.sql is a link that leaves the folder"],
    ["..", "up", "up is a link that leaves the folder"],
    [".", "round", "round is a link to a folder that it is in"],
    ["nothing", "dangling", "dangling is a link to nothing"],
  ] as const) {
    await symlink(target, join(folder, name));
    await expect(paths()).rejects.toThrow(words);
    await put(".quernignore", `${name}\n`);
    expect(await paths()).toHaveLength(4);
    await rm(join(folder, name));
  }
});

test("a folder beside it whose name begins alike is outside", async () => {
  const other = `${folder}-other`;
  await mkdir(other);
  await symlink(other, join(folder, "other"));
  await expect(paths()).rejects.toThrow("other is a link that leaves the folder");
  await rm(other, { recursive: true });
});

test("what is no folder, no file or no name for a path is said", async () => {
  await expect(collect(join(folder, "none"))).rejects.toThrow("There is no folder");
  await put("a.sql");
  await expect(collect(join(folder, "a.sql"))).rejects.toThrow("is a file");
  await put("e\u0301.sql");
  await expect(collect(folder)).rejects.toThrow("normalisation form C");
});
