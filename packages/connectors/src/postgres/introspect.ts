import type { SchemaRelation, SchemaSnapshot } from "@quern/contract/datasources";
import pg from "pg";
import type { OnSession, Target } from "../connector.ts";
import { ConnectorError } from "../errors.ts";
import { type CatalogColumn, type CatalogRelation, readCatalog } from "./catalog.ts";
import { serverError } from "./server-errors.ts";
import { openSession } from "./session.ts";
import { columnType } from "./types.ts";

type Snapshot = SchemaSnapshot["schemas"][number];

const TIMEOUT_MS = 120_000;

/** Reads schemas, relations, columns, keys, indexes and functions that the role may see; no system schemas. */
export async function introspect(
  target: Target,
  onSession: OnSession = () => {},
): Promise<SchemaSnapshot> {
  const session = await openSession(target, {
    application_name: "quern introspect",
    statement_timeout_ms: TIMEOUT_MS,
  });
  try {
    await onSession(session.handle);
    return assemble(await readCatalog(session.client));
  } catch (error) {
    if (error instanceof pg.DatabaseError) {
      throw serverError(
        new Map([
          ["C", error.code ?? ""],
          ["M", error.message],
        ]),
        null,
      );
    }
    if (error instanceof ConnectorError) throw error;
    throw new ConnectorError({
      code: "datasource_unreachable",
      message: `The connection was lost while reading the catalog: ${String(error)}`,
    });
  } finally {
    session.destroy();
  }
}

function assemble(catalog: Awaited<ReturnType<typeof readCatalog>>): SchemaSnapshot {
  const schemas = new Map<number, Snapshot>();
  for (const { oid, name, comment } of catalog.schemas) {
    schemas.set(oid, { name, comment, relations: [], functions: [] });
  }
  const relations = new Map<number, SchemaRelation>();
  for (const row of catalog.relations) {
    const relation = toRelation(row);
    relations.set(row.oid, relation);
    schemas.get(row.schema_oid)?.relations.push(relation);
  }
  for (const row of catalog.columns) relations.get(row.relation_oid)?.columns.push(toColumn(row));
  for (const { relation_oid, name, type, columns, references } of catalog.keys) {
    relations.get(relation_oid)?.keys.push({ name, type, columns, references });
  }
  for (const { relation_oid, name, definition } of catalog.indexes) {
    relations.get(relation_oid)?.indexes.push({ name, definition });
  }
  for (const row of catalog.functions) {
    const { name, arguments: args, result, kind } = row;
    schemas.get(row.schema_oid)?.functions.push({ name, arguments: args, result, kind });
  }
  return { schemas: [...schemas.values()] };
}

function toRelation(row: CatalogRelation): SchemaRelation {
  return {
    name: row.name,
    kind: row.kind,
    comment: row.comment,
    row_estimate: row.row_estimate,
    bytes: row.bytes,
    columns: [],
    keys: [],
    indexes: [],
  };
}

function toColumn(row: CatalogColumn): SchemaRelation["columns"][number] {
  return {
    name: row.name,
    type: columnType(row.base_type),
    source_type: row.source_type,
    not_null: row.not_null,
    default: row.default,
    comment: row.comment,
  };
}
