/**
 * Instances started ahead of need, each a clone of a layer that heads are likely to ask for again. One serves one head
 * and is destroyed afterwards. How many of a layer are kept follows how often it was asked for lately.
 */
import { Client } from "pg";
import type { MadeInstance } from "./instance.ts";
import type { InstanceInstruments } from "./instruments.ts";
import {
  countReady,
  demandOf,
  leastWorth,
  mostWanted,
  nameOf,
  type PoolEntry,
  type PooledLayer,
} from "./pool-demand.ts";

export type PoolOptions = {
  /** Of all layers together; 0: no pool. */
  capacity: number;
  make(layer: PooledLayer, signal: AbortSignal): Promise<MadeInstance>;
  /** Whether the machine has more to do than it can: then nothing is started ahead. */
  busy(): boolean;
  instruments: Pick<InstanceInstruments, "poolRequests">;
  onError(error: unknown): void;
};

export type Pool = {
  /** A ready instance of the layer, or null. Counts as demand either way. */
  take(layer: PooledLayer): MadeInstance | null;
  /** Demand to come. */
  hint(layer: PooledLayer): void;
  forget(key: Buffer): Promise<void>;
  state(): { capacity: number; ready: number; hits: number; misses: number };
  stop(): Promise<void>;
};

type Entry = PoolEntry<MadeInstance>;
type State = {
  options: PoolOptions;
  entries: Map<string, Entry>;
  abort: AbortController;
  /** The next look, and when it is. */
  timer: { handle: NodeJS.Timeout; at: number } | null;
  working: Promise<void> | null;
};

/** Below this a layer is cold: its instances are given up. */
const COLD = 0.05;
/** So that the head that was just served is not held up by the start of the next instance. */
const REFILL_MS = 100;
const BUSY_MS = 500;
const IDLE_MS = 10_000;

export function openPool(options: PoolOptions): Pool {
  const entries = new Map<string, Entry>();
  const abort = new AbortController();
  const state: State = { options, entries, abort, timer: null, working: null };
  const count = { hits: 0, misses: 0 };
  return {
    take(layer) {
      if (options.capacity === 0) return null;
      const instance = noteDemand(state, layer)?.ready.shift() ?? null;
      count[instance === null ? "misses" : "hits"] += 1;
      options.instruments.poolRequests.inc({ outcome: instance === null ? "miss" : "hit" });
      lookIn(state, REFILL_MS);
      return instance;
    },
    hint(layer) {
      if (options.capacity === 0) return;
      noteDemand(state, layer);
      lookIn(state, 0);
    },
    async forget(key) {
      for (const entry of entries.values()) {
        if (entry.layer.key.equals(key)) await drop(state, entry);
      }
    },
    state: () => ({ capacity: options.capacity, ready: countReady(entries.values()), ...count }),
    async stop() {
      abort.abort();
      clearTimeout(state.timer?.handle);
      await state.working;
      for (const entry of entries.values()) await drop(state, entry);
    },
  };
}

function noteDemand({ entries }: State, layer: PooledLayer): Entry | null {
  const now = Date.now();
  const name = nameOf(layer);
  if (name === null) return null;
  const entry = entries.get(name) ?? {
    name,
    layer,
    demand: 0,
    at: now,
    ready: [],
    failed_at: Number.NEGATIVE_INFINITY,
  };
  entry.demand = demandOf(entry, now) + 1;
  entry.at = now;
  entries.set(name, entry);
  return entry;
}

async function drop({ entries }: State, entry: Entry): Promise<void> {
  entries.delete(entry.name);
  for (const instance of entry.ready.splice(0)) await instance.destroy();
}

/** Looks after so long at the latest; a look that comes sooner stays. */
function lookIn(state: State, ms: number): void {
  if (state.abort.signal.aborted) return;
  const at = Date.now() + ms;
  if (state.timer !== null && state.timer.at <= at) return;
  clearTimeout(state.timer?.handle);
  const handle = setTimeout(() => {
    state.timer = null;
    // One at a time: what a look does not see the next one does.
    if (state.working !== null) return lookIn(state, REFILL_MS);
    state.working = refill(state)
      .catch(state.options.onError)
      .finally(() => {
        state.working = null;
      });
  }, ms).unref();
  state.timer = { handle, at };
}

async function refill(state: State): Promise<void> {
  const { options, entries, abort } = state;
  for (const entry of entries.values()) {
    const isGone = nameOf(entry.layer) !== entry.name;
    if (isGone || demandOf(entry, Date.now()) < COLD) await drop(state, entry);
  }
  while (!abort.signal.aborted && !options.busy()) {
    const all = [...entries.values()];
    const wanted = mostWanted(all, options.capacity, Date.now());
    if (wanted === null) break;
    if (countReady(all) >= options.capacity) {
      const others = all.filter((entry) => entry !== wanted);
      await leastWorth(others, Date.now())?.ready.pop()?.destroy();
    }
    await fill(state, wanted);
  }
  if (entries.size > 0) lookIn(state, options.busy() ? BUSY_MS : IDLE_MS);
}

async function fill(state: State, entry: Entry): Promise<void> {
  const { options, entries, abort } = state;
  let instance: MadeInstance | null = null;
  try {
    instance = await options.make(entry.layer, abort.signal);
    await firstSession(instance);
  } catch (error) {
    await instance?.destroy();
    entry.failed_at = Date.now();
    if (!abort.signal.aborted) options.onError(error);
    return;
  }
  // The pool does not keep layers from eviction: what was cloned while one went away is not whole.
  const isWhole = nameOf(entry.layer) === entry.name;
  if (abort.signal.aborted || !isWhole || entries.get(entry.name) !== entry) {
    await instance.destroy();
    return;
  }
  const made = instance;
  entry.ready.push(made);
  made.exited.then(() => {
    entry.ready = entry.ready.filter((other) => other !== made);
  });
}

/** The first session of a server builds the cache of its catalogs, which takes longer than most heads. */
async function firstSession(instance: MadeInstance): Promise<void> {
  const client = new Client({
    host: instance.socket_dir,
    port: instance.port,
    user: instance.owner.user,
    database: instance.database,
  });
  client.on("error", () => {
    // connect or end tells.
  });
  await client.connect();
  await client.end();
}
