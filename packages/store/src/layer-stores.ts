/** The stores themselves, the processes that live on them, whose turn it is to build, and what happened by the hour. */
import { sql } from "kysely";
import type { Database } from "./db.ts";

export type StoreState = {
  store_id: string;
  hostname: string;
  folder: string;
  clone: string | null;
  max_bytes: number;
  effective_max_bytes: number;
  reserve_bytes: number;
  high_watermark: number;
  low_watermark: number;
  total_bytes: number;
  free_bytes: number;
  shared: string | null;
};

/** Says how a store is, for people; makes it known the first time. */
export async function noteStore(db: Database, state: StoreState): Promise<void> {
  await sql`
    insert into layer_stores (id, hostname, folder, clone, max_bytes, effective_max_bytes, reserve_bytes,
      high_watermark, low_watermark, total_bytes, free_bytes, shared)
    values (${state.store_id}, ${state.hostname}, ${state.folder}, ${state.clone}, ${state.max_bytes},
      ${state.effective_max_bytes}, ${state.reserve_bytes}, ${state.high_watermark}, ${state.low_watermark},
      ${state.total_bytes}, ${state.free_bytes}, ${state.shared})
    on conflict (id) do update set hostname = excluded.hostname, folder = excluded.folder, clone = excluded.clone,
      max_bytes = excluded.max_bytes, effective_max_bytes = excluded.effective_max_bytes,
      reserve_bytes = excluded.reserve_bytes, high_watermark = excluded.high_watermark,
      low_watermark = excluded.low_watermark, total_bytes = excluded.total_bytes, free_bytes = excluded.free_bytes,
      shared = excluded.shared, seen_at = now()`.execute(db);
}

/** A process that uses the store; its leases and builds count for `lease_ms` from now, and from each renewal. */
export async function enterProcess(
  db: Database,
  store_id: string,
  lease_ms: number,
): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    insert into layer_processes (store_id, alive_till)
    values (${store_id}, now() + ${lease_ms} * interval '1 ms') returning id`.execute(db);
  return rows[0]!.id;
}

/** False when the process was taken for dead meanwhile: its leases and builds are gone, and it has to enter again. */
export async function renewProcess(
  db: Database,
  process_id: string,
  lease_ms: number,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update layer_processes set alive_till = now() + ${lease_ms} * interval '1 ms'
    where id = ${process_id} and alive_till > now()`.execute(db);
  return numAffectedRows === 1n;
}

export async function leaveProcess(db: Database, process_id: string): Promise<void> {
  await sql`delete from layer_processes where id = ${process_id}`.execute(db);
}

/** Forgets processes whose time is up, with their leases and builds; returns those that live. */
export async function sweepProcesses(db: Database, store_id: string): Promise<Set<string>> {
  await sql`delete from layer_processes where store_id = ${store_id} and alive_till <= now()`.execute(
    db,
  );
  const { rows } = await sql<{ id: string }>`
    select id from layer_processes where store_id = ${store_id}`.execute(db);
  return new Set(rows.map(({ id }) => id));
}

type BuildKey = { store_id: string; org_id: string; state_key: Buffer; process_id: string };

/** Takes the turn to build a state: true for one living process at a time. */
export async function takeBuild(db: Database, build: BuildKey): Promise<boolean> {
  const { numAffectedRows } = await sql`
    insert into layer_builds (store_id, org_id, state_key, process_id)
    values (${build.store_id}, ${build.org_id}, ${build.state_key}, ${build.process_id})
    on conflict (store_id, org_id, state_key) do update set process_id = excluded.process_id, started_at = now()
    where layer_builds.process_id = excluded.process_id or not exists (select from layer_processes
      where layer_processes.id = layer_builds.process_id and layer_processes.alive_till > now())`.execute(
    db,
  );
  return numAffectedRows === 1n;
}

export async function endBuild(db: Database, build: BuildKey): Promise<void> {
  await sql`
    delete from layer_builds
    where store_id = ${build.store_id} and org_id = ${build.org_id} and state_key = ${build.state_key}
      and process_id = ${build.process_id}`.execute(db);
}

export type HourCounts = {
  full_hits: number;
  prefix_hits: number;
  misses: number;
  builds: number;
  build_ms: number;
  evictions: number;
  evicted_bytes: number;
};

/** Adds to what happened in this hour. */
export async function addToHour(db: Database, store_id: string, counts: HourCounts): Promise<void> {
  await sql`
    insert into layer_hours (store_id, hour, full_hits, prefix_hits, misses, builds, build_ms, evictions, evicted_bytes)
    values (${store_id}, date_trunc('hour', now()), ${counts.full_hits}, ${counts.prefix_hits}, ${counts.misses},
      ${counts.builds}, ${counts.build_ms}, ${counts.evictions}, ${counts.evicted_bytes})
    on conflict (store_id, hour) do update set full_hits = layer_hours.full_hits + excluded.full_hits,
      prefix_hits = layer_hours.prefix_hits + excluded.prefix_hits, misses = layer_hours.misses + excluded.misses,
      builds = layer_hours.builds + excluded.builds, build_ms = layer_hours.build_ms + excluded.build_ms,
      evictions = layer_hours.evictions + excluded.evictions,
      evicted_bytes = layer_hours.evicted_bytes + excluded.evicted_bytes`.execute(db);
}

/** Forgets what nobody looks at any more: old tombstones without a name, old forks, old hours, machines long gone. */
export async function forgetOldLayers(db: Database): Promise<void> {
  await sql`
    delete from layers where status = 'evicted' and evicted_at < now() - interval '90 days'
      and not exists (select from layer_names
        where layer_names.org_id = layers.org_id and layer_names.state_key = layers.state_key)`.execute(
    db,
  );
  await sql`delete from layer_children where seen_at < now() - interval '30 days'`.execute(db);
  await sql`delete from layer_hours where hour < now() - interval '90 days'`.execute(db);
  await sql`delete from layer_stores where seen_at < now() - interval '30 days'`.execute(db);
}
