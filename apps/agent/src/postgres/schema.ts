/**
 * The structure of one database, from pg_catalog: information_schema shows a role without rights on the tables nothing.
 * Texts that may hold literals are normalised; bodies of functions are hashed.
 */
import { createHash } from "node:crypto";
import type { SchemaSnapshot } from "@quern/contract/agent/schema";
import { SectionError } from "../engine/section.ts";
import type { Facts } from "./facts.ts";
import { listRelations } from "./pages.ts";
import { readConstraints } from "./schema-constraints.ts";
import { readSchemaIndexes } from "./schema-indexes.ts";
import { readObjects } from "./schema-objects.ts";
import { readSchemaTables } from "./schema-tables.ts";
import type { Session } from "./session.ts";
import { flag } from "./values.ts";

export type SchemaOptions = { max_tables: number; comments: boolean };

/** `hash` is of the structure alone: row counts, sizes and statistics change without a change of the schema. */
export async function readSchema(
  session: Session,
  facts: Facts,
  options: SchemaOptions,
): Promise<SchemaSnapshot & { hash: string }> {
  return await session.readOnly(async () => {
    await refuseLocked(session);
    const { oids, omitted } = await listRelations(
      session,
      ["r", "p", "v", "m", "f"],
      options.max_tables,
    );
    const snapshot: SchemaSnapshot = {
      tables: await readSchemaTables(session, oids, options),
      indexes: await readSchemaIndexes(session, facts, oids),
      constraints: await readConstraints(session, oids),
      ...(await readObjects(session, facts)),
      ...(omitted > 0 ? { omitted_tables: omitted } : {}),
    };
    return { ...snapshot, hash: hashOfSchema(snapshot) };
  });
}

/** Printing an expression opens its relation, which would queue behind such a lock: the whole is read later. */
async function refuseLocked(session: Session): Promise<void> {
  const [row] = await session.query(
    `select exists (select from pg_locks as l join pg_class as c on c.oid = l.relation
        join pg_namespace as n on n.oid = c.relnamespace
      where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock' and n.nspname !~ '^pg_temp'
        and l.database = (select d.oid from pg_database as d where d.datname = current_database())) as locked`,
  );
  if (!flag(row?.locked)) return;
  throw new SectionError(
    "locked",
    "Somebody holds or waits for an ACCESS EXCLUSIVE lock; the schema is read when it is gone.",
    "55P03",
  );
}

/** Piece by piece: the whole as one text would be the largest thing in the agent's memory. */
function hashOfSchema({ tables, indexes, constraints = [], ...rest }: SchemaSnapshot): string {
  const hash = createHash("sha256");
  const add = (value: unknown) => hash.update(`${JSON.stringify(value)}\n`);
  for (const { row_count_estimate: _, size_bytes: __, columns, ...table } of tables) {
    add(table);
    for (const { statistics: ___, ...column } of columns) add(column);
  }
  for (const { size_bytes: _, ...index } of indexes) add(index);
  for (const constraint of constraints) add(constraint);
  add({ ...rest, hash: undefined });
  return hash.digest("hex");
}
