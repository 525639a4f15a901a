/** Layers in somebody's hands. */
import { endLease, findLayer, isLeased, type LayerRow } from "@quern/store/layers";
import type { Found, Holder, KnownLayer, LeasedLayer } from "./layer-store.ts";
import { type Shop, toLayer } from "./shop.ts";

/** The layer was taken away while this process slept. What was cloned from it is worth nothing: look again. */
export class LayerGone extends Error {
  override name = "LayerGone";
  readonly code = "layer_gone";
}

export type LookupOptions = { ttl_s?: number | null; shared?: string | null };

const ATTEMPTS = 5;

/** The deepest ready layer of the keys in the holder's hands, and what is known of each key. */
export async function leaseDeepest(
  shop: Shop,
  org_id: string,
  keys: readonly Buffer[],
  holder: Holder,
  { ttl_s = null, shared = null }: LookupOptions = {},
): Promise<Found> {
  const began = performance.now();
  for (let attempt = 1; ; attempt++) {
    const { layer, lease_id, known, process_id } = await shop.process.as(async (process_id) => {
      const { store_id } = shop.folder;
      const lookup = { store_id, process_id, org_id, keys, holder, ttl_s, shared };
      return { ...(await findLayer(shop.db, lookup)), process_id };
    });
    // Ready when the statement began, and gone before it had the lock.
    const missed = layer === null && known.some(({ state }) => state === "ready");
    if (missed && attempt < ATTEMPTS) continue;
    shop.instruments.lookupSeconds.observe((performance.now() - began) / 1000);
    return {
      layer: layer && lease_id ? leased(shop, layer, lease_id, process_id) : null,
      known: known.map(toKnown),
    };
  }
}

function toKnown(row: Awaited<ReturnType<typeof findLayer>>["known"][number]): KnownLayer {
  const { state_key, layer_id, state, evicted_at, evicted_why } = row;
  const evicted =
    evicted_at !== null && evicted_why !== null && state !== "ready"
      ? {
          at: evicted_at,
          why: evicted_why,
          bytes: row.bytes ?? 0,
          build_ms: row.build_ms ?? 0,
          hits: row.hits ?? 0,
        }
      : null;
  return { state_key, layer_id, state, evicted };
}

function leased(shop: Shop, row: LayerRow, lease_id: string, process_id: string): LeasedLayer {
  let released: Promise<void> | undefined;
  return {
    ...toLayer(shop, row),
    async assertHeld() {
      if (shop.process.id() === process_id && shop.process.isSure()) return;
      if (await isLeased(shop.db, lease_id, row.build_id)) return;
      throw new LayerGone("the layer was given away while this process did not answer");
    },
    release() {
      released ??= endLease(shop.db, lease_id);
      return released;
    },
  };
}
