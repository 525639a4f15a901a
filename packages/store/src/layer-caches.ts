/** The caches of layers, machine by machine, as people see them. */
import type { LayerCache } from "@quern/contract/layers";
import { sql } from "kysely";
import type { Database } from "./db.ts";
import { leasedNow } from "./layer-list.ts";

type Day = Omit<LayerCache["last_day"], "hit_rate">;
type Row = Omit<LayerCache, "seen_at" | "last_day" | "hours"> & {
  seen_at: Date;
  last_day: Day;
  hours: LayerCache["hours"];
};

/** All caches of the installation, the one that was seen last first. */
export async function listLayerCaches(db: Database): Promise<LayerCache[]> {
  const { rows } = await sql<Row>`
    select layer_stores.id, layer_stores.hostname, layer_stores.folder,
      layer_stores.seen_at > now() - interval '1 minute' as alive, layer_stores.seen_at, layer_stores.clone,
      held.layers, held.used_bytes, held.pinned_bytes, held.in_use_bytes,
      coalesce(layer_stores.effective_max_bytes, 0) as effective_max_bytes,
      coalesce(layer_stores.reserve_bytes, 0) as reserve_bytes,
      coalesce(layer_stores.high_watermark, 1) as high_watermark,
      coalesce(layer_stores.low_watermark, 1) as low_watermark,
      coalesce(layer_stores.total_bytes, 0) as total_bytes, coalesce(layer_stores.free_bytes, 0) as free_bytes,
      layer_stores.shared, day.last_day, day.hours
    from layer_stores
    cross join lateral (
      select count(*)::integer as layers, coalesce(sum(own_bytes), 0)::bigint as used_bytes,
        coalesce(sum(own_bytes) filter (where pinned_at is not null), 0)::bigint as pinned_bytes,
        coalesce(sum(own_bytes) filter (where ${leasedNow()}), 0)::bigint as in_use_bytes
      from layers where layers.store_id = layer_stores.id and layers.status <> 'evicted'
    ) as held
    cross join lateral (
      select json_build_object(
          'full_hits', coalesce(sum(full_hits), 0), 'prefix_hits', coalesce(sum(prefix_hits), 0),
          'misses', coalesce(sum(misses), 0), 'builds', coalesce(sum(builds), 0),
          'build_ms', coalesce(sum(build_ms), 0), 'evictions', coalesce(sum(evictions), 0),
          'evicted_bytes', coalesce(sum(evicted_bytes), 0)) as last_day,
        coalesce(json_agg(json_build_object(
          'hour', to_char(hour at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'full_hits', full_hits,
          'prefix_hits', prefix_hits, 'misses', misses, 'builds', builds, 'evictions', evictions) order by hour), '[]') as hours
      from layer_hours
      where layer_hours.store_id = layer_stores.id and layer_hours.hour > now() - interval '24 hours'
    ) as day
    order by layer_stores.seen_at desc, layer_stores.id`.execute(db);
  return rows.map((row) => ({
    ...row,
    seen_at: row.seen_at.toISOString(),
    last_day: { ...row.last_day, hit_rate: hitRate(row.last_day) },
  }));
}

function hitRate({ full_hits, prefix_hits, misses }: Day): number | null {
  const all = full_hits + prefix_hits + misses;
  return all === 0 ? null : (full_hits + prefix_hits) / all;
}
