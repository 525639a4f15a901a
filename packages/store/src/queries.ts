import type { Limits } from "@quern/contract/datasources";
import type { Parameter } from "@quern/contract/parameters";
import type { Query, QueryVersion } from "@quern/contract/queries";
import { type RawBuilder, sql } from "kysely";
import type { Actor } from "./actor.ts";
import { Conflict } from "./conflict.ts";
import { type Database, inTransaction } from "./db.ts";
import {
  visibleDashboard,
  visibleDatasource,
  visibleDeletedQuery,
  visibleQuery,
} from "./grants.ts";
import { toPage } from "./page.ts";
import { isFavorite } from "./placement.ts";

/** A query as it is read, with what lists are sorted by: the beginning of its name, the exact instant of its change. */
export type QueryRow = Omit<Query, "created_at" | "updated_at"> & {
  created_at: Date;
  updated_at: Date;
  name_key: string;
  updated_key: string;
};
type VersionRow = Omit<QueryVersion, "created_at"> & { created_at: Date };

export type QueryContent = {
  name: string;
  description: string;
  datasource_id: string;
  sql: string;
  params: Parameter[];
  limits: Partial<Limits>;
  result_ttl_s: number | null;
};

/** One query that the actor may see. */
export async function readQuery(
  db: Database,
  actor: Actor,
  id: string,
): Promise<Query | undefined> {
  const [row] = await selectQueries(
    db,
    actor,
    sql`${visibleQuery(actor)} and queries.id = ${id}`,
    sql`queries.id`,
    1,
  );
  return row && toQuery(row);
}

/** Current versions of queries; `where` and `order` may name queries, query_versions, datasources and last_run. */
export async function selectQueries(
  db: Database,
  actor: Actor,
  where: RawBuilder<unknown>,
  order: RawBuilder<unknown>,
  limit: number,
): Promise<QueryRow[]> {
  const { rows } = await sql<QueryRow>`
    select queries.id, query_versions.name, query_versions.description,
      jsonb_build_object('id', datasources.id, 'name', datasources.name) as datasource,
      query_versions.sql, query_versions.params, query_versions.limits, query_versions.result_ttl_s, queries.version,
      ${personRef("creators")} as created_by, queries.created_at,
      ${personRef("savers")} as updated_by, queries.updated_at,
      last_run.json as last_run,
      queries.folder_id, queries.tags, ${isFavorite(actor, "query")} as favorite,
      (select count(distinct dashboards.id) from visualizations
        join tiles on tiles.visualization_id = visualizations.id
        join dashboards on dashboards.id = tiles.dashboard_id
        where visualizations.query_id = queries.id and ${visibleDashboard(actor)}) as dashboards,
      left(lower(query_versions.name), 60) as name_key, queries.updated_at::text as updated_key
    from queries
    join query_versions on query_versions.query_id = queries.id and query_versions.version = queries.version
    join datasources on datasources.id = query_versions.datasource_id
    left join users as creators on creators.id = queries.created_by
    left join users as savers on savers.id = query_versions.created_by
    left join lateral (
      select jsonb_build_object(
        'id', runs.id, 'status', runs.status,
        'finished_at', to_char(runs.finished_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'duration_ms', extract(epoch from runs.finished_at - coalesce(runs.started_at, runs.claimed_at, runs.queued_at)) * 1000,
        'rows', runs.rows) as json
      from runs where runs.query_id = queries.id and runs.datasource_id = query_versions.datasource_id
      order by runs.id desc
      limit 1
    ) as last_run on true
    where ${where}
    order by ${order}
    limit ${limit}`.execute(db);
  return rows;
}

