import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stoppedCluster } from "../testing-layers/clusters.ts";
import { keyOf } from "../testing-layers/keys.ts";
import { type RealCluster, smallPgdata } from "../testing-layers/pgdata.ts";
import {
  publishSmall,
  smallState,
  type TestPlace,
  testPlace,
  testStore,
} from "../testing-layers/store.ts";
import { asCacheError, CacheError } from "./cache-error.ts";

const run = promisify(execFile);

let place: TestPlace;
let cluster: RealCluster;
let disk: string | null = null;
beforeAll(async () => {
  [place, cluster] = await Promise.all([testPlace(), stoppedCluster()]);
  const folder = join(place.folder, "store");
  await mkdir(folder);
  await run("mount", ["-t", "tmpfs", "-o", "size=4m", "quern-test", folder]).then(
    () => {
      disk = folder;
    },
    (error: unknown) => {
      // Not root, or no right to mount in this container.
      if (!(error instanceof Error && "code" in error)) throw error;
    },
  );
});
afterAll(async () => {
  if (disk) await run("umount", ["-l", disk]);
  await Promise.all([place.stop(), cluster.remove()]);
});

test("a disk that fills up while a state is published says so, and harms nothing", async (context) => {
  if (!disk) return context.skip("this machine does not let us mount a small disk");
  const store = await testStore(place);
  const elsewhere = await mkdtemp(join(tmpdir(), "quern-elsewhere-"));
  try {
    const before = await publishSmall(store, cluster, place, "before");
    await writeFile(join(disk, "junk"), Buffer.alloc(2_000_000));
    const made = await smallState(store, cluster, place, "full");
    const directory = await smallPgdata(cluster, join(elsewhere, "data"), 3_000_000);
    await expect(store.publish({ ...made, directory })).rejects.toMatchObject({
      name: "CacheError",
      code: "cache_full_unreclaimable",
      phase: "snapshot",
      retryable: true,
    });
    expect((await readdir(join(disk, "tmp"))).filter((name) => name.includes("publish"))).toEqual(
      [],
    );
    const keys = [before.state_key, keyOf("full")];
    const { layer, known } = await store.find(place.org_id, keys, { kind: "job", id: "j" });
    expect(layer?.id).toBe(before.id);
    expect(known[1]?.state).toBe("never_built");
    await rm(join(disk, "junk"));
    const after = await store.publish({ ...made, directory });
    expect(existsSync(join(after.directory, "base/1"))).toBe(true);
    expect(existsSync(directory)).toBe(false);
  } finally {
    await store.stop();
    await rm(elsewhere, { recursive: true, force: true });
  }
});

test("a full disk is one error, whoever reports it; others stay what they are", () => {
  const full = Object.assign(new Error("write"), { code: "ENOSPC" });
  const fromServer = Object.assign(new Error("could not extend file"), { code: "53100" });
  for (const error of [full, fromServer]) {
    const known = asCacheError(error, "prepare_step");
    expect(known).toBeInstanceOf(CacheError);
    expect(known).toMatchObject({ phase: "prepare_step", cause: error });
  }
  const other = Object.assign(new Error("no"), { code: "EACCES" });
  expect(asCacheError(other, "snapshot")).toBe(other);
});
