import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NewLayer } from "@quern/store/layers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStoreFolder, type StoreFolder } from "./store-folder.ts";
import { takeAway } from "./take-away.ts";

let folder: StoreFolder;
let home: string;
beforeEach(async () => {
  folder = await openStoreFolder(await mkdtemp(join(tmpdir(), "quern-take-away-")));
  home = join(folder.path, "layers", "home");
  await mkdir(home);
});
afterEach(() => rm(folder.path, { recursive: true, force: true }));

const build = (build_id: string) => async () => ({ build_id }) as NewLayer;

test("what was meant goes, and nothing else", async () => {
  expect(await takeAway(folder, home, "mine", build("another"))).toBeNull();
  expect(await takeAway(folder, home, null, build("another"))).toBeNull();
  expect(await takeAway(folder, home, "mine")).toBeNull();
  expect(await readdir(join(folder.path, "layers"))).toEqual(["home"]);
  expect(await takeAway(folder, home, null)).toContain(join(folder.path, "tmp"));
  expect(await takeAway(folder, home, null)).toBeNull();
  await mkdir(home);
  expect(await takeAway(folder, home, "mine", build("mine"))).not.toBeNull();
});

test("a directory that came while the manifest of the one before was looked for stays", async () => {
  const next = join(folder.path, "tmp", "next");
  await mkdir(next);
  await writeFile(join(next, "whole"), "");
  const replaced = async () => {
    await rename(home, join(folder.path, "tmp", "evicted"));
    await rename(next, home);
    return null;
  };
  expect(await takeAway(folder, home, null, replaced)).toBeNull();
  expect(await readdir(home)).toEqual(["whole"]);
});
