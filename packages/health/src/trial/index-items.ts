import type { SchemaConstraint, SchemaIndex } from "@quern/contract/agent/schema";
import type { TrialGap } from "@quern/contract/health/trials";
import { qualified, quoted } from "../advisors/names.ts";
import { type Ddl, gap, hasLiterals, type Item, item } from "./ddl.ts";

/** Indexes that no constraint makes. Those of partitions come with their parent's. */
export function indexItems(
  indexes: readonly SchemaIndex[],
  constraints: readonly SchemaConstraint[],
): Ddl {
  const keys = new Set(
    constraints
      .filter(({ type, definition }) => (type === "p" || type === "u") && definition !== null)
      .map(({ schema, table, name }) => `${qualified({ schema, name: table })}.${name}`),
  );
  const items: Item[] = [];
  const gaps: TrialGap[] = [];
  for (const index of indexes) {
    const on = qualified({ schema: index.schema, name: index.table });
    if (index.parent != null || keys.has(`${on}.${index.constraint ?? ""}`)) continue;
    const object = qualified(index);
    const sql = indexSql(index);
    if (index.is_valid === false) gaps.push(gap("index", object, "refused", { detail: "invalid" }));
    else if (sql === null) gaps.push(gap("index", object, "literals"));
    else items.push(item("index", object, sql));
  }
  return { items, gaps };
}

/** `create index …`; null where a literal of an expression or of the predicate is missing. */
export function indexSql(index: SchemaIndex): string | null {
  const { keys = index.columns.map(plainKey), include = [], predicate } = index;
  const texts = [...keys.map(({ expression }) => expression?.text ?? ""), predicate?.text ?? ""];
  if (texts.some(hasLiterals)) return null;
  const parts = keys.map((key) => {
    const what = key.column === null ? `(${key.expression?.text ?? ""})` : quoted(key.column);
    const collate =
      key.collation === null || key.collation === "default"
        ? ""
        : ` collate ${quoted(key.collation)}`;
    const kind = key.operator_class === "" ? "" : ` ${quoted(key.operator_class)}`;
    const ordered = (index.access_method ?? "btree") === "btree";
    const order = `${key.descending ? " desc" : ""} nulls ${key.nulls_first ? "first" : "last"}`;
    return `${what}${collate}${kind}${ordered ? order : ""}`;
  });
  return [
    `create ${index.is_unique ? "unique " : ""}index ${quoted(index.name)}`,
    `on ${qualified({ schema: index.schema, name: index.table })}`,
    `using ${quoted(index.access_method ?? "btree")} (${parts.join(", ")})`,
    ...(include.length > 0 ? [`include (${include.map(quoted).join(", ")})`] : []),
    ...(index.nulls_not_distinct ? ["nulls not distinct"] : []),
    ...(index.fillfactor ? [`with (fillfactor = ${index.fillfactor})`] : []),
    ...(predicate ? [`where ${predicate.text}`] : []),
  ].join(" ");
}

function plainKey(column: string) {
  return {
    ...{ column, expression: null, operator_class: "", collation: null },
    ...{ descending: false, nulls_first: false },
  };
}
