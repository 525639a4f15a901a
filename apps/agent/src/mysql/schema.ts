/** The structure of one database, from information_schema. Texts that may hold literals are sent without them. */
import { createHash } from "node:crypto";
import type { SchemaSnapshot } from "@quern/contract/agent/schema";
import type { Facts } from "./facts.ts";
import { readConstraints } from "./schema-constraints.ts";
import { readSchemaIndexes } from "./schema-indexes.ts";
import { readSchemaTables } from "./schema-tables.ts";
import type { Session } from "./session.ts";

export type SchemaOptions = { max_tables: number; comments: boolean };

/** `hash` is of the structure alone: row counts and sizes change without a change of the schema. */
export async function readSchema(
  session: Session,
  facts: Facts,
  database: string,
  options: SchemaOptions,
): Promise<SchemaSnapshot & { hash: string }> {
  const { tables, omitted } = await readSchemaTables(session, facts, database, options);
  const names = tables.map(({ name }) => name);
  const snapshot: SchemaSnapshot = {
    tables,
    indexes: await readSchemaIndexes(session, facts, database, names),
    constraints: await readConstraints(session, facts, database, tables),
    ...(omitted > 0 ? { omitted_tables: omitted } : {}),
  };
  return { ...snapshot, hash: hashOfSchema(snapshot) };
}

function hashOfSchema({ tables, indexes, constraints = [] }: SchemaSnapshot): string {
  const hash = createHash("sha256");
  const add = (value: unknown) => hash.update(`${JSON.stringify(value)}\n`);
  for (const { row_count_estimate: _, size_bytes: __, ...table } of tables) add(table);
  for (const index of indexes) add(index);
  for (const constraint of constraints) add(constraint);
  return hash.digest("hex");
}
