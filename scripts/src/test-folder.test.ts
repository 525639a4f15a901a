import { access, mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeTestFolder } from "./test-folder.ts";

const PLENTY = Number.MAX_SAFE_INTEGER;
/** Above the highest number that Linux gives a process. */
const NOBODY = 2 ** 22 + 1;

let memory: string;
beforeAll(async () => {
  memory = await mkdtemp(join(tmpdir(), "quern-memory-"));
});
afterAll(() => rm(memory, { recursive: true, force: true }));

test("it is open to all, and folders of runs that are gone make way, those of others stay", async () => {
  const left = join(memory, `quern-tests-${NOBODY}-abc`);
  const kept = [join(memory, `quern-tests-${process.pid}-abc`), join(memory, "thesis")];
  for (const folder of [left, ...kept]) await mkdir(folder);
  // However full the disk is.
  const folder = await makeTestFolder(memory, PLENTY, 0);
  expect((await stat(folder)).mode & 0o1777).toBe(0o1777);
  for (const other of kept) await access(other);
  await expect(access(left)).rejects.toMatchObject({ code: "ENOENT" });
});

test("without much memory, or a place in it, it lies where temporary files do", async () => {
  for (const [place, free] of [
    [memory, 2 ** 30],
    [join(memory, "absent"), PLENTY],
  ] as const) {
    const folder = await makeTestFolder(place, free, 0);
    expect(dirname(folder)).toBe(tmpdir());
    await rm(folder, { recursive: true });
  }
});
