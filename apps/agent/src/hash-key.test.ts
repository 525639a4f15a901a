import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readHashKey } from "./hash-key.ts";
import { keyedHash, useHashKey } from "./text/keyed-hash.ts";

test("the key is made once, for this user alone, and gives the same hashes after a restart", async () => {
  const dir = await mkdtemp(join(tmpdir(), "quern-key-"));
  const first = await readHashKey(join(dir, "state"));
  expect(await readHashKey(join(dir, "state"))).toEqual(first);
  expect((await stat(join(dir, "state/hash.key"))).mode & 0o777).toBe(0o600);
  useHashKey(first);
  const hash = keyedHash("secret");
  expect(hash).toMatch(/^[0-9a-f]{32}$/);
  useHashKey(await readHashKey(join(dir, "other")));
  expect(keyedHash("secret")).not.toBe(hash);
  await writeFile(join(dir, "file"), "");
  expect(await readHashKey(join(dir, "file"))).toHaveLength(32);
  await rm(dir, { recursive: true });
});