export function toQuery({ name_key: _name, updated_key: _updated, ...row }: QueryRow): Query {
  return {
    ...row,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}

/** `{id, name}` of the joined user, or null. */
export function personRef(alias: string): RawBuilder<unknown> {
  return sql`case when ${sql.ref(`${alias}.id`)} is not null
    then jsonb_build_object('id', ${sql.ref(`${alias}.id`)}, 'name', ${sql.ref(`${alias}.name`)}) end`;
}

/** Saves a new query as its version 1 and returns its id. */
export async function createQuery(
  db: Database,
  actor: Actor,
  content: QueryContent,
): Promise<string> {
  return inTransaction(db, async (trx) => {
    const { rows } = await sql<{ id: string }>`
      insert into queries (org_id, created_by) values (${actor.org_id}, ${actor.user_id}) returning id`.execute(
      trx,
    );
    await insertVersion(trx, actor, rows[0]!.id, 1, content);
    return rows[0]!.id;
  });
}

/**
 * Saves a change as the next version. `basedOn` is the version the person saw; when another save came in between it
 * throws `Conflict` (`version_conflict`) and nothing changes. False when there is no such query.
 */
export async function changeQuery(
  db: Database,
  actor: Actor,
  id: string,
  basedOn: number,
  change: Partial<QueryContent>,
): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    const { rows } = await sql<QueryContent & { version: number }>`
      select queries.version, query_versions.name, query_versions.description, query_versions.datasource_id,
        query_versions.sql, query_versions.params, query_versions.limits, query_versions.result_ttl_s
      from queries
      join query_versions on query_versions.query_id = queries.id and query_versions.version = queries.version
      where queries.id = ${id} and ${visibleQuery(actor)}
      for update of queries`.execute(trx);
    const current = rows[0];
    if (!current) return false;
    if (current.version !== basedOn) {
      throw new Conflict(
        "version_conflict",
        `Somebody saved version ${current.version} of this query while you changed version ${basedOn}. Load it, or save yours on top of it.`,
      );
    }
    const { version, ...content } = current;
    await insertVersion(trx, actor, id, version + 1, { ...content, ...change });
    await sql`update queries set version = ${version + 1}, updated_at = now() where id = ${id}`.execute(
      trx,
    );
    return true;
  });
}

async function insertVersion(
  db: Database,
  actor: Actor,
  id: string,
  version: number,
  content: QueryContent,
): Promise<void> {
  await sql`
    insert into query_versions (query_id, version, name, description, datasource_id, sql, params, limits, result_ttl_s, created_by)
    values (${id}, ${version}, ${content.name}, ${content.description}, ${content.datasource_id}, ${content.sql},
      ${JSON.stringify(content.params)}, ${JSON.stringify(content.limits)}, ${content.result_ttl_s}, ${actor.user_id})`.execute(
    db,
  );
}

/**
 * Saves, the newest first, without those on a datasource that the actor may not use. The cursor is the version to start
 * below.
 */
export async function listQueryVersions(
  db: Database,
  actor: Actor,
  id: string,
  page: { limit: number; cursor?: string | undefined },
): Promise<{ items: QueryVersion[]; next_cursor: string | null }> {
  const before =
    page.cursor !== undefined && /^\d{1,9}$/.test(page.cursor) ? Number(page.cursor) : null;
  const { rows } = await sql<VersionRow>`
    select query_versions.version, query_versions.name, query_versions.description, query_versions.datasource_id,
      query_versions.sql, query_versions.params, query_versions.limits, query_versions.result_ttl_s, ${personRef("users")} as created_by, query_versions.created_at
    from query_versions
    join datasources on datasources.id = query_versions.datasource_id
    left join users on users.id = query_versions.created_by
    where query_versions.query_id = ${id} and ${visibleDatasource(actor)} and (${before}::int is null or query_versions.version < ${before})
    order by query_versions.version desc
    limit ${page.limit + 1}`.execute(db);
  const versions = rows.map((row) => ({ ...row, created_at: row.created_at.toISOString() }));
  return toPage(versions, page.limit, (last) => String(last.version));
}

/** Marks a query as deleted. False when the actor sees none with that id. */
export async function deleteQuery(db: Database, actor: Actor, id: string): Promise<boolean> {
  const deleted =
    await sql`update queries set deleted_at = now() where id = ${id} and ${visibleQuery(actor)}`.execute(
      db,
    );
  return deleted.numAffectedRows === 1n;
}

/** Brings a deleted query back, unless its datasource is gone. */
export async function restoreQuery(db: Database, actor: Actor, id: string): Promise<boolean> {
  const restored =
    await sql`update queries set deleted_at = null where id = ${id} and ${visibleDeletedQuery(actor)}`.execute(
      db,
    );
  return restored.numAffectedRows === 1n;
}
