/**
 * A process that works on a layer store until it is killed, by itself at a fail point or from outside. Only tests
 * start it: with QUERN_TEST_LAYERS, a ChildTask as JSON.
 */
import { setTimeout as delay } from "node:timers/promises";
import { openLog } from "@quern/runtime/log";
import { openDatabase } from "@quern/store/db";
import { beginEviction } from "@quern/store/layer-evictions";
import { Registry } from "prom-client";
import { CacheError, LayerRefused } from "../layers/cache-error.ts";
import { openLayerInstruments } from "../layers/instruments.ts";
import type { Holder, LeasedLayer } from "../layers/layer-store.ts";
import { LayerGone } from "../layers/leases.ts";
import type { LayerFailPoint } from "../layers/shop.ts";
import { startLayerStore } from "../layers/start-layer-store.ts";
import { keyOf } from "./keys.ts";
import { whatIsWrong, wholeState } from "./whole.ts";

export type ChildTask = {
  database_url: string;
  folder: string;
  cluster: string;
  org_id: string;
  names: string[];
  /** Dies when it comes by this point for the n-th time. */
  die_at: { point: LayerFailPoint; time: number } | null;
  /** chaos: everything at random, for ever. once: makes each name once, and says whether it built it. */
  work: "chaos" | "once";
  lease_ms: number;
};

const task = JSON.parse(process.env.QUERN_TEST_LAYERS ?? "null") as ChildTask;
let passed = 0;
const store = await startLayerStore({
  db: openDatabase(task.database_url, { max: 4 }),
  log: openLog("sandbox", "fatal"),
  folder: task.folder,
  limits: {
    max_bytes: 1e12,
    reserve_bytes: 0,
    high_watermark: 0.9,
    low_watermark: 0.8,
    min_age_s: 0,
  },
  instruments: openLayerInstruments(new Registry()),
  sync: async () => {},
  times: {
    lease_ms: task.lease_ms,
    renew_ms: task.lease_ms / 5,
    sweep_ms: 200,
    sync_ms: 1e8,
    note_ms: 1e8,
  },
  passFailPoint(point) {
    if (point === task.die_at?.point && ++passed === task.die_at.time)
      process.kill(process.pid, "SIGKILL");
  },
});
const db = openDatabase(task.database_url, { max: 2 });
const holder: Holder = { kind: "job", id: `child-${process.pid}` };
const never = new AbortController().signal;
let builds = 0;

async function make(name: string): Promise<LeasedLayer> {
  const build = async () => {
    builds += 1;
    process.send?.({ built: name });
    const workspace = await store.workspace("builder");
    const directory = await wholeState({ directory: task.cluster }, `${workspace}/data`, name);
    if (task.work === "once") await delay(100);
    return store.publish({
      org_id: task.org_id,
      state_key: keyOf(name),
      parent_key: null,
      env_key: keyOf("env"),
      depth: 0,
      directory,
      build_ms: 10,
      engine: "18.4",
      clone: "copy",
      volatile: [],
      ttl_s: null,
      paths: [],
      steps: 1,
    });
  };
  return store.single(task.org_id, keyOf(name), holder, build, never);
}

async function useOne(name: string): Promise<void> {
  const layer = await make(name);
  const wrong = await whatIsWrong(layer.directory, name);
  // Throws when this process was taken for dead: then nothing that it read counts.
  await layer.assertHeld();
  if (wrong !== null) throw new Error(`served a layer that is not whole: ${wrong}`);
  if (Math.random() < 0.4) {
    await layer.release();
    if (await beginEviction(db, layer.id, "asked")) await store.sweep();
  } else await layer.release();
}

process.send?.({ ready: true });
if (task.work === "once") {
  await Promise.all(task.names.map(useAndKeep));
  process.send?.({ builds });
  await store.stop();
  process.exit(0);
}
for (;;) {
  const name = task.names[Math.floor(Math.random() * task.names.length)]!;
  await useOne(name).catch((error: unknown) => {
    if (!isPartOfTheGame(error)) throw error;
  });
}

/**
 * What may happen to a process that others took for dead, on a busy machine, or whose layers others evict as fast as it
 * builds them. A layer that is not whole is never among it.
 */
function isPartOfTheGame(error: unknown): boolean {
  if (error instanceof LayerRefused || error instanceof LayerGone || error instanceof CacheError)
    return true;
  const path = error instanceof Error && "path" in error ? String(error.path) : "";
  return path.startsWith(`${task.folder}/tmp/`);
}

async function useAndKeep(name: string): Promise<void> {
  const layer = await make(name);
  const wrong = await whatIsWrong(layer.directory, name);
  if (wrong !== null) throw new Error(wrong);
}
