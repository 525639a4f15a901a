import type { SchemaRelation, SchemaSnapshot } from "@quern/contract/datasources";
import { t } from "../i18n/language.ts";
import { type Finding, findIn, MOST_FOUND } from "./search.ts";

type Schema = SchemaSnapshot["schemas"][number];
type SchemaColumn = SchemaRelation["columns"][number];
type Folder =
  | "functions"
  | "sequences"
  | "types"
  | "indexes"
  | "foreign_keys"
  | "checks"
  | "triggers"
  | "partitions";

/** A line of the schema tree. `id` is stable: it is what "open" is remembered by. `open` is null where nothing unfolds. */
export type TreeLine = { id: string; level: number; open: boolean | null; schema: string } & (
  | { kind: "schema"; comment: string | null; count: number; empty: boolean }
  | { kind: "relation"; relation: SchemaRelation }
  | { kind: "column"; relation: SchemaRelation; column: SchemaColumn; keys: ColumnKey[] }
  | { kind: "folder"; folder: Folder; count: number }
  | { kind: "function"; name: string; signature: string; language: string; comment: string | null }
  | { kind: "sequence"; name: string; words: string; comment: string | null }
  | { kind: "type"; name: string; words: string; labels: string[]; comment: string | null }
  /** An index, a key, a check, a trigger or a label of an enum. */
  | { kind: "detail"; of: Folder; name: string; definition: string; warning: string | null }
  /** The search finds more than is shown. */
  | { kind: "more" }
);

type Build = { lines: TreeLine[]; open: ReadonlySet<string>; found: Finding | null };

/** Which lines the tree shows: those of open parents; while somebody searches, what is found and its parents. */
export function treeLines(
  snapshot: SchemaSnapshot,
  open: ReadonlySet<string>,
  search: string,
): TreeLine[] {
  const build: Build = { lines: [], open, found: findIn(snapshot, search) };
  // Schemas with nothing in them, such as a `public` that nobody uses, come last.
  const schemas = [
    ...snapshot.schemas.filter((schema) => !isEmpty(schema)),
    ...snapshot.schemas.filter(isEmpty),
  ];
  for (const schema of schemas) addSchema(build, schema);
  if (!isFull(build)) return build.lines;
  const more: TreeLine = { id: "more", level: 1, open: null, schema: "", kind: "more" };
  return [...build.lines.slice(0, MOST_FOUND), more];
}

const isFull = ({ found, lines }: Build) => found !== null && lines.length > MOST_FOUND;

function isEmpty({ relations, functions, sequences = [], types = [] }: Schema): boolean {
  return relations.length + functions.length + sequences.length + types.length === 0;
}

function addSchema(build: Build, schema: Schema): void {
  const { found, lines, open } = build;
  if (found !== null && !found.schemas.has(schema)) return;
  const empty = isEmpty(schema);
  const unfolded = found !== null || open.has(`s:${schema.name}`);
  lines.push({
    ...{ id: `s:${schema.name}`, level: 1, schema: schema.name, kind: "schema" },
    open: empty ? null : unfolded,
    comment: schema.comment,
    count: schema.relations.length,
    empty,
  });
  if (!unfolded || empty) return;
  const partitions = partitionsOf(schema);
  for (const relation of schema.relations) {
    if (isFull(build)) return;
    // A partition stands under its table, if the role sees that.
    if (relation.partition_of === undefined || !partitions.nested.has(relation))
      addRelation(build, schema.name, relation, 2, partitions.children);
  }
  addFolder(build, schema.name, "functions", schema.functions, (each) => ({
    kind: "function",
    name: each.name,
    signature: `(${each.arguments})${each.result === "" ? "" : ` → ${each.result}`}`,
    language: each.language ?? "",
    comment: each.comment ?? null,
  }));
  addFolder(build, schema.name, "sequences", schema.sequences ?? [], (each) => ({
    kind: "sequence",
    name: each.name,
    words: each.owned_by ? `${each.owned_by.table}.${each.owned_by.column}` : each.source_type,
    comment: each.comment,
  }));
  addFolder(build, schema.name, "types", schema.types ?? [], (each) => ({
    kind: "type",
    name: each.name,
    words: each.kind === "enum" ? "enum" : `${each.kind} ${each.definition ?? ""}`,
    labels: each.labels ?? [],
    comment: each.comment,
  }));
}

type Partitions = { children: Map<string, SchemaRelation[]>; nested: Set<SchemaRelation> };

/** The partitions of a schema's tables that are in the same schema. */
function partitionsOf(schema: Schema): Partitions {
  const names = new Set(schema.relations.map((each) => each.name));
  const children = new Map<string, SchemaRelation[]>();
  const nested = new Set<SchemaRelation>();
  for (const relation of schema.relations) {
    const parent = relation.partition_of;
    if (parent?.schema !== schema.name || !names.has(parent.table)) continue;
    nested.add(relation);
    const known = children.get(parent.table);
    if (known) known.push(relation);
    else children.set(parent.table, [relation]);
  }
  return { children, nested };
}

