/** Layers as the sandbox that keeps them sees them: find and lease, make visible, note what was learned. */
import type { Volatile } from "@quern/contract/layers";
import { sql } from "kysely";
import { type Database, inTransaction } from "./db.ts";

export type EvictedWhy = "capacity" | "expired" | "asked" | "lost" | "unclean";
export type CloneKind = "reflink" | "overlay" | "copy";
export type LayerHolder = { id: string; kind: "job" | "instance" | "pool" | "build" | "export" };

export type LayerRow = {
  id: string;
  org_id: string;
  state_key: Buffer;
  parent_key: Buffer | null;
  env_key: Buffer;
  depth: number;
  bytes: number;
  build_ms: number;
  engine: string;
  volatile: Volatile[];
  reproducible: boolean | null;
  built_at: Date;
  last_used_at: Date;
  expires_at: Date | null;
  hits: number;
  build_id: string;
};

export type KeyRow = {
  state_key: Buffer;
  layer_id: string | null;
  state: "ready" | "evicted" | "never_built" | "exported";
  evicted_at: Date | null;
  evicted_why: EvictedWhy | null;
  bytes: number | null;
  build_ms: number | null;
  hits: number | null;
};

export type NewLayer = {
  store_id: string;
  org_id: string;
  state_key: Buffer;
  parent_key: Buffer | null;
  env_key: Buffer;
  depth: number;
  bytes: number;
  own_bytes: number;
  build_ms: number;
  engine: string;
  clone: CloneKind;
  imported: boolean;
  steps: number;
  paths: readonly string[];
  volatile: readonly Volatile[];
  ttl_s: number | null;
  build_id: string;
  boot_id: string;
};

const columns = sql`layers.id, layers.org_id, layers.state_key, layers.parent_key, layers.env_key, layers.depth,
  layers.bytes, layers.build_ms, layers.engine, layers.volatile, layers.reproducible, layers.built_at,
  layers.last_used_at, layers.expires_at, layers.hits, layers.build_id`;

export type Lookup = {
  store_id: string;
  process_id: string;
  org_id: string;
  /** In the order of the chain, the deepest last. */
  keys: readonly Buffer[];
  holder: LayerHolder;
  ttl_s: number | null;
  /** The object storage whose index is looked at, too. */
  shared: string | null;
};

export type FoundLayer = { layer: LayerRow | null; lease_id: string | null; known: KeyRow[] };

type FindRow = KeyRow & { lease_id: string | null; n: number } & Partial<LayerRow>;

/**
 * The deepest ready layer of the keys, leased, and what is known of each key: one statement. The update takes the
 * row's lock, so that a layer is either leased or on its way out, never both; a layer that went meanwhile is not found.
 */
export async function findLayer(db: Database, lookup: Lookup): Promise<FoundLayer> {
  const { store_id, process_id, org_id, keys, holder, ttl_s, shared } = lookup;
  // A layer that somebody wanted without a limit has none.
  const longer = sql`case when layers.ttl_s is not null then greatest(layers.ttl_s, ${ttl_s}::integer) end`;
  const { rows } = await sql<FindRow>`
    with keys as (
      select given.key, given.n from unnest(${keys}::bytea[]) with ordinality as given (key, n)
    ), candidates as (
      select layers.id from keys
      join layers on layers.store_id = ${store_id} and layers.org_id = ${org_id} and layers.state_key = keys.key
      where layers.status = 'ready' and (layers.expires_at is null or layers.expires_at > now())
      order by keys.n desc limit 1
    ), used as (
      update layers set last_used_at = now(), hits = layers.hits + 1, inflation = layer_stores.inflation,
        ttl_s = ${longer}, expires_at = now() + make_interval(secs => ${longer})
      from candidates, layer_stores
      where layers.id = candidates.id and layers.status = 'ready' and layer_stores.id = layers.store_id
      returning ${columns}
    ), leased as (
      insert into layer_leases (layer_id, process_id, holder_kind, holder_id)
      select used.id, ${process_id}, ${holder.kind}, ${holder.id} from used
      returning id, layer_id
    )
    select keys.n, keys.key as state_key, used.*, leased.id as lease_id, layers.id as layer_id,
      case
        when layers.status = 'ready' and (layers.expires_at is null or layers.expires_at > now()) then 'ready'
        when layer_exports.state_key is not null then 'exported'
        when layers.id is null then 'never_built'
        else 'evicted' end as state,
      coalesce(layers.evicted_at, layers.expires_at) as evicted_at,
      case when layers.id is null then null else coalesce(layers.evicted_why, 'expired') end as evicted_why,
      layers.bytes, layers.build_ms, layers.hits, keys.key as state_key
    from keys
    left join layers on layers.store_id = ${store_id} and layers.org_id = ${org_id} and layers.state_key = keys.key
    left join layer_exports on layer_exports.shared = ${shared} and layer_exports.org_id = ${org_id}
      and layer_exports.state_key = keys.key
    left join used on used.id = layers.id
    left join leased on leased.layer_id = used.id
    order by keys.n`.execute(db);
  const found = rows.find(({ lease_id }) => lease_id !== null);
  return {
    layer: found?.id ? (found as LayerRow) : null,
    lease_id: found?.lease_id ?? null,
    known: rows.map(({ state_key, layer_id, state, evicted_at, evicted_why, ...row }) => ({
      state_key,
      layer_id,
      state,
      evicted_at,
      evicted_why,
      bytes: row.bytes,
      build_ms: row.build_ms,
      hits: row.hits,
    })),
  };
}

