/** Takes the schema: kept once by its hash, with the times from when on it was so. */

import { createHash } from "node:crypto";
import type { AgentPayload } from "@quern/contract/agent/payload";
import type { SchemaSnapshot } from "@quern/contract/agent/schema";
import type { SchemaChange } from "@quern/contract/health/server";
import { sql } from "kysely";
import { noteEvents } from "./event-notes.ts";
import type { Reading } from "./reading.ts";
import { schemaChanges, withoutParts } from "./schema-changes.ts";

/** Returns whether the schema of the hash that was sent is unknown here, so that the agent has to send it. */
export async function takeSchema(
  reading: Reading,
  { schema, schema_hash }: Pick<AgentPayload, "schema" | "schema_hash">,
): Promise<boolean> {
  const { db, org_id, database_id, taken_at } = reading;
  const hash = schema_hash ?? schema?.hash ?? (schema ? hashOf(schema) : undefined);
  if (hash === undefined) return false;
  const { rows } = await sql<{ hash: string; from_at: Date }>`
    select hash, from_at from health_schema_versions where database_id = ${database_id}
    order by from_at desc limit 1`.execute(db);
  const current = rows[0];
  if (current?.hash === hash) {
    await sql`
      update health_schema_versions set last_seen_at = greatest(last_seen_at, ${taken_at})
      where database_id = ${database_id} and from_at = ${current.from_at}
        and last_seen_at < ${taken_at}::timestamptz - interval '5 minutes'`.execute(db);
    return false;
  }
  if (current !== undefined && current.from_at >= taken_at) return false;
  if (schema) {
    await sql`
      insert into health_schemas (org_id, hash, body) values (${org_id}, ${hash}, ${JSON.stringify(schema)}::jsonb)
      on conflict do nothing`.execute(db);
  }
  const after = schema ?? (await schemaOf(reading, hash));
  if (after === undefined) return true;
  await sql`
    insert into health_schema_versions (database_id, from_at, hash, last_seen_at)
    values (${database_id}, ${taken_at}, ${hash}, ${taken_at})`.execute(db);
  await sql`update health_databases set schema_hash = ${hash} where id = ${database_id}`.execute(
    db,
  );
  const before = current === undefined ? undefined : await schemaOf(reading, current.hash);
  if (before !== undefined)
    await noteChanges(reading, withoutParts(schemaChanges(before, after)), current!.hash, hash);
  return false;
}

async function schemaOf(
  { db, org_id }: Reading,
  hash: string,
): Promise<SchemaSnapshot | undefined> {
  const { rows } = await sql<{ body: SchemaSnapshot }>`
    select body from health_schemas where org_id = ${org_id} and hash = ${hash}`.execute(db);
  return rows[0]?.body;
}

const SHOWN = 20;

async function noteChanges(
  reading: Reading,
  changes: readonly SchemaChange[],
  before: string,
  after: string,
): Promise<void> {
  if (changes.length === 0) return;
  const shown = changes
    .slice(0, SHOWN)
    .map(({ type, change, object, fields }) => ({ type, change, object, fields }));
  const details = { before, after, count: changes.length, changes: shown };
  await noteEvents(reading, [
    {
      type: "schema",
      subject: changes.length === 1 ? changes[0]!.object : null,
      details,
      of: "database",
    },
  ]);
}

/** Of a schema that came without one: the original agent's. Sizes and estimates are no part of the structure. */
function hashOf(schema: SchemaSnapshot): string {
  const tables = schema.tables.map(
    ({ row_count_estimate: _rows, size_bytes: _size, ...structure }) => structure,
  );
  const indexes = schema.indexes.map(({ size_bytes: _size, ...structure }) => structure);
  return createHash("sha256").update(JSON.stringify({ tables, indexes })).digest("hex");
}