function addRelation(
  build: Build,
  schema: string,
  relation: SchemaRelation,
  level: number,
  partitions: Partitions["children"],
): void {
  const { found, lines, open } = build;
  const id = `r:${schema}.${relation.name}`;
  const own = partitions.get(relation.name) ?? [];
  const hits = found?.relations.get(relation);
  const below = found === null ? [] : own.filter((each) => found.relations.has(each));
  if (found !== null && hits === undefined && below.length === 0) return;
  const columns = hits?.columns ?? [];
  const unfolded = open.has(id) || columns.length > 0 || below.length > 0;
  lines.push({ id, level, open: unfolded, schema, kind: "relation", relation });
  if (!unfolded) return;
  const shown = open.has(id) && hits?.named !== false ? relation.columns : columns;
  for (const column of shown) {
    const keys = keysOf(relation, column.name);
    lines.push({
      ...{ id: `${id}.${column.name}`, level: level + 1, open: null, schema, kind: "column" },
      ...{ relation, column, keys },
    });
  }
  if (below.length > 0)
    for (const each of below) addRelation(build, schema, each, level + 1, partitions);
  if (open.has(id) && found === null)
    addDetails(build, schema, relation, level + 1, own, partitions);
}

function addDetails(
  build: Build,
  schema: string,
  relation: SchemaRelation,
  level: number,
  own: SchemaRelation[],
  partitions: Partitions["children"],
): void {
  const base = `r:${schema}.${relation.name}`;
  const group = (folder: Folder, entries: Detail[]): void => {
    if (entries.length === 0) return;
    const id = `${base}/${folder}`;
    const unfolded = build.open.has(id);
    build.lines.push({
      id,
      level,
      open: unfolded,
      schema,
      kind: "folder",
      folder,
      count: entries.length,
    });
    if (!unfolded) return;
    for (const each of entries)
      build.lines.push({
        id: `${id}/${each.name}`,
        level: level + 1,
        open: null,
        schema,
        kind: "detail",
        of: folder,
        ...each,
      });
  };
  group("indexes", relation.indexes.map(indexDetail));
  group("foreign_keys", relation.keys.filter((key) => key.type === "foreign").map(keyDetail));
  group(
    "checks",
    (relation.checks ?? []).map((check) => ({ ...check, warning: null })),
  );
  group(
    "triggers",
    (relation.triggers ?? []).map(({ name, definition, enabled }) => ({
      name,
      definition,
      warning: enabled ? null : t("disabled"),
    })),
  );
  if (own.length === 0) return;
  const id = `${base}/partitions`;
  const unfolded = build.open.has(id);
  build.lines.push({
    id,
    level,
    open: unfolded,
    schema,
    kind: "folder",
    folder: "partitions",
    count: own.length,
  });
  if (unfolded) for (const each of own) addRelation(build, schema, each, level + 1, partitions);
}

type Detail = { name: string; definition: string; warning: string | null };

const indexDetail = ({ name, definition, valid }: SchemaRelation["indexes"][number]): Detail => ({
  name,
  definition,
  warning: valid === false ? t("not valid: its build failed") : null,
});

function keyDetail({ name, columns, references }: SchemaRelation["keys"][number]): Detail {
  const target =
    references === null
      ? "?"
      : `${references.schema}.${references.table} (${references.columns.join(", ")})`;
  return { name, definition: `(${columns.join(", ")}) → ${target}`, warning: null };
}

/** Functions, sequences or types of a schema, in a folder that is closed at first. */
function addFolder<T extends { name: string; arguments?: string }>(
  build: Build,
  schema: string,
  folder: "functions" | "sequences" | "types",
  entries: T[],
  line: (entry: T) => FolderEntry,
): void {
  const { found, open, lines } = build;
  const shown = found === null ? entries : entries.filter((each) => found.others.has(each));
  if (shown.length === 0) return;
  const id = folder === "functions" ? `f:${schema}` : `${folder}:${schema}`;
  const unfolded = found !== null || open.has(id);
  lines.push({ id, level: 2, open: unfolded, schema, kind: "folder", folder, count: shown.length });
  if (!unfolded) return;
  for (const each of shown) {
    const key = each.arguments === undefined ? each.name : `${each.name}(${each.arguments})`;
    lines.push({ id: `${id}:${key}`, level: 3, open: null, schema, ...line(each) });
  }
}
type FolderEntry = TreeLine extends infer L
  ? L extends { kind: "function" | "sequence" | "type" }
    ? Omit<L, "id" | "level" | "open" | "schema">
    : never
  : never;

/** What a column is a key of, with the words for it: `primary key`, `unique`, `→ public.airports (iata)`. */
type ColumnKey = {
  type: SchemaRelation["keys"][number]["type"];
  words: string;
  references: SchemaRelation["keys"][number]["references"];
};

export function keysOf(relation: SchemaRelation, column: string): ColumnKey[] {
  return relation.keys
    .filter((key) => key.columns.includes(column))
    .map(({ type, references }) => {
      if (type === "primary") return { type, references, words: t("primary key") };
      if (type === "unique") return { type, references, words: t("unique") };
      const { schema, table, columns } = references ?? { schema: "?", table: "?", columns: [] };
      return { type, references, words: `→ ${schema}.${table} (${columns.join(", ")})` };
    });
}

/** The schemas that are open at first: the only one, or `public`, or all when there are few tables. */
export function openAtFirst(snapshot: SchemaSnapshot): string[] {
  const relations = snapshot.schemas.reduce((sum, schema) => sum + schema.relations.length, 0);
  return snapshot.schemas
    .filter(
      (schema) => relations <= 40 || schema.name === "public" || snapshot.schemas.length === 1,
    )
    .map((schema) => `s:${schema.name}`);
}
