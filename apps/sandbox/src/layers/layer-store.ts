/**
 * The layer store: immutable, cleanly stopped PGDATA directories, found by a content-only key. A layer is visible
 * when its directory has its final name (one `rename`) and its row says `ready`; everything else is swept.
 */
import type { Volatile } from "@quern/contract/layers";
import type { CachePhase } from "./cache-error.ts";
import type { Others } from "./single-flight.ts";

/** For whom a layer is kept from eviction: a job, an instance, a pool. Its leases end with `release` or with the process. */
export type Holder = {
  id: string;
  kind: "job" | "instance" | "pool" | "build" | "export";
};

export type Layer = {
  id: string;
  org_id: string;
  state_key: Buffer;
  /** The layer that the builder was cloned from; null for a base. */
  parent_key: Buffer | null;
  env_key: Buffer;
  /** Steps from s0, which is 0. */
  depth: number;
  /** PGDATA: never to be written, only to be cloned. */
  directory: string;
  bytes: number;
  build_ms: number;
  engine: string;
  volatile: Volatile[];
  reproducible: boolean | null;
  created_at: Date;
  last_used_at: Date;
  expires_at: Date | null;
  hits: number;
};

export type LeasedLayer = Layer & {
  /** Gives this lease back, once; a second call does nothing. */
  release(): Promise<void>;
  /**
   * To be called after cloning `directory`: throws LayerGone when this process was away for so long (stopped, swapped
   * out) that the layer may have been evicted under it, so that nothing cloned meanwhile is trusted.
   */
  assertHeld(): Promise<void>;
};

/** What is known of a key; in the order in which the keys were given. */
export type KnownLayer = {
  state_key: Buffer;
  layer_id: string | null;
  state: "ready" | "evicted" | "never_built" | "exported";
  /** Of an evicted one: when and why it went, what it weighed and cost. */
  evicted: {
    at: Date;
    why: "capacity" | "expired" | "asked" | "lost" | "unclean";
    bytes: number;
    build_ms: number;
    hits: number;
  } | null;
};

export type Found = { layer: LeasedLayer | null; known: KnownLayer[] };

/** A state that was built: a builder's directory after a clean stop. */
export type Made = {
  org_id: string;
  state_key: Buffer;
  parent_key: Buffer | null;
  env_key: Buffer;
  depth: number;
  /** Moved into the store when it is on the same file system and no mount point, else copied; not there afterwards. */
  directory: string;
  /** From the clone of the parent to the clean stop. */
  build_ms: number;
  /** Exact version of the server, like "18.4". */
  engine: string;
  /** How instances are cloned from it: with `reflink` its bytes are shared with its parent. */
  clone: "reflink" | "overlay" | "copy";
  volatile: Volatile[];
  /** Seconds after the last use; null: until evicted for room. */
  ttl_s: number | null;
  /** Paths of the tail's files, in order: for people, no part of the identity. */
  paths: string[];
  /** How many of the last `paths` were run since the parent. */
  steps: number;
};

export type Room = { effective_max_bytes: number; used_bytes: number; free_bytes: number };

/** One builder's turn; `signal` is aborted when nobody waits for the build any more. `others`: of this process. */
export type Build = (signal: AbortSignal, others: Others) => Promise<Layer>;

export type LayerStats = {
  store_id: string;
  layers: number;
  used_bytes: number;
  effective_max_bytes: number;
  free_bytes: number;
  builds_running: number;
  waiting: number;
};

export type LayerStore = {
  /** Kept in `<folder>/store.json`, made once. */
  store_id: string;
  folder: string;
  /** Where the data of a layer of that key are, if there is one. */
  directoryOf(org_id: string, key: Buffer): string;
  /** A fresh, empty directory on the store's file system for a builder; swept when its process has died. */
  workspace(name: string): Promise<string>;
  /**
   * The deepest ready layer among the keys (chain order, s0 first), leased to `holder`; and what is known of each key.
   * With `ttl_s` its time to live starts again. One query.
   * A job's lookup counts for the hit rate unless `counted` is false.
   */
  find(
    org_id: string,
    keys: readonly Buffer[],
    holder: Holder,
    options?: { ttl_s?: number | null; counted?: boolean },
  ): Promise<Found>;
  /**
   * The layer of `key`: at once when it is ready, else out of the shared store when it is there, else by `build`, which
   * runs in exactly one process of all that share this store while the others wait. `build` publishes and gives what
   * `publish` gave. Aborting `signal` rejects this caller only; the build is aborted when its last waiter has left. An
   * error of the build is everybody's who waited in this process; another process then has its turn.
   * Nested calls are fine from a state to its ancestors, never the other way.
   */
  single(
    org_id: string,
    key: Buffer,
    holder: Holder,
    build: Build,
    signal: AbortSignal,
  ): Promise<LeasedLayer>;
  /**
   * Notes that these states were asked for one after the other (only the part that is replayed), and says of each
   * whether it is a fork by now: another child of it was asked for, too.
   */
  noteChain(org_id: string, keys: readonly Buffer[]): Promise<boolean[]>;
  /**
   * Checks that the directory is a cleanly stopped PGDATA, moves it into the store and makes it visible. Who comes
   * second with a key has its directory dropped and gets the first one's layer. Throws LayerRefused, CacheError.
   */
  publish(made: Made): Promise<Layer>;
  /** Evicts until so much fits, or throws CacheError with the phase. */
  room(bytes_needed: number, phase?: CachePhase): Promise<Room>;
  /** Gives back all leases of a holder. */
  release(holder: Holder): Promise<void>;
  /** Verify mode's answer. */
  noteReproducible(layer_id: string, reproducible: boolean | null): Promise<void>;
  /** Puts a layer into the shared store; what is there already is not sent again. Throws when none is set. */
  exportLayer(org_id: string, key: Buffer, signal?: AbortSignal): Promise<Exported>;
  /** Takes a layer out of the shared store; null when it is not there. Throws ImportRefused when it does not fit or is damaged. */
  importLayer(org_id: string, key: Buffer, signal?: AbortSignal): Promise<Layer | null>;
  /** Reconciles rows and directories, evicts what expired or was asked for, and to the watermarks. Runs by itself, too. */
  sweep(): Promise<Swept>;
  stats(): LayerStats;
  stop(): Promise<void>;
};

export type Exported = { chunks: number; sent: number; sent_bytes: number; bytes: number };

export type Swept = { evicted: number; freed_bytes: number; adopted: number; removed: number };
