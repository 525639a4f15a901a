/**
 * Links that show a dashboard or a playlist on a wall screen. A screen is an actor: the person who made the link, within the
 * rights that they have at that moment, and of these only what the link shows.
 */
import type { Display, DisplayLink } from "@quern/contract/display";
import type { ParameterValues } from "@quern/contract/parameters";
import { ParametersError } from "@quern/contract/parameters/errors";
import { type RawBuilder, sql } from "kysely";
import type { Actor, DisplayScope } from "./actor.ts";
import type { Database } from "./db.ts";
import { visibleDashboard, visibleDisplayLink } from "./grants.ts";
import { hashToken, newToken } from "./one-time-token.ts";
import { personRef } from "./queries.ts";
import { type PreparedTile, prepareTileRuns } from "./tile-runs.ts";

/** Registered so that secret scanners can know it. */
export const DISPLAY_PREFIX = "qrd_";

type LinkRow = Omit<DisplayLink, "created_at" | "expires_at" | "last_seen_at"> & {
  created_at: Date;
  expires_at: Date;
  last_seen_at: Date | null;
};

/** Why a row of `display_links`, joined with `orgs` and its maker's `memberships`, shows nothing now; null when it does. */
const TROUBLE = sql`case
  when not coalesce((orgs.settings ->> 'display_links')::boolean, false) then 'switched_off'
  when display_links.expires_at <= now() then 'expired'
  when memberships.user_id is null or memberships.deactivated_at is not null then 'maker_left'
  when memberships.role = 'viewer' then 'maker_not_allowed' end`;

/** Links that the actor may know of, the newest first; those of one thing, or one by its id. */
export async function listDisplayLinks(
  db: Database,
  actor: Actor,
  of: { dashboard_id?: string; playlist_id?: string; id?: string } = {},
): Promise<DisplayLink[]> {
  const is = (column: string, id: string | undefined): RawBuilder<unknown> =>
    id === undefined ? sql`true` : sql`${sql.ref(column)} = ${id}`;
  const { rows } = await sql<LinkRow>`
    select display_links.id, display_links.name,
      case when dashboards.id is not null then jsonb_build_object('id', dashboards.id, 'name', dashboards.name) end as dashboard,
      case when playlists.id is not null then jsonb_build_object('id', playlists.id, 'name', playlists.name) end as playlist,
      display_links.params, display_links.prefix, ${personRef("users")} as created_by, display_links.created_at,
      display_links.expires_at, display_links.last_seen_at, ${TROUBLE} as trouble
    from display_links
    join orgs on orgs.id = display_links.org_id
    join users on users.id = display_links.created_by
    left join memberships on memberships.org_id = display_links.org_id and memberships.user_id = display_links.created_by
    left join dashboards on dashboards.id = display_links.dashboard_id
    left join playlists on playlists.id = display_links.playlist_id
    where ${visibleDisplayLink(actor)} and ${is("display_links.dashboard_id", of.dashboard_id)}
      and ${is("display_links.playlist_id", of.playlist_id)} and ${is("display_links.id", of.id)}
    order by display_links.id desc`.execute(db);
  return rows.map((row) => ({
    ...row,
    created_at: row.created_at.toISOString(),
    expires_at: row.expires_at.toISOString(),
    last_seen_at: row.last_seen_at?.toISOString() ?? null,
  }));
}

/** Makes a link; the reply is the only place where its token is ever in clear. */
export async function createDisplayLink(
  db: Database,
  actor: Actor,
  link: {
    name: string;
    dashboard_id?: string;
    playlist_id?: string;
    params?: ParameterValues | undefined;
    days: number;
  },
): Promise<{ id: string; token: string; expires_at: string }> {
  const token = newToken(DISPLAY_PREFIX);
  const { rows } = await sql<{ id: string; expires_at: Date }>`
    insert into display_links (org_id, name, dashboard_id, playlist_id, params, prefix, token_hash, created_by, expires_at)
    values (${actor.org_id}, ${link.name}, ${link.dashboard_id ?? null}, ${link.playlist_id ?? null},
      ${JSON.stringify(link.params ?? {})}, ${token.slice(0, DISPLAY_PREFIX.length + 6)}, ${hashToken(token)},
      ${actor.user_id}, now() + ${link.days} * interval '1 day')
    returning id, expires_at`.execute(db);
  return { id: rows[0]!.id, token, expires_at: rows[0]!.expires_at.toISOString() };
}

/** Ends a link. False when the actor knows none with that id. */
export async function deleteDisplayLink(db: Database, actor: Actor, id: string): Promise<boolean> {
  const deleted = await sql`
    delete from display_links where id = ${id} and ${visibleDisplayLink(actor)}`.execute(db);
  return deleted.numAffectedRows === 1n;
}

/** A screen. `first_today`: it was not seen for a day. */
export type Screen = { actor: Actor & { display: DisplayScope }; first_today: boolean };

