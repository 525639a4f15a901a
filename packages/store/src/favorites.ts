/** What a person marked with a star, and what they opened lately: lists of their own, on every device. */
import type { LibraryItem, Shelved } from "@quern/contract/library";
import { type RawBuilder, sql } from "kysely";
import type { Actor } from "./actor.ts";
import type { Database } from "./db.ts";
import { visibleDashboard, visibleQuery } from "./grants.ts";

/** Favourites and recent things are short lists: so many of each are shown at most. */
const MAX_LISTED = 200;
const KEPT_RECENT = 50;

type Row = Omit<Shelved, "at"> & { at: Date };

/** The actor's favourites that they may see, the last marked first. */
export async function listFavorites(db: Database, actor: Actor): Promise<Shelved[]> {
  return listShelf(
    db,
    actor,
    sql`
      select resource_type as type, resource_id as id, created_at as at
      from favorites where user_id = ${actor.user_id}`,
    MAX_LISTED,
  );
}

/** What the actor opened or changed lately and may see, the newest first. */
export async function listRecent(db: Database, actor: Actor, limit: number): Promise<Shelved[]> {
  return listShelf(
    db,
    actor,
    sql`
      select resource_type as type, resource_id as id, viewed_at as at
      from recent_views where user_id = ${actor.user_id}`,
    limit,
  );
}

async function listShelf(
  db: Database,
  actor: Actor,
  shelf: RawBuilder<unknown>,
  limit: number,
): Promise<Shelved[]> {
  const { rows } = await sql<Row>`
    with shelf as materialized (${shelf})
    select 'query' as type, queries.id, query_versions.name, datasources.name as datasource, shelf.at,
      (select case when last_run.status = 'succeeded' then last_run.id end
        from runs as last_run
        where last_run.query_id = queries.id and last_run.datasource_id = query_versions.datasource_id
        order by last_run.id desc limit 1) as run_id
    from shelf
    join queries on queries.id = shelf.id
    join query_versions on query_versions.query_id = queries.id and query_versions.version = queries.version
    join datasources on datasources.id = query_versions.datasource_id
    where shelf.type = 'query' and ${visibleQuery(actor)}
    union all
    select 'dashboard', dashboards.id, dashboards.name, null, shelf.at, null
    from shelf
    join dashboards on dashboards.id = shelf.id
    where shelf.type = 'dashboard' and ${visibleDashboard(actor)}
    order by at desc, id desc
    limit ${limit}`.execute(db);
  return rows.map((row) => ({ ...row, at: row.at.toISOString() }));
}

/** Marks it; once is enough. */
export async function addFavorite(db: Database, actor: Actor, item: LibraryItem): Promise<void> {
  await sql`
    insert into favorites (user_id, resource_type, resource_id) values (${actor.user_id}, ${item.type}, ${item.id})
    on conflict do nothing`.execute(db);
}

/** Takes the mark away, if there is one. */
export async function removeFavorite(db: Database, actor: Actor, item: LibraryItem): Promise<void> {
  await sql`
    delete from favorites
    where user_id = ${actor.user_id} and resource_type = ${item.type} and resource_id = ${item.id}`.execute(
    db,
  );
}

/** Notes that the actor opened or changed it now; of each person the last 50 things are kept. */
export async function noteRecent(db: Database, actor: Actor, item: LibraryItem): Promise<void> {
  await sql`
    with noted as (
      insert into recent_views (user_id, resource_type, resource_id)
      values (${actor.user_id}, ${item.type}, ${item.id})
      on conflict (user_id, resource_type, resource_id) do update set viewed_at = now()
    )
    delete from recent_views
    where user_id = ${actor.user_id} and (resource_type, resource_id) in (
      select resource_type, resource_id from recent_views
      where user_id = ${actor.user_id} and (resource_type, resource_id) <> (${item.type}, ${item.id}::uuid)
      order by viewed_at desc
      offset ${KEPT_RECENT - 1})`.execute(db);
}
