import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { partName } from "@quern/results/part-name";
import { parsePartStore } from "@quern/results/parts";
import { openLog } from "@quern/runtime/log";
import { openDatabase } from "@quern/store/db";
import { expect, test } from "vitest";
import { KeepingStoppedError, openPartKeeper } from "./part-keeping.ts";

test("a cancel between two parts stops keeping them, and those that were kept can be removed", async () => {
  const directory = await mkdtemp(join(tmpdir(), "quern-parts-"));
  const results = join(directory, "results");
  const parts = [0, 1, 2].map((part) => ({
    statement: 0,
    part,
    first_row: part,
    rows: 1,
    size: 4,
    escapes: [],
  }));
  for (const part of parts) await writeFile(join(directory, partName(part)), "part");
  const shop = {
    // Nothing is asked of it here.
    db: openDatabase("postgres://nobody@127.0.0.1:1/none"),
    log: openLog("runner", "fatal"),
    partStore: parsePartStore(`file:${results}`),
    inlineBytes: 0,
  };
  const claim = { id: crypto.randomUUID(), attempt: 1, lease_token: crypto.randomUUID() };
  const keeper = openPartKeeper(shop, claim, directory);
  let asked = 0;
  const keeping = keeper.keep(parts, () => {
    asked += 1;
    return asked === 3;
  });
  await expect(keeping).rejects.toThrow(KeepingStoppedError);
  expect(existsSync(join(results, claim.id, "1"))).toBe(true);
  await keeper.discard();
  expect(existsSync(join(results, claim.id, "1"))).toBe(false);
  await rm(directory, { recursive: true });
});
