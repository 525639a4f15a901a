/** Saving dashboards. Each save of their content is a version; where they are kept and who sees them is not versioned. */
import { randomUUID } from "node:crypto";
import type { DashboardSettings } from "@quern/contract/dashboards";
import type { Parameter } from "@quern/contract/parameters";
import type { TileInput } from "@quern/contract/tiles";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { Conflict } from "./conflict.ts";
import { type Database, inTransaction } from "./db.ts";
import { setGrants, visibleDashboard, visibleDeletedDashboard } from "./grants.ts";

/** What a version holds. */
export type DashboardContent = {
  name: string;
  description: string;
  params: Parameter[];
  settings: DashboardSettings;
  tiles: TileInput[];
};

export type Placement = {
  folder_id?: string | null | undefined;
  tags?: string[] | undefined;
  group_ids?: readonly string[] | undefined;
};

/** Saves a new dashboard as its version 1 and returns its id. Without `group_ids` Everyone sees it. */
export async function createDashboard(
  db: Database,
  actor: Actor,
  content: DashboardContent,
  placement: Placement = {},
): Promise<string> {
  return inTransaction(db, async (trx) => {
    const { rows } = await sql<{ id: string }>`
      insert into dashboards (org_id, name, description, params, settings, created_by, updated_by)
      values (${actor.org_id}, ${content.name}, ${content.description}, ${JSON.stringify(content.params)},
        ${JSON.stringify(content.settings)}, ${actor.user_id}, ${actor.user_id})
      returning id`.execute(trx);
    const id = rows[0]!.id;
    await writeTiles(trx, id, content.tiles);
    await insertVersion(trx, actor, id, 1, content);
    const groups = placement.group_ids ?? (await everyone(trx, actor));
    await place(trx, actor, id, { ...placement, group_ids: groups });
    await announce(trx, id);
    return id;
  });
}

/**
 * Saves a change: of content as the next version. `basedOn` is the version the person saw; when another save came in between
 * it throws `Conflict` (`version_conflict`), which says who and when, and nothing changes. Returns the version that it is now;
 * undefined when the actor sees no such dashboard.
 */
export async function changeDashboard(
  db: Database,
  actor: Actor,
  id: string,
  basedOn: number,
  change: Partial<DashboardContent>,
  placement: Placement = {},
): Promise<number | undefined> {
  return inTransaction(db, async (trx) => {
    const current = await lockCurrent(trx, actor, id);
    if (!current) return undefined;
    if (current.version !== basedOn) throw savedInBetween(current, basedOn);
    demandMaySayWhoSees(actor, current.created_by, placement);
    await place(trx, actor, id, placement);
    const { version } = current;
    if (Object.keys(change).length === 0) return version;
    const { name, description, params, settings, tiles } = { ...current, ...change };
    const content = { name, description, params, settings, tiles };
    await sql`
      update dashboards set version = ${version + 1}, name = ${name}, description = ${description},
        params = ${JSON.stringify(params)}, settings = ${JSON.stringify(settings)},
        updated_by = ${actor.user_id}, updated_at = now()
      where id = ${id}`.execute(trx);
    if (change.tiles) await writeTiles(trx, id, change.tiles);
    await insertVersion(trx, actor, id, version + 1, content);
    await announce(trx, id);
    return version + 1;
  });
}

/** What a version of a dashboard holds, if that is the present one. */
export async function readVersion(
  db: Database,
  id: string,
  version: number,
): Promise<DashboardContent | undefined> {
  const { rows } = await sql<DashboardContent>`
    select versions.name, versions.description, versions.params, versions.settings, versions.tiles
    from dashboard_versions as versions
    join dashboards on dashboards.id = versions.dashboard_id and dashboards.version = versions.version
    where versions.dashboard_id = ${id} and versions.version = ${version}`.execute(db);
  return rows[0];
}

type Current = DashboardContent & {
  version: number;
  created_by: string | null;
  saved_at: Date;
  saver: string | null;
};

async function lockCurrent(trx: Database, actor: Actor, id: string): Promise<Current | undefined> {
  const { rows } = await sql<Current>`
    select dashboards.version, dashboards.created_by, versions.name, versions.description, versions.params, versions.settings,
      versions.tiles, versions.created_at as saved_at, users.name as saver
    from dashboards
    join dashboard_versions as versions
      on versions.dashboard_id = dashboards.id and versions.version = dashboards.version
    left join users on users.id = versions.created_by
    where dashboards.id = ${id} and ${visibleDashboard(actor)}
    for update of dashboards`.execute(trx);
  return rows[0];
}

function savedInBetween({ version, saver, saved_at }: Current, basedOn: number): Conflict {
  const when = `${saved_at.toISOString().slice(0, 16).replace("T", " ")} UTC`;
  return new Conflict(
    "version_conflict",
    `${saver ?? "Somebody"} saved version ${version} of this dashboard at ${when}, while you changed version ${basedOn}. Load it, save yours on top of it, or save yours as a copy.`,
  );
}

function demandMaySayWhoSees(actor: Actor, maker: string | null, { group_ids }: Placement): void {
  if (group_ids === undefined || actor.role === "admin" || actor.user_id === maker) return;
  throw new Conflict(
    "not_allowed",
    "Only the person who made this dashboard, or an admin, says who sees it.",
  );
}

