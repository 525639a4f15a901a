/** A layer store at work: its operations, and what it does by itself. */
import { mkdir } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "@quern/runtime/log";
import type { Database } from "@quern/store/db";
import { noteStore } from "@quern/store/layer-stores";
import { endLeasesOf, noteChain, noteReproducible } from "@quern/store/layers";
import { makeDurable, type Sync } from "./durability.ts";
import { type Hours, openHours } from "./hours.ts";
import type { LayerInstruments } from "./instruments.ts";
import type { LayerStore } from "./layer-store.ts";
import { lookups } from "./lookups.ts";
import { ignoreAbort, startProcessLease } from "./process-lease.ts";
import { publishLayer } from "./publish.ts";
import { makeRoom } from "./room.ts";
import type { SharedLayers } from "./shared-layers.ts";
import { openSharing } from "./sharing.ts";
import { type LayerLimits, type PassFailPoint, type Shop, turns } from "./shop.ts";
import { openFlights } from "./single-flight.ts";
import { asideOf, dataOf, openStoreFolder } from "./store-folder.ts";
import { openStoreWatch, type StoreWatch, storeState } from "./store-watch.ts";
import { sweepStore } from "./sweep.ts";

export type LayerStoreOptions = {
  db: Database;
  log: Log;
  /** Where the layers are: a folder of this machine's disk that only this installation uses. */
  folder: string;
  limits: LayerLimits;
  instruments: LayerInstruments;
  /** How instances are cloned, for people. */
  clone?: string | null;
  shared?: SharedLayers | null;
  times?: LayerTimes;
  passFailPoint?: PassFailPoint;
  /** What differs after each start of the machine. */
  bootId?: () => Promise<string>;
  sync?: Sync;
  /** Called with the key of a layer that is about to go: what was made of it ahead of need goes, too. */
  forget?: (state_key: Buffer) => Promise<void>;
};

export type LayerTimes = {
  /** A process that does not say for so long that it lives has no leases and builds any more. */
  lease_ms: number;
  renew_ms: number;
  sweep_ms: number;
  /** How often what was published is written to the disk. */
  sync_ms: number;
  note_ms: number;
};

export const LAYER_TIMES: LayerTimes = {
  lease_ms: 15_000,
  renew_ms: 3_000,
  sweep_ms: 60_000,
  sync_ms: 30_000,
  note_ms: 15_000,
};

/** A disk that takes longer than this to write everything is tried again later. */
const SYNC_MS = 120_000;
/** At the end nobody waits for longer: what is not known to be on the disk is not trusted after the machine was down. */
const LAST_SYNC_MS = 8_000;

/** Opens the store, makes it agree with its rows, and keeps it so until `stop`. */
export async function startLayerStore(options: LayerStoreOptions): Promise<LayerStore> {
  const { db, log, limits, times = LAYER_TIMES } = options;
  const folder = await openStoreFolder(options.folder, options.bootId);
  const shared = options.shared ?? null;
  const facts = { folder, limits, clone: options.clone ?? null, shared: shared?.name ?? null };
  await noteStore(db, storeState(facts));
  const hours = openHours(db, log, folder.store_id);
  const shop: Shop = {
    db,
    log,
    folder,
    limits,
    instruments: options.instruments,
    process: await startProcessLease(db, log, folder.store_id, times),
    passFailPoint: options.passFailPoint ?? (() => {}),
    forget: options.forget ?? (async () => {}),
    stopping: new AbortController(),
    inTurn: turns(),
    evicted: (bytes) => hours.add({ evictions: 1, evicted_bytes: bytes }),
  };
  const watch = openStoreWatch(shop, facts, hours);
  try {
    const { store_id, path } = folder;
    log.info({ store_id, folder: path, ...(await sweepStore(shop)) }, "opened the layer store");
    await watch.look();
  } catch (error) {
    await shop.process.stop();
    throw error;
  }
  return atWork(options, shop, hours, watch, shared);
}

function atWork(
  { db, log, times = LAYER_TIMES, sync }: LayerStoreOptions,
  shop: Shop,
  hours: Hours,
  watch: StoreWatch,
  shared: SharedLayers | null,
): LayerStore {
  const flights = openFlights();
  const sharing = openSharing(shop, shared);
  const { signal } = shop.stopping;
  const repeat = (ms: number, what: string, work: () => Promise<unknown>) =>
    every(ms, signal, log, what, work);
  const write = (patience_ms: number, given_up: AbortSignal[]) =>
    makeDurable(shop, sync, AbortSignal.any([AbortSignal.timeout(patience_ms), ...given_up]));
  const loops = [
    repeat(times.sweep_ms, "sweep the layer store", () => sweepStore(shop)),
    repeat(times.sync_ms, "write layers to the disk", () => write(SYNC_MS, [signal])),
    repeat(times.note_ms, "say how the layer store is", watch.look),
  ];
  return {
    store_id: shop.folder.store_id,
    folder: shop.folder.path,
    directoryOf: (org_id, key) => dataOf(shop.folder, org_id, key),
    ...lookups({ shop, hours, flights, sharing, shared: shared?.name ?? null }),
    async workspace(name) {
      const path = asideOf(shop.folder, shop.process.id(), name);
      await mkdir(path, { mode: 0o700 });
      return path;
    },
    noteChain: (org_id, keys) => noteChain(db, org_id, keys),
    async publish(made) {
      const layer = await publishLayer(shop, made);
      sharing.offer(layer);
      return layer;
    },
    room: (bytes, phase = "prepare_step") => makeRoom(shop, { bytes, written: false, phase }),
    release: (holder) => endLeasesOf(db, shop.process.id(), holder),
    noteReproducible: (id, reproducible) => noteReproducible(db, id, reproducible),
    exportLayer: sharing.send,
    importLayer: sharing.bring,
    sweep: () => sweepStore(shop),
    stats: () => ({
      ...watch.seen(),
      builds_running: flights.running(),
      waiting: flights.waiting(),
    }),
    async stop() {
      shop.stopping.abort();
      await flights.stop();
      await sharing.stop();
      await Promise.all(loops);
      await hours.flush();
      await write(LAST_SYNC_MS, []).catch((error: unknown) =>
        log.warn({ err: error }, "could not write the layers to the disk before stopping"),
      );
      await shop.process.stop();
    },
  };
}

async function every(
  ms: number,
  signal: AbortSignal,
  log: Log,
  what: string,
  work: () => Promise<unknown>,
): Promise<void> {
  while (!signal.aborted) {
    await delay(ms * (0.9 + Math.random() * 0.2), undefined, { signal }).catch(ignoreAbort);
    if (signal.aborted) return;
    await work().catch((error: unknown) => {
      if (!signal.aborted) log.warn({ err: error }, `could not ${what}; trying again`);
    });
  }
}
