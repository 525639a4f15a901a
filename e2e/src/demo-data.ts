/**
 * Vitest's global set-up of the tests of the whole product: a data folder as the first start of Quern leaves it, demo data and
 * all. Each test file starts on a copy: loading the demo data takes ten times as long as copying it.
 */
import { execFile } from "node:child_process";
import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PREPARED, startQuern } from "./quern.ts";

export default async function setup(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "quern-prepared-"));
  {
    await using quern = await startQuern();
    await quern.stop();
    await promisify(execFile)("cp", ["-a", "--reflink=auto", `${quern.dataDir}/.`, folder]);
    // What the server has written outlives its own death; no test takes the power away.
    await appendFile(join(folder, "postgres/postgresql.auto.conf"), "fsync = off\n");
  }
  // What Vitest starts its workers with.
  process.env[PREPARED] = folder;
  return () => rm(folder, { recursive: true, force: true });
}
