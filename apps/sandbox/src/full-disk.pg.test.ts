/** Scripts that fill the disk which the sandbox shares with its cache: each ends by itself, and the cache is unharmed. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestSandbox, type TestSandbox } from "./testing-sandbox.ts";

const run = promisify(execFile);

let disk: string;
let mounted = false;
let sandbox: TestSandbox | null = null;
beforeAll(async () => {
  disk = await mkdtemp(join(tmpdir(), "quern-full-disk-"));
  await run("mount", ["-t", "tmpfs", "-o", "size=400m", "quern-test", disk]).then(
    () => {
      mounted = true;
    },
    (error: unknown) => {
      // Not root, or no right to mount in this container.
      if (!(error instanceof Error && "code" in error)) throw error;
    },
  );
  if (!mounted) return;
  const usual = process.env.TMPDIR;
  process.env.TMPDIR = disk;
  sandbox = await startTestSandbox({
    QUERN_SANDBOX_CACHE_RESERVE_BYTES: String(16 * 1024 ** 2),
    QUERN_SANDBOX_CLONE: "copy",
  });
  if (usual === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = usual;
});
afterAll(async () => {
  await sandbox?.stop();
  if (mounted) await run("umount", ["-l", disk]);
  await rm(disk, { recursive: true, force: true });
});

const FILL =
  "create table big as select g, repeat(md5(g::text), 40) as t from generate_series(1, 100000000) as g;";

test("a head and a tail that fill the disk end as such, and what was kept is as it was", async (context) => {
  if (!sandbox) return context.skip("this machine does not let us mount a small disk");
  const tail = { "init/1.sql": "create table t as select 7 as a;" };
  const sound = { ...tail, "test/x.sql": "select a from t" };
  expect((await sandbox.run(sound)).result_rows).toEqual([[7]]);
  const head = await sandbox.run({ ...tail, "test/x.sql": `select 1;\n${FILL}` });
  // PostgreSQL refuses the statement, or ends when what is left is too little for its log.
  expect(head.error).toMatchObject({
    ...{ phase: "head", code: "disk_limit", file: "test/x.sql", line: 2 },
  });
  const built = await sandbox.run({ ...sound, "init/2.sql": `select 1;\n${FILL}` });
  expect(built.error).toMatchObject({
    ...{ phase: "building", code: "disk_limit", file: "init/2.sql", line: 2 },
  });
  const after = await sandbox.run(sound);
  expect(after).toMatchObject({ error: null, snapshot: { hit: "full" } });
  expect(after.result_rows).toEqual([[7]]);
}, 60_000);
