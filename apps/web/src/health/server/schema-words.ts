/** What differs between two schemas in words, and two texts side by side. */
import type { SchemaChange } from "@quern/contract/health/server";
import type { DiffLine } from "../../diff/lines.ts";
import { t } from "../../i18n/language.ts";

/** Changes of one table, or of one thing that belongs to none. */
export type ChangeGroup = {
  /** `schema.table`; null for what belongs to no table. */
  table: string | null;
  /** The table itself came, went, or is still there. */
  state: "added" | "removed" | "changed";
  changes: SchemaChange[];
};

const OF_TABLE = new Set(["table", "column", "index", "constraint", "trigger"]);

/** By table in order of names; last what belongs to none. */
export function changeGroups(changes: readonly SchemaChange[]): ChangeGroup[] {
  const groups = new Map<string, ChangeGroup>();
  const others: SchemaChange[] = [];
  for (const change of changes) {
    const table = tableOf(change);
    if (table === null) {
      others.push(change);
      continue;
    }
    const group = groups.get(table) ?? { table, state: "changed" as const, changes: [] };
    groups.set(table, group);
    group.changes.push(change);
    if (change.type === "table" && change.change !== "changed") group.state = change.change;
  }
  const sorted = [...groups.values()].sort((left, right) => (left.table! < right.table! ? -1 : 1));
  return others.length === 0
    ? sorted
    : [...sorted, { table: null, state: "changed", changes: others }];
}

function tableOf({ type, object, before, after }: SchemaChange): string | null {
  if (!OF_TABLE.has(type)) return null;
  if (type === "table") return object;
  const { schema, table } = asThing(after ?? before);
  return `${schema}.${table}`;
}

type Thing = Record<string, unknown>;
const asThing = (value: unknown): Thing =>
  typeof value === "object" && value !== null ? (value as Thing) : {};

export function typeWords(type: SchemaChange["type"]): string {
  switch (type) {
    case "table":
      return t("Table");
    case "column":
      return t("Column");
    case "index":
      return t("Index");
    case "constraint":
      return t("Constraint");
    case "extension":
      return t("Extension");
    case "routine":
      return t("Function");
    case "trigger":
      return t("Trigger");
    case "publication":
      return t("Publication");
    case "schema":
      return t("Schema");
  }
}

/** The name of a thing alone: of a column without its table. */
export function ownName({ type, object, before, after }: SchemaChange): string {
  const { name } = asThing(after ?? before);
  return type !== "table" && type !== "routine" && typeof name === "string" ? name : object;
}

/** What a thing that came or went is, where that can be said in short. */
export function thingWords({ type, before, after }: SchemaChange): string | null {
  const thing = asThing(after ?? before);
  if (type === "column") return typeof thing.data_type === "string" ? thing.data_type : null;
  if (type === "table" && Array.isArray(thing.columns))
    return thing.columns.map((column: unknown) => String(asThing(column).name)).join(", ");
  if (type === "extension") return typeof thing.version === "string" ? thing.version : null;
  if (type === "index" || type === "constraint") {
    if (typeof thing.definition === "string") return thing.definition;
    return Array.isArray(thing.key_columns) ? `(${thing.key_columns.join(", ")})` : null;
  }
  return null;
}

type FieldChange = { name: string; before: string; after: string };

/** What of it is another, each with what it was and is. */
export function fieldChanges({ fields, before, after }: SchemaChange): FieldChange[] {
  const [old, now] = [asThing(before), asThing(after)];
  // The text of an index says all that its parts say.
  const shown = fields.includes("definition")
    ? fields.filter((field) => !PARTS_OF_DEFINITION.has(field))
    : fields;
  return shown.map((field) => ({
    name: fieldWords(field),
    before: valueWords(old[field]),
    after: valueWords(now[field]),
  }));
}

const PARTS_OF_DEFINITION = new Set(["keys", "key_columns", "include", "predicate", "columns"]);

const FIELDS: Record<string, string> = {
  data_type: t("type"),
  nullable: t("may be null"),
  default: t("default"),
  identity: t("identity"),
  generated: t("generated"),
  definition: t("definition"),
  is_unique: t("unique"),
  is_primary: t("primary key"),
  is_valid: t("valid"),
  is_ready: t("ready"),
  key_columns: t("columns"),
  validated: t("validated"),
  references: t("references"),
  version: t("version"),
  default_version: t("version that could be installed"),
  persistence: t("persistence"),
  kind: t("kind"),
  parent: t("partition of"),
  partition_key: t("partition key"),
  replica_identity: t("replica identity"),
  row_security: t("row level security"),
  comment: t("comment"),
  enabled: t("enabled"),
  security_definer: t("runs as its owner"),
  sets_search_path: t("sets search_path"),
  public_may_execute: t("anybody may execute it"),
  public_may_create: t("anybody may create in it"),
  hash: t("body"),
  tables: t("tables"),
  all_tables: t("all tables"),
};
const fieldWords = (field: string): string => FIELDS[field] ?? field;

function valueWords(value: unknown): string {
  if (value === null || value === undefined || value === "") return t("none");
  if (value === true) return t("yes");
  if (value === false) return t("no");
  if (typeof value === "string" || typeof value === "number") return String(value);
  if (Array.isArray(value) && value.every((each) => typeof each === "string"))
    return value.join(", ");
  return JSON.stringify(value);
}

type ChangeCounts = { added: number; removed: number; changed: number };

export function countChanges(changes: readonly SchemaChange[]): ChangeCounts {
  const of = (change: SchemaChange["change"]) =>
    changes.filter((each) => each.change === change).length;
  return { added: of("added"), removed: of("removed"), changed: of("changed") };
}

type PairedLine = { left: DiffLine | null; right: DiffLine | null };

/** Lines beside each other: what was removed stands beside what took its place. */
export function pairLines(lines: readonly DiffLine[]): PairedLine[] {
  const pairs: PairedLine[] = [];
  let removed: DiffLine[] = [];
  let added: DiffLine[] = [];
  const flush = () => {
    for (let place = 0; place < Math.max(removed.length, added.length); place += 1)
      pairs.push({ left: removed[place] ?? null, right: added[place] ?? null });
    removed = [];
    added = [];
  };
  for (const line of lines) {
    if (line.change === "removed") removed.push(line);
    else if (line.change === "added") added.push(line);
    else {
      flush();
      pairs.push({ left: line, right: line });
    }
  }
  flush();
  return pairs;
}
