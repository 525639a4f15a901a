import type { SchemaRelation, SchemaSnapshot } from "@quern/contract/datasources";

type Snapshot = SchemaSnapshot;
type Column = SchemaRelation["columns"][number];

/** A line of the schema tree. `id` is stable: it is what "open" is remembered by. */
export type TreeLine = { id: string; level: number; open: boolean | null; schema: string } & (
  | { kind: "schema"; comment: string | null; count: number; empty: boolean }
  | { kind: "relation"; relation: SchemaRelation }
  | { kind: "column"; relation: SchemaRelation; column: Column; keys: string[] }
  | { kind: "functions"; count: number }
  | { kind: "function"; name: string; signature: string }
);

/** Which lines the tree shows: those of open parents; while somebody searches, what matches and its parents. */
export function treeLines(
  snapshot: Snapshot,
  open: ReadonlySet<string>,
  search: string,
): TreeLine[] {
  const words = search
    .toLowerCase()
    .split(/[\s.]+/)
    .filter(Boolean);
  const matches = (...names: string[]) => {
    const text = names.join(".").toLowerCase();
    return words.every((word) => text.includes(word));
  };
  // Schemas with nothing in them, such as a `public` that nobody uses, come last.
  const schemas = [
    ...snapshot.schemas.filter((schema) => !isEmpty(schema)),
    ...snapshot.schemas.filter(isEmpty),
  ];
  return schemas.flatMap((schema) => schemaLines(schema, open, words.length > 0 ? matches : null));
}

type Schema = Snapshot["schemas"][number];
const isEmpty = (schema: Schema) => schema.relations.length === 0 && schema.functions.length === 0;

type Matches = ((...names: string[]) => boolean) | null;

function schemaLines(schema: Schema, open: ReadonlySet<string>, matches: Matches): TreeLine[] {
  const id = `s:${schema.name}`;
  const base = { schema: schema.name };
  const inside: TreeLine[] = [];
  for (const relation of schema.relations)
    inside.push(...relationLines(schema.name, relation, open, matches));
  const functions = schema.functions.filter(
    (each) => matches === null || matches(schema.name, each.name),
  );
  if (functions.length > 0) {
    const folder = `f:${schema.name}`;
    const unfolded = matches !== null || open.has(folder);
    inside.push({
      ...base,
      id: folder,
      level: 2,
      open: unfolded,
      kind: "functions",
      count: functions.length,
    });
    if (unfolded) {
      inside.push(
        ...functions.map((each) => ({
          ...base,
          id: `${folder}:${each.name}(${each.arguments})`,
          level: 3,
          open: null,
          kind: "function" as const,
          name: each.name,
          signature: `(${each.arguments}) → ${each.result}`,
        })),
      );
    }
  }
  if (matches !== null && inside.length === 0) return [];
  const empty = isEmpty(schema);
  const unfolded = matches !== null || open.has(id);
  const head: TreeLine = {
    ...base,
    id,
    level: 1,
    open: empty ? null : unfolded,
    kind: "schema",
    comment: schema.comment,
    count: schema.relations.length,
    empty,
  };
  return unfolded ? [head, ...inside] : [head];
}

function relationLines(
  schema: string,
  relation: SchemaRelation,
  open: ReadonlySet<string>,
  matches: Matches,
): TreeLine[] {
  const id = `r:${schema}.${relation.name}`;
  const named = matches === null || matches(schema, relation.name);
  const found = named
    ? []
    : relation.columns.filter((column) => matches(schema, relation.name, column.name));
  if (!named && found.length === 0) return [];
  const unfolded = open.has(id) || found.length > 0;
  const head: TreeLine = { id, level: 2, open: unfolded, schema, kind: "relation", relation };
  if (!unfolded) return [head];
  const columns =
    open.has(id) && named ? relation.columns : found.length > 0 ? found : relation.columns;
  return [
    head,
    ...columns.map((column) => ({
      id: `${id}.${column.name}`,
      level: 3,
      open: null,
      schema,
      kind: "column" as const,
      relation,
      column,
      keys: keysOf(relation, column.name),
    })),
  ];
}

/** What a column is a key of, in words: `primary key`, `unique`, `→ public.airports (iata)`. */
export function keysOf(relation: SchemaRelation, column: string): string[] {
  return relation.keys
    .filter((key) => key.columns.includes(column))
    .map((key) => {
      if (key.type === "primary") return "primary key";
      if (key.type === "unique") return "unique";
      const { schema, table, columns } = key.references ?? { schema: "?", table: "?", columns: [] };
      return `→ ${schema}.${table} (${columns.join(", ")})`;
    });
}

/** The schemas that are open at first: the only one, or `public`, or all when there are few tables. */
export function openAtFirst(snapshot: Snapshot): string[] {
  const relations = snapshot.schemas.reduce((sum, schema) => sum + schema.relations.length, 0);
  return snapshot.schemas
    .filter(
      (schema) => relations <= 40 || schema.name === "public" || snapshot.schemas.length === 1,
    )
    .map((schema) => `s:${schema.name}`);
}
