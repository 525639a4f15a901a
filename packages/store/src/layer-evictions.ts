/** How layers go: first the row says so, then the directory goes, then the row is what is remembered of it. */
import { sql } from "kysely";
import { type Database, inTransaction } from "./db.ts";
import type { EvictedWhy } from "./layers.ts";

/** What an eviction is planned by: also tombstones, whose build times say what a rebuild of their children costs. */
export type EvictionRow = {
  id: string;
  org_id: string;
  state_key: Buffer;
  parent_key: Buffer | null;
  status: "ready" | "evicting" | "evicted";
  own_bytes: number;
  build_ms: number;
  hits: number;
  inflation: number;
  pinned: boolean;
  leased: boolean;
  /** Seconds since it was built. */
  age_s: number;
  expired: boolean;
};

export async function layersOfStore(db: Database, store_id: string): Promise<EvictionRow[]> {
  const { rows } = await sql<EvictionRow>`
    select id, org_id, state_key, parent_key, status, own_bytes, build_ms, hits, inflation,
      pinned_at is not null as pinned, ${leased()} as leased,
      extract(epoch from now() - built_at)::float8 as age_s,
      coalesce(status = 'ready' and expires_at <= now(), false) as expired
    from layers where store_id = ${store_id}`.execute(db);
  return rows;
}

function leased() {
  return sql<boolean>`exists (
    select from layer_leases
    join layer_processes on layer_processes.id = layer_leases.process_id
    where layer_leases.layer_id = layers.id and layer_processes.alive_till > now())`;
}

/** Bytes of a store that layers take, those on their way out included. */
export async function usedBytes(
  db: Database,
  store_id: string,
): Promise<{ layers: number; bytes: number }> {
  const { rows } = await sql<{ layers: number; bytes: number }>`
    select count(*) as layers, coalesce(sum(own_bytes), 0)::bigint as bytes
    from layers where store_id = ${store_id} and status <> 'evicted'`.execute(db);
  return rows[0]!;
}

/**
 * From now on nobody finds the layer. False when it is leased, pinned, or not ready any more. The row is locked before
 * the leases are looked at: whoever leases it does so before, and is seen, or after, and does not find it.
 */
export async function beginEviction(db: Database, id: string, why: EvictedWhy): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    const { rows } = await sql`
      select from layers where id = ${id} and status = 'ready' for update skip locked`.execute(trx);
    if (rows.length === 0) return false;
    const { numAffectedRows } = await sql`
      update layers set status = 'evicting', evicted_why = ${why}, evicted_at = now()
      where id = ${id} and pinned_at is null and not ${leased()}`.execute(trx);
    return numAffectedRows === 1n;
  });
}

/** Of a layer whose directory is gone, whoever holds it: `isGone` looks again while nobody can put another one there. */
export async function noteLost(
  db: Database,
  layer: { id: string; build_id: string },
  isGone: () => Promise<boolean>,
): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    const { rows } = await sql`
      select from layers
      where id = ${layer.id} and build_id = ${layer.build_id} and status = 'ready' for update`.execute(
      trx,
    );
    if (rows.length === 0 || !(await isGone())) return false;
    await sql`
      update layers set status = 'evicted', evicted_why = 'lost', evicted_at = now()
      where id = ${layer.id}`.execute(trx);
    return true;
  });
}

export type Leaving = { id: string; org_id: string; state_key: Buffer; build_id: string };

/** Layers of a store that are to go, and those of which another boot cannot say whether they are whole. */
export async function leavingLayers(
  db: Database,
  store_id: string,
  limit: number,
): Promise<Leaving[]> {
  const { rows } = await sql<Leaving>`
    select id, org_id, state_key, build_id from layers
    where store_id = ${store_id} and status = 'evicting' order by id limit ${limit}`.execute(db);
  return rows;
}

/**
 * Takes the directory of a leaving layer away by `remove`, while no other process can, and makes the row a tombstone.
 * Null when another process did.
 */
export async function endEviction(
  db: Database,
  id: string,
  remove: (layer: Leaving) => Promise<void>,
): Promise<{ bytes: number } | null> {
  return inTransaction(db, async (trx) => {
    const { rows } = await sql<Leaving & { own_bytes: number }>`
      select id, org_id, state_key, build_id, own_bytes from layers
      where id = ${id} and status = 'evicting' for update`.execute(trx);
    if (!rows[0]) return null;
    await remove(rows[0]);
    await sql`update layers set status = 'evicted', durable = true where id = ${id}`.execute(trx);
    return { bytes: rows[0].own_bytes };
  });
}

/** Lets L of GreedyDual-Size-Frequency grow to the priority of what was evicted. */
export async function raiseInflation(
  db: Database,
  store_id: string,
  inflation: number,
): Promise<void> {
  await sql`
    update layer_stores set inflation = greatest(inflation, ${inflation}) where id = ${store_id}`.execute(
    db,
  );
}

/** After another boot, what was not known to be on the disk is not trusted. Returns how many go. */
export async function distrustUnsynced(
  db: Database,
  store_id: string,
  boot_id: string,
): Promise<number> {
  const { numAffectedRows } = await sql`
    update layers set status = 'evicting', evicted_why = 'unclean', evicted_at = now()
    where store_id = ${store_id} and status = 'ready' and not durable and boot_id <> ${boot_id}`.execute(
    db,
  );
  return Number(numAffectedRows ?? 0n);
}

/** Ready layers that are not yet known to be on the disk. */
export async function unsyncedLayers(db: Database, store_id: string): Promise<string[]> {
  const { rows } = await sql<{ build_id: string }>`
    select build_id from layers
    where store_id = ${store_id} and status = 'ready' and not durable`.execute(db);
  return rows.map(({ build_id }) => build_id);
}

export async function noteDurable(
  db: Database,
  store_id: string,
  build_ids: readonly string[],
): Promise<void> {
  await sql`
    update layers set durable = true
    where store_id = ${store_id} and status = 'ready' and build_id = any (${build_ids}::uuid[])`.execute(
    db,
  );
}

export type KeptLayer = { id: string; org_id: string; state_key: Buffer; build_id: string };

/** What should be on the disk. */
export async function readyLayers(db: Database, store_id: string): Promise<KeptLayer[]> {
  const { rows } = await sql<KeptLayer>`
    select id, org_id, state_key, build_id from layers
    where store_id = ${store_id} and status = 'ready'`.execute(db);
  return rows;
}

/** Whether an organisation is there: a directory of one that is not belongs to nobody. */
export async function orgExists(db: Database, org_id: string): Promise<boolean> {
  const { rows } = await sql`select from orgs where id::text = ${org_id}`.execute(db);
  return rows.length === 1;
}
