/** How much layers are asked for, and which of them is worth the next warm instance. */
import { statSync } from "node:fs";
import type { ResolvedEnvironment } from "./instances.ts";

export type PooledLayer = { key: Buffer; from: string; environment: ResolvedEnvironment };

/** `ready` are warm instances; of another type in tests. */
export type PoolEntry<T> = {
  name: string;
  layer: PooledLayer;
  /** Requests, each worth less the longer ago it was; as of `at`. */
  demand: number;
  at: number;
  ready: T[];
  /** When a start failed last: a layer that is gone is not tried again and again. */
  failed_at: number;
};

/** What a request of a layer is worth halves in this time. */
const HALF_LIFE_MS = 120_000;
const RETRY_MS = 30_000;

export function demandOf(entry: PoolEntry<unknown>, now: number): number {
  return entry.demand * 0.5 ** ((now - entry.at) / HALF_LIFE_MS);
}

/**
 * Which directory it is: the key, where it lies, and the directory itself, since a layer that was evicted and built again
 * need not be the same in every byte. Null: it is not there.
 */
export function nameOf({ key, from }: PooledLayer): string | null {
  const found = statSync(from, { throwIfNoEntry: false });
  if (found === undefined) return null;
  return `${key.toString("hex")} ${from} ${found.ino} ${found.birthtimeMs}`;
}

/** What the last of `count` instances of a layer is worth. */
export function worth(entry: PoolEntry<unknown>, count: number, now: number): number {
  return demandOf(entry, now) / count;
}

/**
 * The layer whose next instance is worth most. With the pool full only one that is worth twice the least that another
 * keeps, or two layers asked for in turn would push each other out. Null: nothing to start.
 */
export function mostWanted<T>(
  entries: PoolEntry<T>[],
  capacity: number,
  now: number,
): PoolEntry<T> | null {
  const next = (entry: PoolEntry<T>) => worth(entry, entry.ready.length + 1, now);
  const [best] = entries
    .filter((entry) => now - entry.failed_at >= RETRY_MS)
    // A second instance of a layer pays only when requests come close together.
    .filter((entry) => entry.ready.length < Math.max(1, Math.ceil(demandOf(entry, now) / 2)))
    .sort((a, b) => next(b) - next(a));
  if (best === undefined) return null;
  if (countReady(entries) < capacity) return best;
  const least = leastWorth(
    entries.filter((entry) => entry !== best),
    now,
  );
  if (least === null) return null;
  return next(best) > 2 * worth(least, least.ready.length, now) ? best : null;
}

/** The layer whose last warm instance is missed least; null: none has any. */
export function leastWorth<T>(entries: PoolEntry<T>[], now: number): PoolEntry<T> | null {
  const [least] = entries
    .filter((entry) => entry.ready.length > 0)
    .sort((a, b) => worth(a, a.ready.length, now) - worth(b, b.ready.length, now));
  return least ?? null;
}

export function countReady(entries: Iterable<PoolEntry<unknown>>): number {
  let ready = 0;
  for (const entry of entries) ready += entry.ready.length;
  return ready;
}
