/** What the parts of a layer store work with. */
import type { Log } from "@quern/runtime/log";
import type { Database } from "@quern/store/db";
import type { LayerRow } from "@quern/store/layers";
import type { LayerInstruments } from "./instruments.ts";
import type { Layer } from "./layer-store.ts";
import type { ProcessLease } from "./process-lease.ts";
import { dataOf, type StoreFolder } from "./store-folder.ts";

export type LayerLimits = {
  max_bytes: number;
  reserve_bytes: number;
  /** Shares of the effective maximum: above the high one layers are evicted, down to the low one. */
  high_watermark: number;
  low_watermark: number;
  /** Seconds that a layer stays at least, leased or not. */
  min_age_s: number;
};

/**
 * Places at which a process may die, so that tests can make it do so. A production store passes them all.
 */
export type LayerFailPoint =
  | "moved"
  | "manifest_written"
  | "renamed"
  | "inserted"
  | "evicting"
  | "directory_gone"
  | "evicted"
  | "exporting"
  | "importing";

export type PassFailPoint = (point: LayerFailPoint) => Promise<void> | void;

export type Shop = {
  db: Database;
  log: Log;
  folder: StoreFolder;
  limits: LayerLimits;
  process: ProcessLease;
  instruments: LayerInstruments;
  passFailPoint: PassFailPoint;
  evicted: (bytes: number) => void;
  /** Ends what was made ahead of need of a layer that is about to go. */
  forget: (state_key: Buffer) => Promise<void>;
  /** A sweep that is under way leaves the rest to the next one. */
  stopping: AbortController;
  /** One after the other in this process: what is evicted for one is not counted by the next. */
  inTurn: <T>(work: () => Promise<T>) => Promise<T>;
};

/** Does one piece of work after the other. */
export function turns(): Shop["inTurn"] {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}

export function toLayer(shop: Shop, row: LayerRow): Layer {
  const { build_id, built_at, ...layer } = row;
  return {
    ...layer,
    created_at: built_at,
    directory: dataOf(shop.folder, row.org_id, row.state_key),
  };
}
