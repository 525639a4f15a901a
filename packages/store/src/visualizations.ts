import type { ChartConfig } from "@quern/contract/chart-config";
import type { Visualization } from "@quern/contract/visualizations";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import type { Database } from "./db.ts";
import { visibleVisualization } from "./grants.ts";

type Row = Omit<Visualization, "created_at" | "updated_at"> & {
  created_at: Date;
  updated_at: Date;
};

/** Charts the actor may see: those of a query, or one by its id. */
export async function listVisualizations(
  db: Database,
  actor: Actor,
  of: { query_id: string } | { id: string },
): Promise<Visualization[]> {
  const { rows } = await sql<Row>`
    select id, query_id, name, config, created_at, updated_at
    from visualizations
    where ${visibleVisualization(actor)} and ${"id" in of ? sql`id = ${of.id}` : sql`query_id = ${of.query_id}`}
    order by id`.execute(db);
  return rows.map((row) => ({
    ...row,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  }));
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

/** What is left out stays. */
export async function changeVisualization(
  db: Database,
  actor: Actor,
  id: string,
  change: { name?: string | undefined; config?: ChartConfig | undefined },
): Promise<void> {
  await sql`
    update visualizations set
      name = coalesce(${change.name ?? null}, name),
      config = coalesce(${change.config ? JSON.stringify(change.config) : null}::jsonb, config),
      updated_at = now()
    where id = ${id} and ${visibleVisualization(actor)}`.execute(db);
}

export async function deleteVisualization(db: Database, actor: Actor, id: string): Promise<void> {
  await sql`delete from visualizations where id = ${id} and ${visibleVisualization(actor)}`.execute(
    db,
  );
}
