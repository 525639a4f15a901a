import { beginEviction } from "@quern/store/layer-evictions";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { stoppedCluster } from "../testing-layers/clusters.ts";
import { keyOf } from "../testing-layers/keys.ts";
import type { RealCluster } from "../testing-layers/pgdata.ts";
import { publishSmall, type TestPlace, testPlace, testStore } from "../testing-layers/store.ts";
import type { Holder, LayerStore } from "./layer-store.ts";
import { LayerGone } from "./leases.ts";
import { LAYER_TIMES } from "./start-layer-store.ts";

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

const publish = (name: string) => publishSmall(store, cluster, place, name);

test("a leased or pinned layer stays; its release lets it go", async () => {
  const layer = await publish("held");
  const { layer: lease } = await store.find(place.org_id, [layer.state_key], job);
  expect(await beginEviction(place.db, layer.id, "asked")).toBe(false);
  await lease?.assertHeld();
  await lease?.release();
  await sql`update layers set pinned_at = now() where id = ${layer.id}`.execute(place.db);
  expect(await beginEviction(place.db, layer.id, "asked")).toBe(false);
  await sql`update layers set pinned_at = null where id = ${layer.id}`.execute(place.db);
  expect(await beginEviction(place.db, layer.id, "asked")).toBe(true);
  await store.sweep();
});

test("lease and eviction exclude each other, whoever is first", async () => {
  for (let round = 0; round < 20; round++) {
    const { id, state_key } = await publish(`race-${round}`);
    const [found, evicted] = await Promise.all([
      store.find(place.org_id, [state_key], job),
      beginEviction(place.db, id, "asked"),
    ]);
    // Neither happens when the eviction found the row locked by the lease.
    expect(found.layer !== null && evicted).toBe(false);
    await found.layer?.release();
  }
  await store.sweep();
});

test("fifty who want five states build five; who leaves early leaves the others theirs", async () => {
  const never = new AbortController().signal;
  const builds: string[] = [];
  const get = (name: string, n: number, signal = never) =>
    store.single(
      place.org_id,
      keyOf(name),
      { kind: "job", id: `flight-${n}` },
      async () => {
        builds.push(name);
        return publish(name);
      },
      signal,
    );
  const states = ["s1", "s2", "s3", "s4", "s5"];
  const leaving = new AbortController();
  const left = get("s1", 99, leaving.signal);
  const wanted = Array.from({ length: 50 }, (_, n) => get(states[n % 5]!, n));
  leaving.abort(new Error("left"));
  await expect(left).rejects.toThrow("left");
  const layers = await Promise.all(wanted);
  expect(builds.sort()).toEqual(states);
  expect(new Set(layers.map(({ id }) => id)).size).toBe(5);
  expect(await beginEviction(place.db, layers[0]!.id, "asked")).toBe(false);
  await Promise.all(layers.map((layer) => layer.release()));
  expect(await beginEviction(place.db, layers[0]!.id, "asked")).toBe(true);

  const bothWait = () => expect.poll(() => store.stats().waiting).toBe(1);
  const failing = (before: () => Promise<unknown>) =>
    store.single(
      place.org_id,
      keyOf("broken"),
      job,
      async () => {
        builds.push("broken");
        await before();
        throw new Error("syntax error");
      },
      never,
    );
  const failed = await Promise.allSettled([failing(bothWait), failing(bothWait)]);
  expect(failed.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(builds.filter((name) => name === "broken").length).toBe(1);
  await expect(failing(async () => {})).rejects.toThrow("syntax error");
});

test("a process that slept past its lease knows that its layers may be gone, and goes on under another name", async () => {
  const other = await testPlace();
  const times = { ...LAYER_TIMES, lease_ms: 60_000, renew_ms: 1e8, sweep_ms: 1e8, sync_ms: 1e8 };
  const sleepy = await testStore(other, { times });
  try {
    const layer = await publishSmall(sleepy, cluster, other, "slept");
    const held = (await sleepy.find(other.org_id, [layer.state_key], job)).layer!;
    await held.assertHeld();
    // It sleeps for two minutes: its clock went on, and so did the database's.
    const awake = Date.now;
    vi.spyOn(Date, "now").mockImplementation(() => awake() + 120_000);
    await sql`update layer_processes set alive_till = alive_till - interval '2 minutes'`.execute(
      other.db,
    );
    await expect(held.assertHeld()).rejects.toThrow(LayerGone);
    const again = (await sleepy.find(other.org_id, [layer.state_key], job)).layer!;
    await again.assertHeld();
    expect(await beginEviction(other.db, layer.id, "asked")).toBe(false);
  } finally {
    vi.restoreAllMocks();
    await sleepy.stop();
    await other.stop();
  }
});