/** The screen that a live link stands for; undefined for any other token. Notes at most once a minute that it was seen. */
export async function findScreen(db: Database, token: string): Promise<Screen | undefined> {
  const { rows } = await sql<
    Omit<Actor, "display" | "token_id"> & {
      link_id: string;
      items: DisplayScope["items"];
      seen_ago_s: number | null;
    }
  >`
    select display_links.id as link_id, memberships.user_id, memberships.org_id, users.name, users.email, orgs.name as org_name,
      memberships.role, extract(epoch from now() - display_links.last_seen_at)::float8 as seen_ago_s,
      case when display_links.dashboard_id is not null
        then jsonb_build_array(jsonb_build_object('dashboard_id', display_links.dashboard_id, 'params', display_links.params))
        else coalesce((
          select jsonb_agg(item - 'seconds' order by place)
          from playlists cross join jsonb_array_elements(playlists.items) with ordinality as items (item, place)
          where playlists.id = display_links.playlist_id), '[]') end as items
    from display_links
    join orgs on orgs.id = display_links.org_id
    join users on users.id = display_links.created_by
    join memberships on memberships.org_id = display_links.org_id and memberships.user_id = display_links.created_by
    where display_links.token_hash = ${hashToken(token)} and ${TROUBLE} is null`.execute(db);
  if (!rows[0]) return undefined;
  const { link_id, items, seen_ago_s, ...person } = rows[0];
  if (seen_ago_s === null || seen_ago_s > 60) {
    await sql`
      update display_links set last_seen_at = now()
      where id = ${link_id} and (last_seen_at is null or last_seen_at < now() - interval '1 minute')`.execute(
      db,
    );
  }
  return {
    actor: { ...person, token_id: null, display: { link_id, items } },
    first_today: seen_ago_s === null || seen_ago_s > 86_400,
  };
}

/** The screen with what it shows now of the tiles that noted one of these runs: it may read runs of those values only. */
export async function withShownTiles(
  db: Database,
  actor: Actor,
  runIds: readonly string[],
): Promise<Actor> {
  const { display } = actor;
  if (!display) return actor;
  const { rows } = await sql<{ dashboard_id: string; tile_ids: string[] }>`
    select tiles.dashboard_id, array_agg(distinct tiles.id) as tile_ids
    from tile_runs join tiles on tiles.id = tile_runs.tile_id
    where tile_runs.run_id = any (${runIds}::uuid[])
      and tiles.dashboard_id = any (${display.items.map(({ dashboard_id }) => dashboard_id)}::uuid[])
    group by tiles.dashboard_id`.execute(db);
  const shown: { tile_id: string; values_key: Buffer }[] = [];
  for (const { dashboard_id, params } of display.items) {
    const noted = rows.find((row) => row.dashboard_id === dashboard_id);
    if (!noted) continue;
    for (const tile of await tilesOf(db, actor, dashboard_id, params, noted.tile_ids)) {
      if ("run" in tile) shown.push({ tile_id: tile.tile_id, values_key: tile.values.key });
    }
  }
  return { ...actor, display: { ...display, shown } };
}

/** None where the link fixes a parameter that the dashboard has no more: without it, it would show more than it was made for. */
async function tilesOf(
  db: Database,
  actor: Actor,
  dashboardId: string,
  params: ParameterValues,
  tile_ids: readonly string[],
): Promise<PreparedTile[]> {
  try {
    return (await prepareTileRuns(db, actor, dashboardId, { params, tile_ids })) ?? [];
  } catch (error) {
    if (error instanceof ParametersError) return [];
    throw error;
  }
}

type ItemRow = Omit<Display["items"][number], "params" | "seconds">;

/** What a screen shows. Dashboards that its maker sees no more, or that were deleted, are left out. */
export async function readDisplay(
  db: Database,
  actor: Actor & { display: DisplayScope },
): Promise<Display | undefined> {
  const { rows: links } = await sql<{
    name: string;
    expires_at: Date;
    playlist: { name: string; items: { seconds: number }[] } | null;
  }>`
    select display_links.name, display_links.expires_at,
      case when playlists.id is not null then jsonb_build_object('name', playlists.name, 'items', playlists.items) end as playlist
    from display_links left join playlists on playlists.id = display_links.playlist_id
    where display_links.id = ${actor.display.link_id}`.execute(db);
  if (!links[0]) return undefined;
  const { name, expires_at, playlist } = links[0];
  const ids = actor.display.items.map(({ dashboard_id }) => dashboard_id);
  const { rows } = await sql<ItemRow>`
    select id as dashboard_id, name, version, (settings ->> 'refresh_s')::integer as refresh_s, settings ->> 'time_zone' as time_zone
    from dashboards where id = any (${ids}::uuid[]) and ${visibleDashboard(actor)}`.execute(db);
  const items = actor.display.items.flatMap(({ dashboard_id, params }, index) => {
    const found = rows.find((row) => row.dashboard_id === dashboard_id);
    if (!found) return [];
    return [{ ...found, params, seconds: playlist?.items[index]?.seconds ?? null }];
  });
  return {
    kind: playlist ? "playlist" : "dashboard",
    name: playlist?.name ?? items[0]?.name ?? name,
    link: { id: actor.display.link_id, name, expires_at: expires_at.toISOString() },
    items,
  };
}
