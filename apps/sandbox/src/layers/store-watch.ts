/** How the store is, for people and metrics: measured now and then, written for the pages. */
import { hostname } from "node:os";
import { noteStore } from "@quern/store/layer-stores";
import type { Hours } from "./hours.ts";
import type { LayerStats } from "./layer-store.ts";
import { measure } from "./room.ts";
import type { LayerLimits, Shop } from "./shop.ts";
import type { StoreFolder } from "./store-folder.ts";

export type StoreSeen = Omit<LayerStats, "builds_running" | "waiting">;

export type StoreWatch = {
  /** As it was when somebody looked last. */
  seen(): StoreSeen;
  look(): Promise<void>;
};

export type StoreFacts = {
  folder: StoreFolder;
  limits: LayerLimits;
  clone: string | null;
  shared: string | null;
};

type Space = { effective_max_bytes: number; total_bytes: number; free_bytes: number };

/** What a row of the store says; before it was measured, nothing fits. */
export function storeState(
  { folder, limits, clone, shared }: StoreFacts,
  space: Space = { effective_max_bytes: 0, total_bytes: 0, free_bytes: 0 },
) {
  return {
    store_id: folder.store_id,
    hostname: hostname(),
    folder: folder.path,
    clone,
    shared,
    max_bytes: Math.floor(limits.max_bytes),
    reserve_bytes: Math.floor(limits.reserve_bytes),
    high_watermark: limits.high_watermark,
    low_watermark: limits.low_watermark,
    effective_max_bytes: Math.floor(space.effective_max_bytes),
    total_bytes: space.total_bytes,
    free_bytes: space.free_bytes,
  };
}

export function openStoreWatch(shop: Shop, facts: StoreFacts, hours: Hours): StoreWatch {
  let seen: StoreSeen = {
    store_id: shop.folder.store_id,
    layers: 0,
    used_bytes: 0,
    effective_max_bytes: 0,
    free_bytes: 0,
  };
  return {
    seen: () => seen,
    async look() {
      const now = await measure(shop, "metadata_commit");
      const { layers, used_bytes, effective_max_bytes, free_bytes } = now;
      seen = { ...seen, layers, used_bytes, effective_max_bytes, free_bytes };
      await noteStore(shop.db, storeState(facts, now));
      await hours.flush();
    },
  };
}