/** A ready layer without a lease: for whoever has one, or only wants to know. */
export async function readReadyLayer(
  db: Database,
  store_id: string,
  org_id: string,
  state_key: Buffer,
): Promise<LayerRow | null> {
  const { rows } = await sql<LayerRow>`
    select ${columns} from layers
    where store_id = ${store_id} and org_id = ${org_id} and state_key = ${state_key} and status = 'ready'
      and (expires_at is null or expires_at > now())`.execute(db);
  return rows[0] ?? null;
}

/**
 * Makes a layer visible whose directory has its final name. `other`: the key has a ready layer (another build's, or
 * this one, adopted by a sweep). `evicting`: what was there before is on its way out: finish that, and come again. `gone`:
 * the directory was, so says `isThere`, which is asked while nobody can evict the layer: somebody had adopted it, and it was
 * evicted since.
 */
export async function insertLayer(
  db: Database,
  layer: NewLayer,
  isThere: () => Promise<boolean>,
): Promise<{ outcome: "inserted" | "other"; layer: LayerRow } | { outcome: "evicting" | "gone" }> {
  return inTransaction(db, async (trx) => {
    const inserted = await upsertLayer(trx, layer);
    if (inserted && (await isThere())) return { outcome: "inserted", layer: inserted };
    if (inserted) {
      await sql`
        update layers set status = 'evicted', evicted_why = 'lost', evicted_at = now()
        where id = ${inserted.id}`.execute(trx);
      return { outcome: "gone" };
    }
    const there = await refreshLayer(trx, layer);
    return there ? { outcome: "other", layer: there } : { outcome: "evicting" };
  });
}

/** Null when the key has a row that is no tombstone. */
async function upsertLayer(db: Database, layer: NewLayer): Promise<LayerRow | null> {
  const { rows } = await sql<LayerRow>`
    insert into layers (store_id, org_id, state_key, parent_key, env_key, depth, bytes, own_bytes, build_ms, engine,
      clone, imported, steps, paths, volatile, ttl_s, expires_at, build_id, boot_id, inflation)
    select ${layer.store_id}, ${layer.org_id}, ${layer.state_key}, ${layer.parent_key}, ${layer.env_key},
      ${layer.depth}, ${layer.bytes}, ${layer.own_bytes}, ${layer.build_ms}, ${layer.engine}, ${layer.clone},
      ${layer.imported}, ${layer.steps}, ${layer.paths}::text[], ${JSON.stringify(layer.volatile)}::jsonb,
      ${layer.ttl_s}::integer, now() + make_interval(secs => ${layer.ttl_s}), ${layer.build_id}, ${layer.boot_id},
      layer_stores.inflation
    from layer_stores where layer_stores.id = ${layer.store_id}
    on conflict on constraint layers_key do update set
      status = 'ready', evicted_at = null, evicted_why = null, parent_key = excluded.parent_key,
      env_key = excluded.env_key, depth = excluded.depth, bytes = excluded.bytes, own_bytes = excluded.own_bytes,
      build_ms = excluded.build_ms, builds = layers.builds + 1, engine = excluded.engine, clone = excluded.clone,
      imported = excluded.imported, steps = excluded.steps, paths = excluded.paths, volatile = excluded.volatile,
      reproducible = layers.reproducible, ttl_s = excluded.ttl_s, expires_at = excluded.expires_at,
      build_id = excluded.build_id, boot_id = excluded.boot_id, durable = false, inflation = excluded.inflation,
      built_at = now(), last_used_at = now()
    where layers.status = 'evicted'
    returning ${columns}`.execute(db);
  return rows[0] ?? null;
}

