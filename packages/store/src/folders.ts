/**
 * Folders are a tree of names, shared by the whole organisation. A folder says nothing about who may see what is in it,
 * so counts are of what the actor may see. Changes of the tree take turns by a lock of the organisation's row: two moves
 * that are each fine on their own could make a circle together.
 */
import { type Folder, MAX_FOLDER_DEPTH } from "@quern/contract/library";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { Conflict } from "./conflict.ts";
import { type Database, inTransaction, violates } from "./db.ts";
import { visibleDashboard, visibleQuery } from "./grants.ts";

type Row = Omit<Folder, "created_at"> & { created_at: Date };

/** So many folders an organisation may have; a list of them is always whole. */
const MAX_FOLDERS = 2_000;

/** All folders of the organisation by name, or the one with that id. */
export async function listFolders(db: Database, actor: Actor, id?: string): Promise<Folder[]> {
  const { rows } = await sql<Row>`
    select folders.id, folders.name, folders.parent_id,
      coalesce(kept.queries, 0) as queries, coalesce(shown.dashboards, 0) as dashboards, folders.created_at
    from folders
    left join (
      select folder_id, count(*) as queries from queries
      where folder_id is not null and ${visibleQuery(actor)}
      group by folder_id
    ) as kept on kept.folder_id = folders.id
    left join (
      select folder_id, count(*) as dashboards from dashboards
      where folder_id is not null and ${visibleDashboard(actor)}
      group by folder_id
    ) as shown on shown.folder_id = folders.id
    where folders.org_id = ${actor.org_id} and (${id ?? null}::uuid is null or folders.id = ${id ?? null})
    order by lower(folders.name), folders.id`.execute(db);
  return rows.map((row) => ({ ...row, created_at: row.created_at.toISOString() }));
}

/** Makes a folder and returns its id. Throws `Conflict` (`name_taken`, `conflict` when it would be too deep). */
export async function createFolder(
  db: Database,
  actor: Actor,
  folder: { name: string; parent_id: string | null },
): Promise<string> {
  return inTransaction(db, async (trx) => {
    await takeTurn(trx, actor);
    await demandRoom(trx, actor);
    const name = folder.name.trim();
    await demandPlace(trx, actor, folder.parent_id, 1);
    const { rows } = await sql<{ id: string }>`
      insert into folders (org_id, parent_id, name, created_by)
      values (${actor.org_id}, ${folder.parent_id}, ${name}, ${actor.user_id})
      returning id`
      .execute(trx)
      .catch((error) => rethrowNameTaken(error, name));
    return rows[0]!.id;
  });
}

/**
 * Renames a folder, moves it, or both. False when there is none. Throws `Conflict`: `name_taken`, or `conflict` when it
 * would be in itself, too deep, or in a folder that is gone.
 */
export async function changeFolder(
  db: Database,
  actor: Actor,
  id: string,
  change: { name?: string | undefined; parent_id?: string | null | undefined },
): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    await takeTurn(trx, actor);
    const { rows } = await sql<{ name: string; parent_id: string | null }>`
      select name, parent_id from folders where id = ${id} and org_id = ${actor.org_id}`.execute(
      trx,
    );
    const before = rows[0];
    if (!before) return false;
    const name = change.name?.trim() ?? before.name;
    const parentId = change.parent_id === undefined ? before.parent_id : change.parent_id;
    if (parentId !== before.parent_id) {
      const below = await foldersBelow(trx, id);
      if (parentId !== null && below.some((folder) => folder.id === parentId)) {
        throw new Conflict(
          "conflict",
          `“${before.name}” cannot be moved into itself or into a folder in it. Choose another folder.`,
        );
      }
      await demandPlace(trx, actor, parentId, Math.max(...below.map(({ depth }) => depth)));
    }
    await sql`update folders set name = ${name}, parent_id = ${parentId} where id = ${id}`
      .execute(trx)
      .catch((error) => rethrowNameTaken(error, name));
    return true;
  });
}

/**
 * Deletes a folder; what is in it, folders too, moves to the one around it. A folder whose name is taken there gets a
 * number. Returns how much moved, or undefined when there is no such folder.
 */
