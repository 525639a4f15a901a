import type { SchemaTable } from "@quern/contract/agent/schema";
import type { TrialGap } from "@quern/contract/health/trials";
import { qualified } from "../advisors/names.ts";
import { gap, hasLiterals, several, type TableItem } from "./ddl.ts";

/**
 * Tables, parents before their partitions. Bounds of partitions are literals, which agents do not send: partitions are
 * made by hash instead. A plan without values cannot tell partitions apart by their bounds either, so it costs the same.
 */
export function tableItems(tables: readonly SchemaTable[]): {
  items: TableItem[];
  gaps: TrialGap[];
} {
  const byName = new Map(tables.map((table) => [nameOf(table), table]));
  const children = new Map<string, string[]>();
  for (const table of tables) {
    const parent = table.parent ?? null;
    if (parent !== null && byName.has(parent))
      children.set(parent, [...(children.get(parent) ?? []), nameOf(table)]);
  }
  const types = new Set(tables.map(qualified));
  const gaps: TrialGap[] = [];
  const items = tables
    .map((table) => ({ table, depth: depthOf(table, byName) }))
    .sort((one, other) => one.depth - other.depth)
    .map(({ table }): TableItem => {
      const siblings = children.get(table.parent ?? "") ?? [];
      const object = qualified(table);
      const rows = table.columns.filter(({ data_type }) =>
        types.has(data_type.replace(/(\[\])+$/, "")),
      );
      for (const { name } of rows)
        gaps.push(
          gap("column", `${object}.${name}`, "type_unknown", { how: "replaced", detail: "text" }),
        );
      return {
        ...{ kind: "table", object, unlogged: table.persistence === "u" },
        columns: table.columns.map((column) => columnOf(column, rows.includes(column))),
        parent: siblings.length > 0 ? parentOf(table, byName) : null,
        ...{ modulus: siblings.length, remainder: siblings.indexOf(nameOf(table)) },
        partition_by: table.kind === "p" ? hashKey(table.partition_key ?? "") : null,
      };
    });
  const partitions = items.filter(({ parent }) => parent !== null).length;
  gaps.push(...several("partition", partitions, "bounds_unknown", { how: "replaced" }));
  const views = tables.filter(({ kind }) => kind === "m");
  for (const view of views)
    gaps.push(gap("view", qualified(view), "not_sent", { how: "replaced", detail: "table" }));
  return { items, gaps };
}

/** As an agent names the parent of a partition. */
const nameOf = ({ schema, name }: SchemaTable) => `${schema}.${name}`;

function parentOf(
  { parent }: SchemaTable,
  byName: ReadonlyMap<string, SchemaTable>,
): string | null {
  const found = byName.get(parent ?? "");
  return found === undefined ? null : qualified(found);
}

function depthOf(table: SchemaTable, byName: ReadonlyMap<string, SchemaTable>): number {
  let depth = 0;
  for (let at = byName.get(table.parent ?? ""); at !== undefined && depth < 20; depth += 1)
    at = byName.get(at.parent ?? "");
  return depth;
}

function columnOf(
  {
    name,
    data_type,
    nullable,
    identity = "",
    generated = "",
    default: text,
  }: SchemaTable["columns"][number],
  isRow: boolean,
): TableItem["columns"][number] {
  const expression = generated !== "" && text !== null && !hasLiterals(text) ? text : null;
  return {
    ...{ name, type: isRow ? "text" : data_type, not_null: !nullable, identity },
    ...{ generated: expression, kept: generated === "v" ? "virtual" : "stored" },
  };
}

/** `RANGE (a, b)` of pg_get_partkeydef as the columns that it is about. */
function hashKey(key: string): string | null {
  const [, columns] = /^(?:range|list|hash) \((.*)\)$/is.exec(key) ?? [];
  return columns === undefined || hasLiterals(columns) ? null : columns;
}
