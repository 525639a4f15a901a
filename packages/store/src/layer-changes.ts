/** What people do to layers: pin, tag, name, evict. */
import type { LayerName } from "@quern/contract/layer-names";
import type { EvictionItem } from "@quern/contract/layers";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { Conflict } from "./conflict.ts";
import type { Database } from "./db.ts";
import { visibleLayer } from "./grants.ts";
import { leasedNow } from "./layer-list.ts";
import { personRef } from "./queries.ts";

/** Throws `Conflict` when there is nothing left to pin. */
export async function pinLayer(db: Database, actor: Actor, id: string): Promise<void> {
  const { numAffectedRows } = await sql`
    update layers set pinned_at = coalesce(pinned_at, now()), pinned_by = coalesce(pinned_by, ${actor.user_id})
    where id = ${id} and org_id = ${actor.org_id} and status = 'ready'`.execute(db);
  if (numAffectedRows === 1n) return;
  throw new Conflict(
    "conflict",
    "This layer is gone already, so that it cannot be kept. Run the job again to build it, then pin it.",
  );
}

export async function unpinLayer(db: Database, actor: Actor, id: string): Promise<void> {
  await sql`
    update layers set pinned_at = null, pinned_by = null
    where id = ${id} and org_id = ${actor.org_id}`.execute(db);
}

export async function tagLayer(
  db: Database,
  actor: Actor,
  id: string,
  tags: readonly string[],
): Promise<void> {
  await sql`
    update layers set tags = ${[...new Set(tags)].sort()}::text[]
    where id = ${id} and org_id = ${actor.org_id}`.execute(db);
}

/** Names that a person may see: of states whose layers they see. */
export async function listLayerNames(
  db: Database,
  actor: Actor,
  name: string | null = null,
): Promise<LayerName[]> {
  const { rows } = await sql<Omit<LayerName, "created_at"> & { created_at: Date }>`
    select layer_names.name, encode(layer_names.state_key, 'hex') as state_key,
      case when ready.id is null then 'missing' else 'active' end as status, ready.id as layer_id,
      ${personRef("creators")} as created_by, layer_names.created_at
    from layer_names
    left join users as creators on creators.id = layer_names.created_by
    left join lateral (
      select layers.id from layers
      where layers.org_id = layer_names.org_id and layers.state_key = layer_names.state_key
        and layers.status = 'ready' order by layers.last_used_at desc limit 1
    ) as ready on true
    where layer_names.org_id = ${actor.org_id} and (${name}::text is null or layer_names.name = ${name})
      and exists (select from layers
        where layers.state_key = layer_names.state_key and ${visibleLayer(actor)})
    order by lower(layer_names.name), layer_names.name`.execute(db);
  return rows.map((row) => ({ ...row, created_at: row.created_at.toISOString() }));
}

/** Gives the state of a layer a name, taking it from another one. */
export async function nameState(
  db: Database,
  actor: Actor,
  name: string,
  layer_id: string,
): Promise<void> {
  await sql`
    insert into layer_names (org_id, name, state_key, created_by)
    select layers.org_id, ${name}, layers.state_key, ${actor.user_id} from layers
    where layers.id = ${layer_id} and layers.org_id = ${actor.org_id}
    on conflict on constraint layer_names_key do update set state_key = excluded.state_key,
      created_by = excluded.created_by, created_at = now()`.execute(db);
}

export async function deleteLayerName(db: Database, actor: Actor, name: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    delete from layer_names where org_id = ${actor.org_id} and name = ${name}`.execute(db);
  return numAffectedRows === 1n;
}

/**
 * The layer, or with `subtree` also everything that was built from it, the deepest first, and what keeps each. Where
 * clones share blocks, a layer without its descendants frees nothing.
 */
export async function planEvictionOf(
  db: Database,
  actor: Actor,
  id: string,
  subtree: boolean,
): Promise<EvictionItem[]> {
  const { rows } = await sql<EvictionItem>`
    with recursive tree as (
      select layers.id, layers.store_id, layers.org_id, layers.state_key from layers
      where layers.id = ${id} and layers.org_id = ${actor.org_id}
      union
      select layers.id, layers.store_id, layers.org_id, layers.state_key from layers
      join tree on layers.store_id = tree.store_id and layers.org_id = tree.org_id
        and layers.parent_key = tree.state_key
      where ${subtree}
    )
    select layers.id as layer_id, encode(layers.state_key, 'hex') as state_key, layers.depth, layers.own_bytes as bytes,
      case
        when ${leasedNow()} then 'in_use'
        when layers.pinned_at is not null then 'pinned'
        when layers.clone = 'reflink' and not ${subtree} and exists (
          select from layers as children where children.store_id = layers.store_id
            and children.org_id = layers.org_id and children.parent_key = layers.state_key
            and children.status = 'ready' and children.own_bytes < children.bytes) then 'has_descendants'
        end as blocked
    from tree
    join layers on layers.id = tree.id
    where layers.status = 'ready'
    order by layers.depth desc, layers.id`.execute(db);
  return rows;
}
