/** How a state is come by: found, brought from elsewhere, or built by whoever's turn it is. */
import { CacheError } from "./cache-error.ts";
import { type Turn, takeTurn } from "./flight-build.ts";
import type { Hours } from "./hours.ts";
import type { Layer, LayerStore } from "./layer-store.ts";
import { leaseDeepest } from "./leases.ts";
import type { Sharing } from "./sharing.ts";
import type { Shop } from "./shop.ts";
import type { Flights } from "./single-flight.ts";

type Parts = {
  shop: Shop;
  hours: Hours;
  flights: Flights;
  sharing: Sharing;
  /** Name of the object storage whose index is looked at. */
  shared: string | null;
};

const ATTEMPTS = 3;

export function lookups(parts: Parts): Pick<LayerStore, "find" | "single"> {
  const { shop, hours, flights, sharing, shared } = parts;
  return {
    async find(org_id, keys, holder, { ttl_s = null, counted = true } = {}) {
      const found = await leaseDeepest(shop, org_id, keys, holder, { ttl_s, shared });
      if (counted && holder.kind === "job") {
        const hit = hitOf(found.layer, keys);
        shop.instruments.lookups.inc({ hit });
        hours.add({ [COUNTS[hit]]: 1 });
      }
      return found;
    },
    async single(org_id, key, holder, build, signal) {
      const turn: Turn = {
        org_id,
        key,
        build,
        fetch: (flight) => sharing.bringIfGood(org_id, key, flight),
        onBuilt: ({ build_ms }) => hours.add({ builds: 1, build_ms }),
      };
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const { layer } = await leaseDeepest(shop, org_id, [key], holder);
        if (layer) return layer;
        const flight = `${org_id}/${key.toString("hex")}`;
        await flights.board(
          flight,
          (aborted, others) => takeTurn(shop, turn, aborted, others),
          signal,
        );
      }
      throw new CacheError(
        "cache_full_unreclaimable",
        "metadata_commit",
        "The state was evicted as often as it was built: the layer cache is too small for what is asked of it. Raise QUERN_SANDBOX_CACHE_BYTES.",
        { reason: "usage_above_high_watermark" },
      );
    },
  };
}

const COUNTS = { full: "full_hits", prefix: "prefix_hits", miss: "misses" } as const;

/** How much of a chain is there: its end, a part, or nothing but the empty server. */
function hitOf(layer: Layer | null, keys: readonly Buffer[]): keyof typeof COUNTS {
  if (layer === null) return "miss";
  if (layer.state_key.equals(keys[keys.length - 1]!)) return "full";
  return layer.state_key.equals(keys[0]!) ? "miss" : "prefix";
}
