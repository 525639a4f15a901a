import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { beginEviction } from "@quern/store/layer-evictions";
import { insertLayer } from "@quern/store/layers";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stoppedCluster } from "../testing-layers/clusters.ts";
import { keyOf } from "../testing-layers/keys.ts";
import type { RealCluster } from "../testing-layers/pgdata.ts";
import {
  GENEROUS,
  publishSmall,
  smallState,
  type TestPlace,
  testPlace,
  testStore,
} from "../testing-layers/store.ts";
import type { Holder, LayerStore } from "./layer-store.ts";
import { readManifest } from "./manifest.ts";
import { layerLimits } from "./settings.ts";

let place: TestPlace;
let cluster: RealCluster;
let store: LayerStore;
const job: Holder = { kind: "job", id: "job-1" };

beforeAll(async () => {
  [place, cluster] = await Promise.all([testPlace(), stoppedCluster()]);
  store = await testStore(place);
});
afterAll(async () => {
  await store.stop();
  await Promise.all([place.stop(), cluster.remove()]);
});

const publish = (name: string, change: Parameters<typeof publishSmall>[4] = {}) =>
  publishSmall(store, cluster, place, name, change);

test("the deepest ready layer of a chain is found, leased, and every key is explained", async () => {
  const keys = ["a0", "a1", "a2", "a3"].map(keyOf);
  await publish("a0");
  const a1 = await publish("a1", { parent_key: keys[0]!, depth: 1, build_ms: 70 });
  const a2 = await publish("a2", { parent_key: keys[1]!, depth: 2, build_ms: 90 });
  const found = await store.find(place.org_id, keys, job);
  expect(found.layer?.id).toBe(a2.id);
  expect(found.layer?.directory).toBe(a2.directory);
  expect(existsSync(join(a2.directory, "PG_VERSION"))).toBe(true);
  expect(found.known.map(({ state }) => state)).toEqual(["ready", "ready", "ready", "never_built"]);
  await found.layer?.release();

  await sql`update layers set tags = '{x}' where id = ${a2.id}`.execute(place.db);
  expect(await beginEviction(place.db, a2.id, "asked")).toBe(true);
  const less = await store.find(place.org_id, keys, job);
  expect(less.layer?.id).toBe(a1.id);
  await store.sweep();
  expect(existsSync(a2.directory)).toBe(false);
  const { known } = await store.find(place.org_id, keys, job);
  expect(known[2]).toMatchObject({
    state: "evicted",
    evicted: { why: "asked", build_ms: 90, hits: 1 },
  });
  await store.release(job);
  const elsewhere = await store.find(randomUUID(), keys, job);
  expect(elsewhere.layer).toBeNull();
});

test("the second publisher of a key gets the first one's layer and leaves nothing behind", async () => {
  const [one, two] = await Promise.all([
    smallState(store, cluster, place, "twice"),
    smallState(store, cluster, place, "twice"),
  ]);
  const published = await Promise.all([store.publish(one), store.publish(two)]);
  expect(published[0].id).toBe(published[1].id);
  expect(existsSync(one.directory) || existsSync(two.directory)).toBe(false);
  const leftovers = await readdir(join(store.folder, "tmp"));
  expect(leftovers.filter((name) => name.includes("publish"))).toEqual([]);
});

test("what is no cleanly stopped server is refused", async () => {
  const refusals: [string, (directory: string) => Promise<void>, RegExp][] = [
    ["running", (at) => writeFile(join(at, "postmaster.pid"), "1"), /server runs/],
    ["empty", (at) => rm(join(at, "PG_VERSION")), /no PG_VERSION/],
    ["torn", (at) => writeFile(join(at, "global/pg_control"), Buffer.alloc(8192, 7)), /version/],
    ["outside", (at) => mkdir(join(at, "pg_tblspc/16385")), /tablespace/],
    ["gone", (at) => rename(at, `${at}-elsewhere`), /not there/],
  ];
  for (const [name, spoil, why] of refusals) {
    const made = await smallState(store, cluster, place, `refused-${name}`);
    await spoil(made.directory);
    await expect(store.publish(made)).rejects.toThrow(why);
    expect((await store.find(place.org_id, [made.state_key], job)).layer).toBeNull();
  }
});

