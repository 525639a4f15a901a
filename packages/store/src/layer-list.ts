/** Layers as people see them. */
import type { Layer, StateExplained } from "@quern/contract/layers";
import { type RawBuilder, sql } from "kysely";
import type { Actor } from "./actor.ts";
import type { Database } from "./db.ts";
import { visibleLayer } from "./grants.ts";
import { containing, isUuid, toPage } from "./page.ts";
import { personRef } from "./queries.ts";

export type LayerFilter = {
  status?: "ready" | "evicted" | undefined;
  pinned?: boolean | undefined;
  tag?: string | undefined;
  search?: string | undefined;
  /** The beginning of a key, in hex. */
  key?: string | undefined;
  parent_key?: string | undefined;
  store_id?: string | undefined;
  limit: number;
  cursor?: string | undefined;
};

/** Layers of states that the actor's jobs or granted projects use, the last used first. */
export async function listLayers(
  db: Database,
  actor: Actor,
  filter: LayerFilter,
): Promise<{ items: Layer[]; next_cursor: string | null }> {
  const after = readCursor(filter.cursor);
  const conditions: RawBuilder<unknown>[] = [visibleLayer(actor)];
  if (filter.status === "ready") conditions.push(sql`layers.status = 'ready'`);
  if (filter.status === "evicted") conditions.push(sql`layers.status <> 'ready'`);
  if (filter.pinned !== undefined)
    conditions.push(sql`(layers.pinned_at is not null) = ${filter.pinned}`);
  if (filter.tag !== undefined) conditions.push(sql`${filter.tag} = any (layers.tags)`);
  if (filter.store_id !== undefined) conditions.push(sql`layers.store_id = ${filter.store_id}`);
  if (filter.parent_key !== undefined)
    conditions.push(sql`layers.parent_key = ${Buffer.from(filter.parent_key, "hex")}`);
  if (filter.key !== undefined)
    conditions.push(sql`starts_with(encode(layers.state_key, 'hex'), ${filter.key})`);
  if (filter.search !== undefined) conditions.push(matches(containing(filter.search)));
  if (after) {
    conditions.push(
      sql`(layers.last_used_at, layers.id) < (${after.at}::timestamptz, ${after.id}::uuid)`,
    );
  }
  const rows = await selectLayers(db, conditions, filter.limit + 1);
  const { items, next_cursor } = toPage(
    rows,
    filter.limit,
    (last) => `${last.used_key}_${last.id}`,
  );
  return { items: items.map(toLayer), next_cursor };
}

/** Null when there is none that the actor sees. */
export async function readLayer(db: Database, actor: Actor, id: string): Promise<Layer | null> {
  const rows = await selectLayers(db, [visibleLayer(actor), sql`layers.id = ${id}`], 1);
  return rows[0] ? toLayer(rows[0]) : null;
}

function matches(pattern: string): RawBuilder<boolean> {
  return sql`(array_to_string(layers.tags || layers.paths, ' ') ilike ${pattern} or exists (
    select from layer_names where layer_names.org_id = layers.org_id
      and layer_names.state_key = layers.state_key and layer_names.name ilike ${pattern}))`;
}

type Row = Omit<Layer, "built_at" | "last_used_at" | "expires_at" | "evicted" | "pinned"> & {
  built_at: Date;
  last_used_at: Date;
  expires_at: Date | null;
  evicted_at: Date | null;
  evicted_why: NonNullable<Layer["evicted"]>["why"] | null;
  pinned_at: Date | null;
  pinned_by: { id: string; name: string } | null;
  used_key: string;
};

