import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { newRunnerId, openWorkFolder } from "./work-folder.ts";

test("what a killed runner left is removed; folders of live runners and other hosts stay", async () => {
  const directory = await mkdtemp(join(tmpdir(), "quern-work-"));
  const dead = `${hostname()}-4194999-0123abcd`;
  const alive = `${hostname()}-${process.ppid}-0123abcd`;
  const elsewhere = "another-host-4194999-0123abcd";
  for (const name of [dead, alive, elsewhere, "notes"])
    await mkdir(join(directory, "work", name, "run"), { recursive: true });
  const id = newRunnerId();
  expect(await openWorkFolder(directory, id)).toBe(join(directory, "work", id));
  expect((await readdir(join(directory, "work"))).sort()).toEqual(
    [alive, elsewhere, id, "notes"].sort(),
  );
  await rm(directory, { recursive: true });
});