export async function deleteFolder(
  db: Database,
  actor: Actor,
  id: string,
): Promise<{ name: string; parent_id: string | null; moved: number } | undefined> {
  return inTransaction(db, async (trx) => {
    await takeTurn(trx, actor);
    const { rows } = await sql<{ name: string; parent_id: string | null }>`
      select name, parent_id from folders where id = ${id} and org_id = ${actor.org_id}
      for update`.execute(trx);
    const folder = rows[0];
    if (!folder) return undefined;
    const parent = folder.parent_id;
    const queries =
      await sql`update queries set folder_id = ${parent} where folder_id = ${id}`.execute(trx);
    const dashboards =
      await sql`update dashboards set folder_id = ${parent} where folder_id = ${id}`.execute(trx);
    // Out of its place first: a folder in it may have its name.
    await sql`update folders set name = ${id}, parent_id = null where id = ${id}`.execute(trx);
    const { rows: inner } = await sql<{ id: string; name: string }>`
      select id, name from folders where parent_id = ${id} order by id`.execute(trx);
    for (const child of inner) {
      const name = await freeName(trx, actor, parent, child.name);
      await sql`update folders set parent_id = ${parent}, name = ${name} where id = ${child.id}`
        .execute(trx)
        .catch((error) => rethrowNameTaken(error, name));
    }
    await sql`delete from folders where id = ${id}`.execute(trx);
    const moved =
      Number(queries.numAffectedRows ?? 0) + Number(dashboards.numAffectedRows ?? 0) + inner.length;
    return { ...folder, moved };
  });
}

async function takeTurn(db: Database, actor: Actor): Promise<void> {
  await sql`select from orgs where id = ${actor.org_id} for no key update`.execute(db);
}

async function demandRoom(db: Database, actor: Actor): Promise<void> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from folders where org_id = ${actor.org_id}`.execute(db);
  if (rows[0]!.count < MAX_FOLDERS) return;
  throw new Conflict(
    "conflict",
    `There are ${MAX_FOLDERS.toLocaleString("en")} folders, which is as many as there may be. Delete some that are empty, or use tags.`,
  );
}

/** Throws unless something of `height` folders may be put into that folder. */
async function demandPlace(
  db: Database,
  actor: Actor,
  parentId: string | null,
  height: number,
): Promise<void> {
  const { rows } = await sql<{ depth: number }>`
    with recursive above as (
      select id, parent_id, 1 as depth from folders where id = ${parentId} and org_id = ${actor.org_id}
      union all
      select folders.id, folders.parent_id, above.depth + 1 from folders join above on folders.id = above.parent_id
    ) cycle id set is_cycle using path
    select max(depth) as depth from above having count(*) > 0`.execute(db);
  if (parentId !== null && !rows[0])
    throw new Conflict("conflict", "The folder was deleted meanwhile. Choose another one.");
  if ((rows[0]?.depth ?? 0) + height <= MAX_FOLDER_DEPTH) return;
  throw new Conflict(
    "conflict",
    `Folders go ${MAX_FOLDER_DEPTH} deep, and this would be deeper. Choose a folder further out.`,
  );
}

/** The folder and all in it; its own depth is 1. */
async function foldersBelow(db: Database, id: string): Promise<{ id: string; depth: number }[]> {
  const { rows } = await sql<{ id: string; depth: number }>`
    with recursive below as (
      select id, 1 as depth from folders where id = ${id}
      union all
      select folders.id, below.depth + 1 from folders join below on folders.parent_id = below.id
    ) cycle id set is_cycle using path
    select id, depth from below`.execute(db);
  return rows;
}

/** `name`, or with the first number after it that makes it free in that folder. */
async function freeName(
  db: Database,
  actor: Actor,
  parentId: string | null,
  name: string,
): Promise<string> {
  const { rows } = await sql<{ name: string }>`
    select lower(name) as name from folders
    where org_id = ${actor.org_id} and parent_id is not distinct from ${parentId}`.execute(db);
  const taken = new Set(rows.map((row) => row.name));
  const numbered = (n: number) => (n === 1 ? name : `${name.slice(0, 190)} (${n})`);
  let n = 1;
  while (taken.has(numbered(n).toLowerCase())) n += 1;
  return numbered(n);
}

function rethrowNameTaken(error: unknown, name: string): never {
  if (!violates(error, "folders_name_key")) throw error;
  throw new Conflict(
    "name_taken",
    `There is a folder called “${name}” in the same place already. Choose another name.`,
  );
}
