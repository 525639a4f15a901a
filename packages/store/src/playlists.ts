import type { Playlist, PlaylistItem } from "@quern/contract/display";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { Conflict } from "./conflict.ts";
import { type Database, inTransaction } from "./db.ts";
import { visibleDashboard, visiblePlaylist } from "./grants.ts";
import { personRef } from "./queries.ts";

type Row = Omit<Playlist, "created_at" | "updated_at"> & { created_at: Date; updated_at: Date };

/** Playlists by name, or one by its id. Dashboards that the actor may not see have no name. */
export async function listPlaylists(db: Database, actor: Actor, id?: string): Promise<Playlist[]> {
  const { rows } = await sql<Row>`
    select playlists.id, playlists.name,
      (select coalesce(jsonb_agg(item || jsonb_build_object('name', (
          select dashboards.name from dashboards
          where dashboards.id = (item ->> 'dashboard_id')::uuid and ${visibleDashboard(actor)})) order by place), '[]')
        from jsonb_array_elements(playlists.items) with ordinality as items (item, place)) as items,
      ${personRef("users")} as created_by, playlists.created_at, playlists.updated_at
    from playlists left join users on users.id = playlists.created_by
    where ${visiblePlaylist(actor)} and (${id ?? null}::uuid is null or playlists.id = ${id ?? null})
    order by lower(playlists.name), playlists.id`.execute(db);
  return rows.map((row) => ({
    ...row,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  }));
}

/** Returns the id of the new playlist. Throws `Conflict` when the actor may not see a dashboard of it. */
export async function createPlaylist(
  db: Database,
  actor: Actor,
  playlist: { name: string; items: readonly PlaylistItem[] },
): Promise<string> {
  await demandSeen(db, actor, playlist.items, []);
  const { rows } = await sql<{ id: string }>`
    insert into playlists (org_id, name, items, created_by)
    values (${actor.org_id}, ${playlist.name}, ${JSON.stringify(playlist.items)}, ${actor.user_id})
    returning id`.execute(db);
  return rows[0]!.id;
}

/** What is left out stays. False when there is none. Throws `Conflict` for a new dashboard that the actor may not see. */
export async function changePlaylist(
  db: Database,
  actor: Actor,
  id: string,
  change: { name?: string | undefined; items?: readonly PlaylistItem[] | undefined },
): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    const { rows } = await sql<{ items: PlaylistItem[] }>`
      select items from playlists where id = ${id} and ${visiblePlaylist(actor)} for update`.execute(
      trx,
    );
    if (!rows[0]) return false;
    if (change.items) await demandSeen(trx, actor, change.items, rows[0].items);
    await sql`
      update playlists set
        name = coalesce(${change.name ?? null}, name),
        items = coalesce(${change.items ? JSON.stringify(change.items) : null}::jsonb, items),
        updated_at = now()
      where id = ${id}`.execute(trx);
    return true;
  });
}

export async function deletePlaylist(db: Database, actor: Actor, id: string): Promise<boolean> {
  const deleted =
    await sql`delete from playlists where id = ${id} and ${visiblePlaylist(actor)}`.execute(db);
  return deleted.numAffectedRows === 1n;
}

/** Else a playlist whose screen has somebody else's rights would show what its editor may not see. */
async function demandSeen(
  db: Database,
  actor: Actor,
  items: readonly PlaylistItem[],
  before: readonly PlaylistItem[],
): Promise<void> {
  const known = new Set(before.map(({ dashboard_id }) => dashboard_id));
  const ids = items
    .map(({ dashboard_id }) => dashboard_id)
    .filter((dashboardId) => !known.has(dashboardId));
  const { rows } = await sql<{ id: string }>`
    select id from dashboards where id = any (${ids}::uuid[]) and ${visibleDashboard(actor)}`.execute(
    db,
  );
  const seen = new Set(rows.map(({ id }) => id));
  const errors = items.flatMap(({ dashboard_id }, index) =>
    known.has(dashboard_id) || seen.has(dashboard_id)
      ? []
      : [
          {
            path: `body.items.${index}.dashboard_id`,
            message: "does not exist, or is not yours to see",
          },
        ],
  );
  if (errors.length === 0) return;
  throw new Conflict(
    "invalid_request",
    "A dashboard of the playlist does not exist any more, or you may not see it. Take it out, or choose another.",
    errors,
  );
}
