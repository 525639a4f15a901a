/** What a line of the schema tree says: its name, what stands at its right, and the words on hover. */
import type { SchemaRelation } from "@quern/contract/datasources";
import { t } from "../i18n/language.ts";
import { formatBytes } from "../words/bytes.ts";
import { formatEstimate } from "../words/count.ts";
import type { TreeLine } from "./tree.ts";

const RELATION_ICONS: Record<SchemaRelation["kind"], string> = {
  table: "i-lucide-table",
  partitioned_table: "i-lucide-table-properties",
  view: "i-lucide-eye",
  materialized_view: "i-lucide-layers",
  foreign_table: "i-lucide-plug",
};
const RELATION_WORDS: Record<SchemaRelation["kind"], string> = {
  table: t("table"),
  partitioned_table: t("partitioned table"),
  view: t("view"),
  materialized_view: t("materialized view"),
  foreign_table: t("foreign table"),
};
const FOLDERS: Record<
  Extract<TreeLine, { kind: "folder" }>["folder"],
  { name: string; icon: string }
> = {
  functions: { name: t("Functions"), icon: "i-lucide-square-function" },
  sequences: { name: t("Sequences"), icon: "i-lucide-list-ordered" },
  types: { name: t("Types"), icon: "i-lucide-shapes" },
  indexes: { name: t("Indexes"), icon: "i-lucide-zap" },
  foreign_keys: { name: t("Foreign keys"), icon: "i-lucide-link" },
  checks: { name: t("Checks"), icon: "i-lucide-shield-check" },
  triggers: { name: t("Triggers"), icon: "i-lucide-bell-ring" },
  partitions: { name: t("Partitions"), icon: "i-lucide-table-cells-split" },
};

type Icon = { name: string; look: string };
const plain = (name: string): Icon => ({ name, look: "text-muted" });

export function iconOf(line: TreeLine): Icon | null {
  switch (line.kind) {
    case "schema":
      return plain("i-lucide-folder");
    case "relation":
      return plain(RELATION_ICONS[line.relation.kind]);
    case "column": {
      const types = line.keys.map((key) => key.type);
      if (types.includes("primary")) return { name: "i-lucide-key-round", look: "text-warning" };
      if (types.includes("foreign")) return { name: "i-lucide-link", look: "text-info" };
      return types.includes("unique") ? plain("i-lucide-fingerprint-pattern") : null;
    }
    case "folder":
      return plain(FOLDERS[line.folder].icon);
    case "detail":
      return plain(FOLDERS[line.of].icon);
    case "function":
      return plain("i-lucide-square-function");
    case "sequence":
      return plain("i-lucide-list-ordered");
    case "type":
      return plain("i-lucide-shapes");
    case "more":
      return null;
  }
}

export function nameOf(line: TreeLine): string {
  switch (line.kind) {
    case "schema":
      return line.schema;
    case "relation":
      return line.relation.name;
    case "column":
      return line.column.name;
    case "folder":
      return FOLDERS[line.folder].name;
    case "more":
      return t("More is found: write more to narrow it");
    default:
      return line.name;
  }
}

export function commentOf(line: TreeLine): string | null {
  if (line.kind === "relation") return line.relation.comment;
  if (line.kind === "column") return line.column.comment;
  // Every database says this of its `public`.
  if (line.kind === "schema" && line.comment === "standard public schema") return null;
  return "comment" in line ? line.comment : null;
}

export function sideOf(line: TreeLine): string {
  switch (line.kind) {
    case "schema":
      return line.empty ? t("empty") : String(line.count);
    case "folder":
      return String(line.count);
    case "relation":
      return line.relation.row_estimate === null ? "" : formatEstimate(line.relation.row_estimate);
    case "column":
      return shortType(line.column.source_type);
    case "function":
      return line.signature;
    case "sequence":
    case "type":
      return line.words;
    case "detail":
      return line.warning ?? "";
    case "more":
      return "";
  }
}

const SHORT: [RegExp, string][] = [
  [/^timestamp(\(\d\))? with time zone/, "timestamptz$1"],
  [/^timestamp(\(\d\))? without time zone/, "timestamp$1"],
  [/^time(\(\d\))? without time zone/, "time$1"],
  [/^character varying/, "varchar"],
  [/^double precision/, "float8"],
];

/** The other name that PostgreSQL has for a type, where its own is too long for a narrow tree; the hover has that. */
function shortType(type: string): string {
  const short = SHORT.find(([long]) => long.test(type));
  return short === undefined ? type : type.replace(...short);
}

const lines = (...parts: (string | null | undefined)[]) => parts.filter((part) => part).join("\n");

/** All that is known of a line, on hover. */
export function hoverWords(line: TreeLine): string {
  switch (line.kind) {
    case "relation":
      return relationWords(line.schema, line.relation);
    case "column": {
      const { column, keys } = line;
      return lines(
        `${column.name} ${column.source_type}${column.not_null ? " not null" : ""}`,
        ...keys.map((key) => key.words),
        column.default && t("default {value}", { value: column.default }),
        column.generated && t("generated as {value}", { value: column.generated }),
        column.identity && t("numbered by the database"),
        column.comment,
      );
    }
    case "function":
      return lines(line.name + line.signature, line.language, line.comment);
    case "sequence":
      return lines(line.name, line.words, line.comment);
    case "type":
      return lines(line.name, line.words, line.labels.join(", "), line.comment);
    case "detail":
      return lines(line.name, line.definition, line.warning);
    default:
      return commentOf(line) ?? "";
  }
}

function relationWords(schema: string, relation: SchemaRelation): string {
  const estimate = relation.row_estimate;
  return lines(
    `${schema}.${relation.name} (${RELATION_WORDS[relation.kind]})`,
    relation.comment,
    relation.partition_of?.bound,
    relation.kind === "view" || relation.kind === "foreign_table"
      ? null
      : estimate === null
        ? t("never analysed")
        : t("about {n} row | about {n} rows", { n: Math.round(estimate) }),
    relation.bytes === null ? null : formatBytes(relation.bytes),
  );
}