test("a state lives for its seconds after the last use, the longest that was asked for", async () => {
  const layer = await publish("short", { ttl_s: 100 });
  const expiry = async () => {
    const { rows } = await sql<{ s: number }>`
      select extract(epoch from expires_at - now())::float8 as s from layers where id = ${layer.id}`.execute(
      place.db,
    );
    return rows[0]!.s;
  };
  await (await store.find(place.org_id, [layer.state_key], job, { ttl_s: 50 })).layer?.release();
  expect(await expiry()).toBeGreaterThan(90);
  await (await store.find(place.org_id, [layer.state_key], job, { ttl_s: 500 })).layer?.release();
  expect(await expiry()).toBeGreaterThan(400);
  await sql`update layers set expires_at = now() - interval '1 s' where id = ${layer.id}`.execute(
    place.db,
  );
  const found = await store.find(place.org_id, [layer.state_key], job);
  expect(found).toMatchObject({
    layer: null,
    known: [{ state: "evicted", evicted: { why: "expired" } }],
  });
  // Built again before the sweep: the same layer is good again.
  const again = await publish("short", { ttl_s: 100 });
  expect(again.id).toBe(layer.id);
  expect((await store.find(place.org_id, [layer.state_key], job)).layer?.id).toBe(layer.id);
  await store.release(job);
});

test("rows and directories that disagree are reconciled", async () => {
  const lost = await publish("lost");
  await rm(dirname(lost.directory), { recursive: true });
  const orphan = await publish("orphan");
  await sql`delete from layers where id = ${orphan.id}`.execute(place.db);
  const foreign = join(store.folder, "layers", randomUUID(), keyOf("x").toString("hex"));
  await mkdir(foreign, { recursive: true });
  const torn = join(store.folder, "layers", place.org_id, keyOf("torn").toString("hex"));
  await mkdir(join(torn, "data"), { recursive: true });
  const dead = join(store.folder, "tmp", `${randomUUID()}.builder.abc`);
  await mkdir(join(dead, "data"), { recursive: true });
  const mine = await store.workspace("alive");

  expect(await store.sweep()).toMatchObject({ adopted: 1 });
  const { layer, known } = await store.find(
    place.org_id,
    [keyOf("orphan"), keyOf("lost"), keyOf("torn")],
    job,
  );
  expect(known.map(({ state }) => state)).toEqual(["ready", "evicted", "never_built"]);
  expect(known[1]?.evicted?.why).toBe("lost");
  expect(layer?.directory).toBe(orphan.directory);
  expect([foreign, torn, dead, mine].map(existsSync)).toEqual([false, false, false, true]);
  await store.release(job);
});

test("after another boot only what is known to be on the disk is trusted", async () => {
  const other = await testPlace();
  try {
    const before = await testStore(other, { bootId: async () => "boot-1" });
    const synced = await publishSmall(before, cluster, other, "synced");
    await before.stop();
    const crashed = await testStore(other, { bootId: async () => "boot-1" });
    await publishSmall(crashed, cluster, other, "unsynced");
    const after = await testStore(other, { bootId: async () => "boot-2" });
    const { layer, known } = await after.find(
      other.org_id,
      [keyOf("unsynced"), synced.state_key],
      job,
    );
    expect(layer?.id).toBe(synced.id);
    expect(known[0]).toMatchObject({ state: "evicted", evicted: { why: "unclean" } });
    await Promise.all([crashed.stop(), after.stop()]);
  } finally {
    await other.stop();
  }
});