type LayerKey = { store_id: string; org_id: string; state_key: Buffer; ttl_s: number | null };

/** The ready layer of a key, used now, even if its time was just up; null when it is not there or on its way out. */
export async function refreshLayer(db: Database, layer: LayerKey): Promise<LayerRow | null> {
  const longer = sql`case when layers.ttl_s is not null then greatest(layers.ttl_s, ${layer.ttl_s}::integer) end`;
  const { rows } = await sql<LayerRow>`
    update layers set last_used_at = now(), ttl_s = ${longer}, expires_at = now() + make_interval(secs => ${longer})
    where store_id = ${layer.store_id} and org_id = ${layer.org_id} and state_key = ${layer.state_key}
      and status = 'ready'
    returning ${columns}`.execute(db);
  return rows[0] ?? null;
}

/** Gives one lease back. */
export async function endLease(db: Database, lease_id: string): Promise<void> {
  await sql`delete from layer_leases where id = ${lease_id}`.execute(db);
}

/** Gives back all leases of a holder of this process. */
export async function endLeasesOf(
  db: Database,
  process_id: string,
  holder: LayerHolder,
): Promise<void> {
  await sql`
    delete from layer_leases
    where process_id = ${process_id} and holder_kind = ${holder.kind} and holder_id = ${holder.id}`.execute(
    db,
  );
}

/** Whether the lease still protects its layer. */
export async function isLeased(db: Database, lease_id: string, build_id: string): Promise<boolean> {
  const { rows } = await sql`
    select from layer_leases
    join layers on layers.id = layer_leases.layer_id
    join layer_processes on layer_processes.id = layer_leases.process_id
    where layer_leases.id = ${lease_id} and layers.status = 'ready' and layers.build_id = ${build_id}
      and layer_processes.alive_till > now()`.execute(db);
  return rows.length === 1;
}

/**
 * Notes that the states were asked for one after the other; true for each that was also asked for with another child,
 * at any time within the last weeks.
 */
export async function noteChain(
  db: Database,
  org_id: string,
  keys: readonly Buffer[],
): Promise<boolean[]> {
  const parents = keys.slice(0, -1);
  const children = keys.slice(1);
  if (parents.length > 0) {
    await sql`
      insert into layer_children (org_id, state_key, child_key)
      select ${org_id}, state_key, child_key
      from unnest(${parents}::bytea[], ${children}::bytea[]) as pairs (state_key, child_key)
      on conflict (org_id, state_key, child_key) do update set seen_at = now()
      where layer_children.seen_at < now() - interval '1 day'`.execute(db);
  }
  const { rows } = await sql<{ forked: boolean }>`
    select (select count(*) from layer_children
      where layer_children.org_id = ${org_id} and layer_children.state_key = keys.key) > 1 as forked
    from unnest(${keys}::bytea[]) with ordinality as keys (key, n) order by keys.n`.execute(db);
  return rows.map(({ forked }) => forked);
}

export async function noteReproducible(
  db: Database,
  layer_id: string,
  reproducible: boolean | null,
): Promise<void> {
  await sql`update layers set reproducible = ${reproducible} where id = ${layer_id}`.execute(db);
}

/** Lets the layers of a state live at least so long from now, in all stores. Returns when the first one expires; null: none does. */
export async function extendLayers(
  db: Database,
  org_id: string,
  state_key: Buffer,
  ttl_s: number,
): Promise<Date | null> {
  const { rows } = await sql<{ expires_at: Date | null }>`
    update layers set expires_at = greatest(expires_at, now() + make_interval(secs => ${ttl_s}::integer)),
      ttl_s = greatest(ttl_s, ${ttl_s}::integer)
    where org_id = ${org_id} and state_key = ${state_key} and status = 'ready' and expires_at is not null
    returning expires_at`.execute(db);
  return rows.map(({ expires_at }) => expires_at).sort()[0] ?? null;
}
