/** Everything in a schema as the lines of one list. */
import type { SchemaSnapshot } from "@quern/contract/agent/schema";
import { t } from "../../i18n/language.ts";

type Table = SchemaSnapshot["tables"][number];

export type SchemaLine =
  | { type: "schema"; id: string; name: string; count: number; open: boolean }
  | { type: "table"; id: string; table: Table }
  | { type: "group"; id: string; name: string; count: number; open: boolean }
  | { type: "object"; id: string; name: string; detail: string };

type SchemaIndex = { schemas: { name: string; tables: { table: Table; text: string }[] }[] };

/** Tables by schema with what is searched in them. Made once for a snapshot. */
export function schemaIndex(snapshot: SchemaSnapshot): SchemaIndex {
  const schemas = new Map<string, { table: Table; text: string }[]>();
  for (const table of snapshot.tables) {
    const text =
      `${table.schema}.${table.name} ${table.columns.map(({ name }) => name).join(" ")}`.toLowerCase();
    const known = schemas.get(table.schema);
    if (known === undefined) schemas.set(table.schema, [{ table, text }]);
    else known.push({ table, text });
  }
  return {
    schemas: [...schemas]
      .map(([name, tables]) => ({
        name,
        tables: tables.sort((left, right) => compareNames(left.table.name, right.table.name)),
      }))
      .sort((left, right) => compareNames(left.name, right.name)),
  };
}

const compareNames = (left: string, right: string): number =>
  left < right ? -1 : left > right ? 1 : 0;

/** The other things of a schema, each group with its name. */
export function otherObjects(
  snapshot: SchemaSnapshot,
): { id: string; name: string; objects: { name: string; detail: string }[] }[] {
  const groups = [
    {
      ...{ id: "extensions", name: t("Extensions") },
      objects: (snapshot.extensions ?? []).map(({ name, version, default_version }) => ({
        name,
        detail:
          default_version !== null && default_version !== version
            ? t("{version}, {newer} is there", { version, newer: default_version })
            : version,
      })),
    },
    {
      ...{ id: "routines", name: t("Functions and procedures") },
      objects: (snapshot.routines ?? []).map((routine) => ({
        name: `${routine.schema}.${routine.name}(${routine.arguments})`,
        detail: routine.language,
      })),
    },
    {
      ...{ id: "publications", name: t("Publications") },
      objects: (snapshot.publications ?? []).map(({ name, all_tables, tables }) => ({
        name,
        detail: all_tables ? t("all tables") : t("{n} table | {n} tables", { n: tables.length }),
      })),
    },
  ];
  return groups.filter(({ objects }) => objects.length > 0);
}

/** Lines of the list: what is closed leaves its own out; a search opens what it finds, in names of tables and columns. */
export function schemaLines(
  index: SchemaIndex,
  others: ReturnType<typeof otherObjects>,
  closed: ReadonlySet<string>,
  search: string,
): SchemaLine[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = (text: string) => words.every((word) => text.includes(word));
  const searched = words.length > 0;
  const lines: SchemaLine[] = [];
  for (const { name, tables } of index.schemas) {
    const fitting = searched ? tables.filter(({ text }) => found(text)) : tables;
    if (fitting.length === 0) continue;
    const open = searched || !closed.has(`s ${name}`);
    lines.push({ type: "schema", id: `s ${name}`, name, count: fitting.length, open });
    if (open)
      for (const { table } of fitting)
        lines.push({ type: "table", id: `${table.schema}.${table.name}`, table });
  }
  for (const { id, name, objects } of others) {
    const fitting = searched ? objects.filter((each) => found(each.name.toLowerCase())) : objects;
    if (fitting.length === 0) continue;
    // They are not what one comes for: open on demand.
    const open = searched || closed.has(`o ${id}`);
    lines.push({ type: "group", id: `o ${id}`, name, count: fitting.length, open });
    if (open)
      for (const each of fitting) lines.push({ type: "object", id: `${id} ${each.name}`, ...each });
  }
  return lines;
}
