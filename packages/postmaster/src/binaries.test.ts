import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { packagedBinaries, runnableBinaries } from "./binaries.ts";

const run = promisify(execFile);
const asRoot = process.getuid?.() === 0;

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "binaries-test-"));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

test("binaries without their links, in a folder that is closed, are copied once", async () => {
  const source = join(folder, "package", "native");
  await run("cp", ["-r", resolve(packagedBinaries(), ".."), join(folder, "package")]);
  await run("find", [source, "-type", "l", "-delete"]);
  await chmod(join(folder, "package"), 0o700);
  const user = asRoot ? { uid: 65534, gid: 65534 } : null;
  await chmod(folder, 0o755);
  if (!asRoot) await chmod(join(source, "lib"), 0o555);
  const first = await runnableBinaries(user, join(folder, "copies"), source);
  expect(first.postgres).toContain("/copies/postgresql-18.");
  const { stdout } = await run(first.postgres, ["--version"], { ...user, cwd: "/", env: {} });
  expect(stdout).toContain(`PostgreSQL) ${first.major}.`);
  const before = await stat(first.postgres);
  await runnableBinaries(user, join(folder, "copies"), source);
  expect((await stat(first.postgres)).ino).toBe(before.ino);
  if (!asRoot) await chmod(join(source, "lib"), 0o755);
});
