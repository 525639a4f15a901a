/** The index of layers that are in object storage. */
import { sql } from "kysely";
import type { Database } from "./db.ts";

export type ExportedLayer = {
  shared: string;
  org_id: string;
  state_key: Buffer;
  depth: number;
  bytes: number;
  chunks: number;
};

export async function noteExport(db: Database, layer: ExportedLayer): Promise<void> {
  await sql`
    insert into layer_exports (shared, org_id, state_key, depth, bytes, chunks)
    values (${layer.shared}, ${layer.org_id}, ${layer.state_key}, ${layer.depth}, ${layer.bytes}, ${layer.chunks})
    on conflict (shared, org_id, state_key) do update set bytes = excluded.bytes, chunks = excluded.chunks,
      exported_at = now()`.execute(db);
}

/** Of a layer that turned out not to be there, or damaged. */
export async function forgetExport(
  db: Database,
  shared: string,
  org_id: string,
  state_key: Buffer,
): Promise<void> {
  await sql`
    delete from layer_exports
    where shared = ${shared} and org_id = ${org_id} and state_key = ${state_key}`.execute(db);
}

export async function isExported(
  db: Database,
  shared: string,
  org_id: string,
  state_key: Buffer,
): Promise<boolean> {
  const { rows } = await sql`
    select from layer_exports
    where shared = ${shared} and org_id = ${org_id} and state_key = ${state_key}`.execute(db);
  return rows.length === 1;
}

/** How a layer came to be, for whoever gets it elsewhere. */
export async function readLayerOrigin(
  db: Database,
  layer_id: string,
): Promise<{ steps: number; paths: string[]; ttl_s: number | null }> {
  const { rows } = await sql<{ steps: number; paths: string[]; ttl_s: number | null }>`
    select steps, paths, ttl_s from layers where id = ${layer_id}`.execute(db);
  return rows[0] ?? { steps: 0, paths: [], ttl_s: null };
}
