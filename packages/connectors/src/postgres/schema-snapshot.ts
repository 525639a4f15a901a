import type { SchemaRelation, SchemaSnapshot } from "@quern/contract/datasources";
import type { Catalog } from "./catalog.ts";
import type { CatalogColumn, CatalogRelation } from "./catalog-relations.ts";
import { columnType } from "./types.ts";

type Schema = Required<SchemaSnapshot["schemas"][number]>;

/** Puts what the catalog queries found under the schemas and relations that it belongs to. */
export function schemaSnapshot(catalog: Catalog): SchemaSnapshot {
  const schemas = new Map<number, Schema>();
  for (const { oid, name, comment } of catalog.schemas) {
    schemas.set(oid, { name, comment, relations: [], functions: [], sequences: [], types: [] });
  }
  const relations = relationsOf(catalog, schemas);
  for (const row of catalog.columns) relations.get(row.relation_oid)?.columns.push(toColumn(row));
  for (const { relation_oid, ...key } of catalog.keys) relations.get(relation_oid)?.keys.push(key);
  for (const { relation_oid, unique, valid, ...index } of catalog.indexes) {
    const marks = { ...(unique ? { unique } : {}), ...(valid ? {} : { valid }) };
    relations.get(relation_oid)?.indexes.push({ ...index, ...marks });
  }
  for (const { relation_oid, ...check } of catalog.checks) {
    const relation = relations.get(relation_oid);
    if (relation) relation.checks = [...(relation.checks ?? []), check];
  }
  for (const { relation_oid, ...trigger } of catalog.triggers) {
    const relation = relations.get(relation_oid);
    if (relation) relation.triggers = [...(relation.triggers ?? []), trigger];
  }
  for (const { schema_oid, ...each } of catalog.functions) {
    schemas.get(schema_oid)?.functions.push(each);
  }
  for (const { schema_oid, ...each } of catalog.sequences) {
    schemas.get(schema_oid)?.sequences.push(each);
  }
  for (const { schema_oid, labels, definition, ...each } of catalog.types) {
    schemas.get(schema_oid)?.types.push({
      ...each,
      ...(labels === null ? {} : { labels }),
      ...(definition === null ? {} : { definition }),
    });
  }
  return {
    schemas: [...schemas.values()],
    ...(catalog.gaps.length === 0 ? {} : { gaps: catalog.gaps }),
  };
}

function relationsOf(catalog: Catalog, schemas: Map<number, Schema>): Map<number, SchemaRelation> {
  const sizes = new Map(catalog.sizes.map(({ oid, bytes }) => [oid, bytes]));
  const rows = new Map(catalog.relations.map((row) => [row.oid, row]));
  const relations = new Map<number, SchemaRelation>();
  for (const row of catalog.relations) {
    const relation = toRelation(row, sizes.get(row.oid) ?? row.page_bytes);
    const parent = row.parent_oid === null ? undefined : rows.get(row.parent_oid);
    const schema = parent && schemas.get(parent.schema_oid)?.name;
    if (parent && schema !== undefined) {
      relation.partition_of = { schema, table: parent.name, bound: row.bound ?? "" };
    }
    relations.set(row.oid, relation);
    schemas.get(row.schema_oid)?.relations.push(relation);
  }
  sumPartitions(catalog.relations, relations);
  return relations;
}

/** Gives each partitioned table what its partitions hold together, whatever the depth. */
function sumPartitions(rows: CatalogRelation[], relations: Map<number, SchemaRelation>): void {
  const parents = new Map(rows.map((row) => [row.oid, row.parent_oid]));
  const analysed = new Set(
    rows
      .filter((row) => row.kind === "partitioned_table" && row.row_estimate !== null)
      .map(({ oid }) => oid),
  );
  for (const row of rows) {
    if (row.kind === "partitioned_table") continue;
    const own = relations.get(row.oid);
    for (let oid = row.parent_oid; oid !== null; oid = parents.get(oid) ?? null) {
      const parent = relations.get(oid);
      if (!parent || !own) break;
      if (own.bytes !== null) parent.bytes = (parent.bytes ?? 0) + own.bytes;
      if (own.row_estimate !== null && !analysed.has(oid)) {
        parent.row_estimate = (parent.row_estimate ?? 0) + own.row_estimate;
      }
    }
  }
}

function toRelation(row: CatalogRelation, bytes: number | null): SchemaRelation {
  return {
    name: row.name,
    kind: row.kind,
    comment: row.comment,
    row_estimate: row.row_estimate,
    bytes,
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
    ...(row.generated === null ? {} : { generated: row.generated }),
    ...(row.identity === null ? {} : { identity: row.identity }),
  };
}
