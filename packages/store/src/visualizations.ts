import type { ChartConfig } from "@quern/contract/chart-config";
import type { Visualization } from "@quern/contract/visualizations";
import { type RawBuilder, sql } from "kysely";
import type { Actor } from "./actor.ts";
import { Conflict } from "./conflict.ts";
import type { Database } from "./db.ts";
import { visibleVisualization } from "./grants.ts";
import { containing, isUuid, toPage } from "./page.ts";

type Row = Omit<Visualization, "created_at" | "updated_at"> & {
  created_at: Date;
  updated_at: Date;
};

export type VisualizationFilter = {
  query_id?: string | undefined;
  search?: string | undefined;
  limit: number;
  cursor?: string | undefined;
};

/**
 * Charts the actor may see: those of a query, the oldest first, or of all queries, the last changed first. A cursor that is
 * not one of ours starts at the beginning.
 */
export async function listVisualizations(
  db: Database,
  actor: Actor,
  filter: VisualizationFilter,
): Promise<{ items: Visualization[]; next_cursor: string | null }> {
  const { query_id, search, limit } = filter;
  const after = readCursor(filter.cursor);
  const pattern = search === undefined ? null : containing(search);
  const rows = await selectVisualizations(
    db,
    actor,
    sql`(${pattern}::text is null or visualizations.name ilike ${pattern} or query_versions.name ilike ${pattern})
      and (${query_id ?? null}::uuid is null or visualizations.query_id = ${query_id ?? null})
      and (${after?.id ?? null}::uuid is null or ${
        query_id === undefined
          ? sql`(date_trunc('milliseconds', visualizations.updated_at), visualizations.id) < (${after?.at ?? null}::timestamptz, ${after?.id ?? null}::uuid)`
          : sql`visualizations.id > ${after?.id ?? null}::uuid`
      })`,
    query_id === undefined
      ? sql`date_trunc('milliseconds', visualizations.updated_at) desc, visualizations.id desc`
      : sql`visualizations.id`,
    limit + 1,
  );
  return toPage(rows, limit, (last) => `${last.updated_at}_${last.id}`);
}

/** One chart that the actor may see. */
export async function readVisualization(
  db: Database,
  actor: Actor,
  id: string,
): Promise<Visualization | undefined> {
  const [found] = await selectVisualizations(
    db,
    actor,
    sql`visualizations.id = ${id}`,
    sql`visualizations.id`,
    1,
  );
  return found;
}

async function selectVisualizations(
  db: Database,
  actor: Actor,
  where: RawBuilder<unknown>,
  order: RawBuilder<unknown>,
  limit: number,
): Promise<Visualization[]> {
  const { rows } = await sql<Row>`
    select visualizations.id, visualizations.query_id, query_versions.name as query_name, visualizations.name,
      visualizations.config, visualizations.created_at, visualizations.updated_at
    from visualizations
    join queries as owners on owners.id = visualizations.query_id
    join query_versions on query_versions.query_id = owners.id and query_versions.version = owners.version
    where ${visibleVisualization(actor)} and ${where}
    order by ${order}
    limit ${limit}`.execute(db);
  return rows.map((row) => ({
    ...row,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  }));
}

function readCursor(cursor: string | undefined): { at: string; id: string } | null {
  const [at, id] = cursor?.split("_") ?? [];
  if (at === undefined || id === undefined || !isUuid(id)) return null;
  return Number.isNaN(Date.parse(at)) ? null : { at: new Date(at).toISOString(), id };
}

/** Returns the id of the new chart. */
export async function createVisualization(
  db: Database,
  actor: Actor,
  visualization: { query_id: string; name: string; config: ChartConfig },
): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    insert into visualizations (org_id, query_id, name, config, created_by)
    values (${actor.org_id}, ${visualization.query_id}, ${visualization.name}, ${JSON.stringify(visualization.config)}, ${actor.user_id})
    returning id`.execute(db);
  return rows[0]!.id;
}

/** What is left out stays. Throws `Conflict` when the chart was saved after `updated_at`. */
export async function changeVisualization(
  db: Database,
  actor: Actor,
  id: string,
  change: {
    name?: string | undefined;
    config?: ChartConfig | undefined;
    updated_at?: string | undefined;
  },
): Promise<void> {
  const { rows } = await sql`
    update visualizations set
      name = coalesce(${change.name ?? null}, name),
      config = coalesce(${change.config ? JSON.stringify(change.config) : null}::jsonb, config),
      -- Clients know it to the millisecond: two saves of one would be the same to them.
      updated_at = greatest(now(), date_trunc('milliseconds', updated_at) + interval '1 millisecond')
    where id = ${id} and ${visibleVisualization(actor)}
      and (${change.updated_at ?? null}::timestamptz is null
        or date_trunc('milliseconds', updated_at) = ${change.updated_at ?? null}::timestamptz)
    returning id`.execute(db);
  if (rows.length === 0 && change.updated_at !== undefined)
    throw new Conflict(
      "version_conflict",
      "Somebody else has saved this chart since it was opened. Reload to see it, or save yours as another chart.",
    );
}

export async function deleteVisualization(db: Database, actor: Actor, id: string): Promise<void> {
  await sql`delete from visualizations where id = ${id} and ${visibleVisualization(actor)}`.execute(
    db,
  );
}
