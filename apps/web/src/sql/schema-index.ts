/** A datasource's schema, arranged once for completion and hover: 10,000 columns are then looked up in no time. */
import type { SchemaRelation, SchemaSnapshot } from "@quern/contract/datasources";
import { FUNCTIONS } from "./keywords.ts";

export type SchemaColumn = SchemaRelation["columns"][number];
export type Known = { schema: string; relation: SchemaRelation };
/** One way to call a function. `of` is its schema, null for PostgreSQL's own. */
export type Signature = { name: string; arguments: string; result: string; of: string | null };

export type SchemaIndex = {
  snapshot: SchemaSnapshot | null;
  schemas: ReadonlySet<string>;
  relations: readonly Known[];
  /** By name, those of `public` first. */
  named: ReadonlyMap<string, readonly Known[]>;
  functions: ReadonlyMap<string, readonly Signature[]>;
  /** Relations that refer to the one by a foreign key, by `schema.name`. */
  referring: ReadonlyMap<string, readonly Known[]>;
};

const BUILT_IN = FUNCTIONS.map(([name, detail]): Signature => {
  const end = detail.lastIndexOf(" → ");
  const close = detail.lastIndexOf(")", end);
  const list = detail.slice(1, close);
  const rest = detail.slice(close + 1, end);
  return { name, arguments: list + rest, result: detail.slice(end + 3), of: null };
});

export const keyOf = (schema: string, name: string): string => JSON.stringify([schema, name]);

export function indexSchema(snapshot: SchemaSnapshot | null): SchemaIndex {
  const schemas = [...(snapshot?.schemas ?? [])].sort(
    (a, b) => Number(b.name === "public") - Number(a.name === "public"),
  );
  const relations: Known[] = schemas.flatMap((schema) =>
    schema.relations.map((relation) => ({ schema: schema.name, relation })),
  );
  const named = new Map<string, Known[]>();
  const referring = new Map<string, Known[]>();
  for (const known of relations) {
    add(named, known.relation.name, known);
    for (const { references } of known.relation.keys)
      if (references) add(referring, keyOf(references.schema, references.table), known);
  }
  const functions = new Map<string, Signature[]>();
  for (const each of BUILT_IN) add(functions, each.name, each);
  for (const schema of schemas)
    for (const each of schema.functions)
      add(functions, each.name, {
        name: each.name,
        arguments: each.arguments,
        result: each.result,
        of: schema.name,
      });
  const names = new Set(schemas.map(({ name }) => name));
  return { snapshot, schemas: names, relations, named, functions, referring };
}

/** A name without a schema means `public` first, then whatever schema has it. */
export function findRelation(
  index: SchemaIndex,
  schema: string | null,
  name: string,
): Known | undefined {
  const known = index.named.get(name);
  return schema === null ? known?.[0] : known?.find((each) => each.schema === schema);
}

function add<T>(map: Map<string, T[]>, key: string, value: T): void {
  const known = map.get(key);
  if (known) known.push(value);
  else map.set(key, [value]);
}
