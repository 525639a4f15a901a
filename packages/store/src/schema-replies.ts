/**
 * The last introspection of each datasource. Beside the snapshot lies the API's reply, ready and gzipped: one of 100,000
 * columns is 10 MB of JSON, which the API should neither write nor compress while others wait.
 */
import { promisify } from "node:util";
import { constants, gunzip, gzip } from "node:zlib";
import type { SchemaSnapshot } from "@quern/contract/datasources";
import { sql } from "kysely";
import type { Database } from "./db.ts";

/** When the snapshot was read, by the database's clock, and `{introspected_at, snapshot}` as gzipped JSON. */
export type PackedSchema = { at: Date; packed: Buffer };

const compress = promisify(gzip);
const decompress = promisify(gunzip);

export async function packSchema(db: Database, snapshot: SchemaSnapshot): Promise<PackedSchema> {
  const { rows } = await sql<{ at: Date }>`select clock_timestamp() as at`.execute(db);
  const at = rows[0]?.at ?? new Date();
  return { at, packed: await pack(at, snapshot) };
}

/** Keeps what run `runId` found, unless a later run found something already, or the datasource was deleted. */
export async function saveSchema(
  db: Database,
  datasourceId: string,
  runId: string,
  snapshot: SchemaSnapshot,
  { at, packed }: PackedSchema,
): Promise<void> {
  await sql`
    insert into datasource_schemas (datasource_id, snapshot, packed, run_id, introspected_at)
    select id, ${JSON.stringify(snapshot)}, ${packed}, ${runId}, ${at}
    from datasources where id = ${datasourceId} and deleted_at is null
    on conflict (datasource_id) do update
      set snapshot = excluded.snapshot, packed = excluded.packed, run_id = excluded.run_id,
          introspected_at = excluded.introspected_at
      where datasource_schemas.run_id < excluded.run_id`.execute(db);
}

/** The reply about a datasource's schema as gzipped JSON; about one that was never read as well. */
export async function readPackedSchema(db: Database, datasourceId: string): Promise<Buffer> {
  const { rows } = await sql<{ packed: Buffer | null }>`
    select packed from datasource_schemas where datasource_id = ${datasourceId}`.execute(db);
  if (rows[0]?.packed) return rows[0].packed;
  return rows[0] === undefined ? pack(null, null) : packOlder(db, datasourceId);
}

/** Rows of earlier versions have no reply. */
async function packOlder(db: Database, datasourceId: string): Promise<Buffer> {
  const schema = await readSchema(db, datasourceId);
  return pack(schema?.introspected_at ?? null, schema?.snapshot ?? null);
}

/** The last introspection, or undefined. */
export async function readSchema(
  db: Database,
  id: string,
): Promise<{ introspected_at: Date; snapshot: SchemaSnapshot } | undefined> {
  const { rows } = await sql<{ introspected_at: Date; snapshot: SchemaSnapshot }>`
    select introspected_at, snapshot from datasource_schemas where datasource_id = ${id}`.execute(
    db,
  );
  return rows[0];
}

function pack(at: Date | null, snapshot: SchemaSnapshot | null): Promise<Buffer> {
  const body = JSON.stringify({ introspected_at: at?.toISOString() ?? null, snapshot });
  return compress(body, { level: constants.Z_DEFAULT_COMPRESSION });
}

/** For clients that take no gzip. */
export function unpackSchema(packed: Buffer): Promise<Buffer> {
  return decompress(packed);
}