test("a manifest that was read before its layer went makes no layer of it", async () => {
  const { id, directory } = await publish("read-late");
  const manifest = (await readManifest(dirname(directory)))!;
  expect(await beginEviction(place.db, id, "asked")).toBe(true);
  await store.sweep();
  const isThere = async () => existsSync(directory);
  expect(await insertLayer(place.db, manifest, isThere)).toEqual({ outcome: "gone" });
  const { layer, known } = await store.find(place.org_id, [keyOf("read-late")], job);
  expect(layer).toBeNull();
  expect(known).toMatchObject([{ state: "evicted", evicted: { why: "lost" } }]);
});

test("the limits are strict, and say what to do in figures", async () => {
  const other = await testPlace();
  try {
    // One state takes about 70 KiB in memory, 90 on ext4.
    const small = await testStore(other, { limits: { ...GENEROUS, max_bytes: 300_000 } });
    const layers = [];
    for (let n = 0; n < 8; n++)
      layers.push(
        await publishSmall(small, cluster, other, `n${n}`, {
          size: 50_000,
          build_ms: n === 2 ? 90_000 : 10,
        }),
      );
    const { known } = await small.find(
      other.org_id,
      layers.map(({ state_key }) => state_key),
      job,
    );
    const gone = known.filter(({ state }) => state === "evicted");
    expect(gone.length).toBeGreaterThan(2);
    expect(gone.every(({ evicted }) => evicted?.why === "capacity")).toBe(true);
    expect(known[2]?.state).toBe("ready");
    await small.release(job);

    const big = await smallState(small, cluster, other, "big", { size: 400_000 });
    await expect(small.publish(big)).rejects.toMatchObject({
      code: "cache_limit_too_small",
      figures: { effective_max_bytes: 300_000 },
    });
    expect(existsSync(big.directory)).toBe(true);

    await sql`update layers set pinned_at = now() where status = 'ready'`.execute(other.db);
    await expect(small.room(200_000)).rejects.toMatchObject({
      code: "cache_full_unreclaimable",
      figures: { reason: "usage_above_high_watermark", kept: { in_use: 0, too_young: 0 } },
    });
    await small.stop();
    const greedy = await testStore(other, {
      limits: { ...GENEROUS, reserve_bytes: 1e15, max_bytes: 0 },
    });
    await expect(greedy.room(1)).rejects.toMatchObject({ code: "cache_limit_too_small" });
    await greedy.stop();
  } finally {
    await other.stop();
  }
});

test("a fork is a state after which two different ones were asked for", async () => {
  const [a, b, c, d] = ["f-a", "f-b", "f-c", "f-d"].map(keyOf) as [Buffer, Buffer, Buffer, Buffer];
  expect(await store.noteChain(place.org_id, [a, b, c])).toEqual([false, false, false]);
  expect(await store.noteChain(place.org_id, [a, b, c])).toEqual([false, false, false]);
  expect(await store.noteChain(place.org_id, [a, b, d])).toEqual([false, true, false]);
  expect(await store.noteChain(randomUUID(), [b])).toEqual([false]);
});

test("without a limit of its own a cache takes half of what is free and its own, within 20 GiB", async () => {
  const settings = {
    QUERN_SANDBOX_CACHE_HIGH: 0.5,
    QUERN_SANDBOX_CACHE_LOW: 0.8,
    QUERN_SANDBOX_CACHE_MIN_AGE_S: 60,
  };
  const gib = 1024 ** 3;
  const disk = (free: number) => async () => ({ total_bytes: 100 * gib, free_bytes: free });
  const { rows } = await sql<{ used: number }>`
    select sum(own_bytes)::bigint as used from layers
    where store_id = ${store.store_id} and status <> 'evicted'`.execute(place.db);
  const folder = join(place.folder, "store");
  expect(await layerLimits(settings, folder, place.db, disk(10 * gib))).toEqual({
    max_bytes: (10 * gib + rows[0]!.used) / 2,
    reserve_bytes: 5 * gib,
    high_watermark: 0.5,
    low_watermark: 0.5,
    min_age_s: 60,
  });
  expect((await layerLimits(settings, folder, place.db, disk(90 * gib))).max_bytes).toBe(20 * gib);
});