async function selectLayers(
  db: Database,
  conditions: RawBuilder<unknown>[],
  limit: number,
): Promise<Row[]> {
  const { rows } = await sql<Row>`
    select layers.id, json_build_object('id', layer_stores.id, 'hostname', layer_stores.hostname) as store,
      encode(layers.state_key, 'hex') as state_key, encode(layers.parent_key, 'hex') as parent_key,
      encode(layers.env_key, 'hex') as env_key, layers.depth, layers.status, layers.engine, layers.bytes,
      layers.own_bytes, layers.build_ms, layers.builds, layers.imported, layers.steps, layers.paths, layers.volatile,
      layers.reproducible, layers.tags, layers.hits, layers.built_at, layers.last_used_at, layers.expires_at,
      layers.evicted_at, layers.evicted_why, layers.pinned_at, ${personRef("pinners")} as pinned_by,
      layers.last_used_at::text as used_key,
      exists (select from layer_exports where layer_exports.org_id = layers.org_id
        and layer_exports.state_key = layers.state_key) as shared,
      array(select layer_names.name from layer_names where layer_names.org_id = layers.org_id
        and layer_names.state_key = layers.state_key order by 1) as names,
      ${leasedNow()} as in_use,
      (select count(*)::integer from layers as children where children.store_id = layers.store_id
        and children.org_id = layers.org_id and children.parent_key = layers.state_key
        and children.status = 'ready') as children
    from layers
    join layer_stores on layer_stores.id = layers.store_id
    left join users as pinners on pinners.id = layers.pinned_by
    where ${sql.join(conditions, sql` and `)}
    order by layers.last_used_at desc, layers.id desc limit ${limit}`.execute(db);
  return rows;
}

/** Whether somebody holds the row of `layers` now. */
export function leasedNow(): RawBuilder<boolean> {
  return sql`exists (
    select from layer_leases
    join layer_processes on layer_processes.id = layer_leases.process_id
    where layer_leases.layer_id = layers.id and layer_processes.alive_till > now())`;
}

function toLayer({
  used_key: _,
  evicted_at,
  evicted_why,
  pinned_at,
  pinned_by,
  ...row
}: Row): Layer {
  return {
    ...row,
    pinned: pinned_at && { at: pinned_at.toISOString(), by: pinned_by },
    built_at: row.built_at.toISOString(),
    last_used_at: row.last_used_at.toISOString(),
    expires_at: row.expires_at?.toISOString() ?? null,
    evicted: evicted_at && evicted_why ? { at: evicted_at.toISOString(), why: evicted_why } : null,
  };
}

function readCursor(cursor: string | undefined): { at: string; id: string } | null {
  const [at, id] = cursor?.split("_") ?? [];
  if (at === undefined || id === undefined || !isUuid(id)) return null;
  return Number.isNaN(Date.parse(at)) ? null : { at, id };
}

type Explained = Omit<StateExplained, "evicted"> & {
  evicted_at: Date | null;
  evicted_why: NonNullable<StateExplained["evicted"]>["why"] | null;
};

/**
 * What is known of each state, in the order given; of several machines, the best. Whoever knows a key knows what it
 * was made of, so that this tells nothing more than whether the organisation has it.
 */
export async function explainStates(
  db: Database,
  actor: Actor,
  keys: readonly Buffer[],
): Promise<StateExplained[]> {
  const { rows } = await sql<Explained>`
    select encode(keys.key, 'hex') as state_key, best.id as layer_id, best.store_id, best.bytes, best.build_ms, best.hits,
      case
        when best.status = 'ready' then 'ready'
        when exists (select from layer_builds
          join layer_processes on layer_processes.id = layer_builds.process_id
          where layer_builds.org_id = ${actor.org_id} and layer_builds.state_key = keys.key
            and layer_processes.alive_till > now()) then 'building'
        when exists (select from layer_exports
          where layer_exports.org_id = ${actor.org_id} and layer_exports.state_key = keys.key) then 'exported'
        when best.id is null then 'never_built'
        else 'evicted' end as state,
      coalesce(best.evicted_at, best.expires_at) as evicted_at, best.evicted_why
    from unnest(${keys}::bytea[]) with ordinality as keys (key, n)
    left join lateral (
      select layers.id, layers.store_id, layers.bytes, layers.build_ms, layers.hits, layers.evicted_at,
        layers.expires_at,
        case when layers.status = 'ready' and layers.expires_at <= now() then 'evicted' else layers.status end as status,
        case when layers.status = 'ready' and layers.expires_at <= now() then 'expired' else layers.evicted_why end as evicted_why
      from layers
      where layers.org_id = ${actor.org_id} and layers.state_key = keys.key
      order by layers.status = 'ready' desc, layers.evicted_at desc limit 1
    ) as best on true
    order by keys.n`.execute(db);
  return rows.map(({ evicted_at, evicted_why, ...row }) => ({
    ...row,
    evicted:
      row.state !== "ready" && evicted_at && evicted_why
        ? { at: evicted_at.toISOString(), why: evicted_why }
        : null,
  }));
}
