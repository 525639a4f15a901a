/** What indexes are for, from how they are made. */
import type { SchemaConstraint, SchemaIndex, SchemaTable } from "@quern/contract/agent/schema";
import { qualified, quoted } from "./names.ts";

type Key = NonNullable<SchemaIndex["keys"]>[number];

/** The same for keys that index the same thing. */
export function keyIdentity({ column, expression }: Key): string {
  return column === null ? `expression ${expression?.hash ?? ""}` : `column ${column}`;
}

/** Whether nothing but speed would be lost with it: it enforces nothing and belongs to no partitioned index. */
export function isDroppable(index: SchemaIndex): boolean {
  const bound = index.is_unique || index.is_primary || index.is_exclusion || index.constraint;
  return !bound && !index.is_replica_identity && !index.parent;
}

/** The statement that drops it. PostgreSQL takes no `concurrently` for the index of a partitioned table. */
export function dropStatement(index: SchemaIndex, tables: readonly SchemaTable[]): string {
  return `drop index ${concurrently(index, tables)}${qualified(index)};`;
}

/** `concurrently `, where that can be. */
export function concurrently(
  { schema, table }: Pick<SchemaIndex, "schema" | "table">,
  tables: readonly SchemaTable[],
): string {
  const of = tables.find((each) => each.schema === schema && each.name === table);
  return of?.kind === "p" ? "" : "concurrently ";
}

/** Whether looking up referencing rows of `key` can use `index` as a whole. */
export function supportsKey(index: SchemaIndex, key: SchemaConstraint): boolean {
  const usable = index.is_valid !== false && index.is_ready !== false;
  return usable && leadsWith(index, key.columns) && isTotalFor(index, key.columns);
}

/** Its first keys are these columns, in any order: in a B-tree, or one column of a hash. */
export function leadsWith(index: SchemaIndex, columns: readonly string[]): boolean {
  const method = index.access_method ?? "btree";
  if (method !== "btree" && !(method === "hash" && columns.length === 1)) return false;
  const leading = (index.keys?.map(({ column }) => column) ?? index.columns).slice(
    0,
    columns.length,
  );
  return columns.every((column) => leading.includes(column));
}

/** Without a predicate, or with one that leaves out only rows that refer to nothing. */
function isTotalFor(index: SchemaIndex, columns: readonly string[]): boolean {
  if (!index.predicate) return true;
  if (columns.length !== 1) return false;
  const plain = index.predicate.text
    .trim()
    .replace(/^\((.*)\)$/s, "$1")
    .toLowerCase();
  const [column] = columns;
  const names = [quoted(column!), `"${column!.replaceAll('"', '""')}"`, column!];
  return names.some((name) => plain === `${name} is not null`.toLowerCase());
}
