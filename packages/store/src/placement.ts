/** Where queries and dashboards are kept: their folder, their tags. Changing it makes no new version. */
import type { LibraryItem, LibraryType, Placed } from "@quern/contract/library";
import { type RawBuilder, sql } from "kysely";
import type { Actor } from "./actor.ts";
import { Conflict } from "./conflict.ts";
import { type Database, inTransaction } from "./db.ts";
import { visibleDashboard, visibleQuery } from "./grants.ts";

/** Tags of one thing at most (contract: `tags`). */
const MAX_TAGS = 20;

const TABLES = {
  query: { table: "queries", visible: visibleQuery },
  dashboard: { table: "dashboards", visible: visibleDashboard },
} as const satisfies Record<LibraryType, { table: string; visible: unknown }>;

export type PlacementChange = {
  folder_id?: string | null | undefined;
  add_tags?: readonly string[] | undefined;
  remove_tags?: readonly string[] | undefined;
};

/** `placement.favorite` of a row of `queries` or `dashboards`. */
export function isFavorite(actor: Actor, type: LibraryType): RawBuilder<boolean> {
  return sql`exists (
    select from favorites
    where favorites.user_id = ${actor.user_id} and favorites.resource_type = ${type}
      and favorites.resource_id = ${sql.ref(`${TABLES[type].table}.id`)})`;
}

/** Condition that `folderId` is the folder with that id or one in it, at any depth; `none`: that it is in no folder. */
export function isInFolder(
  folderId: RawBuilder<unknown>,
  folder: string,
  actor: Actor,
): RawBuilder<boolean> {
  if (folder === "none") return sql`(${folderId} is null)`;
  return sql`(${folderId} in (
    with recursive below as (
      select id from folders where id = ${folder} and org_id = ${actor.org_id}
      union
      select folders.id from folders join below on folders.parent_id = below.id
    )
    select id from below))`;
}

/**
 * Puts things into a folder and changes their tags, all or none. Returns those that the actor sees, with where they were
 * before. Throws `Conflict` when the folder is gone or one of them would have too many tags.
 */
export async function placeItems(
  db: Database,
  actor: Actor,
  items: readonly LibraryItem[],
  change: PlacementChange,
): Promise<Placed[]> {
  return inTransaction(db, async (trx) => {
    if (change.folder_id) await holdFolder(trx, actor, change.folder_id);
    const queries = await placeOfType(trx, actor, "query", items, change);
    const dashboards = await placeOfType(trx, actor, "dashboard", items, change);
    return [...queries, ...dashboards];
  });
}

/** Keeps the folder from being deleted until the transaction ends. */
async function holdFolder(db: Database, actor: Actor, id: string): Promise<void> {
  const { rows } = await sql`
    select from folders where id = ${id} and org_id = ${actor.org_id} for key share`.execute(db);
  if (rows.length === 0)
    throw new Conflict("conflict", "The folder was deleted meanwhile. Choose another one.");
}

async function placeOfType(
  db: Database,
  actor: Actor,
  type: LibraryType,
  items: readonly LibraryItem[],
  change: PlacementChange,
): Promise<Placed[]> {
  const ids = items.filter((item) => item.type === type).map(({ id }) => id);
  if (ids.length === 0) return [];
  const { table, visible } = TABLES[type];
  const { rows: before } = await sql<{ id: string; folder_id: string | null; tags: string[] }>`
    select id, folder_id, tags from ${sql.table(table)}
    where id = any (${ids}::uuid[]) and ${visible(actor)}
    order by id
    for no key update`.execute(db);
  const placed = before.map((item) => ({
    type,
    id: item.id,
    folder_id: change.folder_id === undefined ? item.folder_id : change.folder_id,
    tags: changeTags(item.tags, change),
    before: { folder_id: item.folder_id, tags: item.tags },
  }));
  const tooMany = placed.find(({ tags }) => tags.length > MAX_TAGS);
  if (tooMany) {
    throw new Conflict(
      "conflict",
      `One of them would have ${tooMany.tags.length} tags, and ${MAX_TAGS} are the most. Remove some first.`,
    );
  }
  await sql`
    update ${sql.table(table)} as kept set
      folder_id = (placed ->> 'folder_id')::uuid,
      tags = array(select jsonb_array_elements_text(placed -> 'tags'))
    from jsonb_array_elements(${JSON.stringify(placed)}::jsonb) as placed
    where kept.id = (placed ->> 'id')::uuid`.execute(db);
  return placed;
}

/** A tag is known by its letters, whatever their case; the spelling that is there stays. */
function changeTags(tags: readonly string[], change: PlacementChange): string[] {
  const removed = new Set((change.remove_tags ?? []).map((tag) => tag.toLowerCase()));
  const kept = tags.filter((tag) => !removed.has(tag.toLowerCase()));
  for (const tag of change.add_tags ?? []) {
    if (!kept.some((each) => each.toLowerCase() === tag.toLowerCase())) kept.push(tag);
  }
  return kept;
}

/** The tags of what the actor may see, the most used first. */
export async function listTags(
  db: Database,
  actor: Actor,
): Promise<{ tag: string; queries: number; dashboards: number }[]> {
  const { rows } = await sql<{ tag: string; queries: number; dashboards: number }>`
    select min(tag) as tag, count(*) filter (where type = 'query') as queries,
      count(*) filter (where type = 'dashboard') as dashboards
    from (
      select unnest(tags) as tag, 'query' as type from queries
      where tags <> '{}' and ${visibleQuery(actor)}
      union all
      select unnest(tags), 'dashboard' from dashboards where tags <> '{}' and ${visibleDashboard(actor)}
    ) as used
    group by lower(tag)
    order by count(*) desc, lower(tag)
    limit 1000`.execute(db);
  return rows;
}