async function place(
  trx: Database,
  actor: Actor,
  id: string,
  { folder_id, tags, group_ids }: Placement,
): Promise<void> {
  if (folder_id != null) {
    const { rows } = await sql`
      select from folders where id = ${folder_id} and org_id = ${actor.org_id} for key share`.execute(
      trx,
    );
    if (rows.length === 0) {
      const message = "The folder does not exist any more. Reload, and choose another.";
      throw new Conflict("invalid_request", message, [{ path: "body.folder_id", message }]);
    }
  }
  if (folder_id !== undefined)
    await sql`update dashboards set folder_id = ${folder_id} where id = ${id}`.execute(trx);
  if (tags !== undefined)
    await sql`update dashboards set tags = ${[...new Set(tags)]}::text[] where id = ${id}`.execute(
      trx,
    );
  if (group_ids !== undefined) await setGrants(trx, actor, { type: "dashboard", id }, group_ids);
}

async function everyone(db: Database, actor: Actor): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from groups where org_id = ${actor.org_id} and system = 'everyone'`.execute(db);
  return rows.map(({ id }) => id);
}

async function insertVersion(
  trx: Database,
  actor: Actor,
  id: string,
  version: number,
  content: DashboardContent,
): Promise<void> {
  await sql`
    insert into dashboard_versions (dashboard_id, version, name, description, params, settings, tiles, created_by)
    values (${id}, ${version}, ${content.name}, ${content.description}, ${JSON.stringify(content.params)},
      ${JSON.stringify(content.settings)}, ${JSON.stringify(content.tiles)}, ${actor.user_id})`.execute(
    trx,
  );
}

/** Makes the dashboard's tiles these. Those that stay keep their row, and with it the runs that they showed. */
async function writeTiles(trx: Database, id: string, tiles: readonly TileInput[]): Promise<void> {
  const ids = tiles.map((tile) => tile.id);
  await sql`delete from tiles where dashboard_id = ${id} and id <> all (${ids}::uuid[])`.execute(
    trx,
  );
  const { rows } = await sql<{ id: string }>`
    insert into tiles (id, dashboard_id, type, visualization_id, title, content, collapsed, bindings, click, x, y, width, height)
    select saved.id, ${id}, saved.type, saved.visualization_id, saved.title, saved.content, coalesce(saved.collapsed, false),
      coalesce(saved.bindings, '{}'), saved.click, (saved.place ->> 'x')::integer, (saved.place ->> 'y')::integer,
      (saved.place ->> 'width')::integer, (saved.place ->> 'height')::integer
    from jsonb_to_recordset(${JSON.stringify(tiles)}::jsonb) as saved (id uuid, type text, visualization_id uuid, title text,
      content text, collapsed boolean, bindings jsonb, click jsonb, place jsonb)
    on conflict (id) do update set type = excluded.type, visualization_id = excluded.visualization_id, title = excluded.title,
      content = excluded.content, collapsed = excluded.collapsed, bindings = excluded.bindings, click = excluded.click,
      x = excluded.x, y = excluded.y, width = excluded.width, height = excluded.height
    where tiles.dashboard_id = excluded.dashboard_id
    returning id`.execute(trx);
  if (rows.length === tiles.length) return;
  const written = new Set(rows.map((row) => row.id));
  const errors = tiles.flatMap((tile, index) =>
    written.has(tile.id)
      ? []
      : [{ path: `body.tiles.${index}.id`, message: "is the id of a tile of another dashboard" }],
  );
  throw new Conflict(
    "invalid_request",
    "A tile has the id of a tile of another dashboard. Give each new tile a new id.",
    errors,
  );
}

/** Tells the pages that show it. */
async function announce(trx: Database, id: string): Promise<void> {
  await sql`select pg_notify('quern_dashboards', ${id})`.execute(trx);
}

/** Marks a dashboard as deleted. False when the actor sees none with that id. */
export async function deleteDashboard(db: Database, actor: Actor, id: string): Promise<boolean> {
  const deleted = await sql`
    update dashboards set deleted_at = now() where id = ${id} and ${visibleDashboard(actor)}`.execute(
    db,
  );
  return deleted.numAffectedRows === 1n;
}

/** Brings a deleted dashboard back. */
export async function restoreDashboard(db: Database, actor: Actor, id: string): Promise<boolean> {
  const restored = await sql`
    update dashboards set deleted_at = null where id = ${id} and ${visibleDeletedDashboard(actor)}`.execute(
    db,
  );
  return restored.numAffectedRows === 1n;
}

/** A dashboard with the same content, for the same people, in the same folder; its tiles are new. Undefined when there is none. */
export async function duplicateDashboard(
  db: Database,
  actor: Actor,
  id: string,
  name: string,
): Promise<string | undefined> {
  return inTransaction(db, async (trx) => {
    const { rows } = await sql<DashboardContent & { folder_id: string | null; tags: string[] }>`
      select versions.description, versions.params, versions.settings, versions.tiles, dashboards.folder_id, dashboards.tags
      from dashboards
      join dashboard_versions as versions
        on versions.dashboard_id = dashboards.id and versions.version = dashboards.version
      where dashboards.id = ${id} and ${visibleDashboard(actor)}`.execute(trx);
    if (!rows[0]) return undefined;
    const { folder_id, tags, ...content } = rows[0];
    const tiles = content.tiles.map((tile) => ({ ...tile, id: randomUUID() }));
    const { rows: groups } = await sql<{ id: string }>`
      select group_id as id from grants where resource_type = 'dashboard' and resource_id = ${id}`.execute(
      trx,
    );
    const group_ids = groups.map((group) => group.id);
    const copied = { ...content, name, tiles };
    return createDashboard(trx, actor, copied, { folder_id, tags, group_ids });
  });
}
