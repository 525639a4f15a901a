/** Times what is done with a store, for whoever measures. */
import { PartMissingError } from "./part-keys.ts";
import type { PartSource } from "./read/source.ts";

export type StoreOperation = "put" | "open" | "read" | "fetch" | "delete" | "list";

/** `outcome` is `missing` when the part is not there, `error` when the store failed. */
export type StoreObserver = (
  operation: StoreOperation,
  outcome: "ok" | "missing" | "error",
  seconds: number,
) => void;

/** A store is known by identity alone. */
type Store = { kind: string };

const observers = new WeakMap<Store, StoreObserver>();

/** From now on, `observer` is told of each operation on this store when it ends. */
export function observeStore(store: Store, observer: StoreObserver): void {
  observers.set(store, observer);
}

export async function observed<T>(
  store: Store,
  operation: StoreOperation,
  work: Promise<T>,
): Promise<T> {
  const observer = observers.get(store);
  if (observer === undefined) return work;
  const began = performance.now();
  const tell = (outcome: "ok" | "missing" | "error") =>
    observer(operation, outcome, (performance.now() - began) / 1000);
  try {
    const given = await work;
    tell("ok");
    return given;
  } catch (error) {
    tell(error instanceof PartMissingError ? "missing" : "error");
    throw error;
  }
}

/** The same part, whose reads are told of. */
export function observedSource(store: Store, source: PartSource): PartSource {
  if (!observers.has(store)) return source;
  return {
    ...source,
    slice: (start, end) => observed(store, "read", Promise.resolve(source.slice(start, end))),
  };
}
