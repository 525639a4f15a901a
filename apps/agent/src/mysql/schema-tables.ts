import type { SchemaColumn, SchemaTable } from "@quern/contract/agent/schema";
import { storableText } from "@quern/contract/text";
import type { z } from "zod";
import { counter, measure, type Row, whole } from "../engine/values.ts";
import { normaliseMysqlExpression, typeOf } from "./expression.ts";
import type { Facts } from "./facts.ts";
import { byPages } from "./pages.ts";
import type { SchemaOptions } from "./schema.ts";
import type { Session } from "./session.ts";

type Column = z.infer<typeof SchemaColumn>;

/** Tables and views with their columns, by name; the largest where there are more than the limit. */
export async function readSchemaTables(
  session: Session,
  { type }: Facts,
  database: string,
  { max_tables, comments }: SchemaOptions,
): Promise<{ tables: SchemaTable[]; omitted: number }> {
  const rows = await session.query(
    `select t.table_name as name, t.table_type as type, t.table_rows as estimate,
       coalesce(t.data_length, 0) + coalesce(t.index_length, 0) as bytes,
       ${comments ? "t.table_comment" : "null"} as comment
       from information_schema.tables as t where t.table_schema = ?
        and t.table_type in ('BASE TABLE', 'SYSTEM VERSIONED', 'VIEW')
      order by coalesce(t.data_length, 0) + coalesce(t.index_length, 0) desc, t.table_name limit ?`,
    [database, max_tables],
  );
  const sorted = rows.toSorted((a, b) => ((a.name ?? "") < (b.name ?? "") ? -1 : 1));
  const names = sorted.map(({ name }) => name ?? "");
  const columns = await readColumns(session, type, database, names);
  const tables = sorted.map((row) => tableOf(row, database, columns.get(row.name ?? "") ?? []));
  const found = rows.length < max_tables ? rows.length : await countTables(session, database);
  return { tables, omitted: Math.max(0, found - rows.length) };
}

async function countTables(session: Session, database: string): Promise<number> {
  const [row] = await session.query(
    `select count(*) as found from information_schema.tables as t where t.table_schema = ?
        and t.table_type in ('BASE TABLE', 'SYSTEM VERSIONED', 'VIEW')`,
    [database],
  );
  return whole(row?.found) ?? 0;
}

function tableOf(row: Row, database: string, columns: Column[]): SchemaTable {
  const view = row.type === "VIEW";
  const comment = row.comment || null;
  return {
    schema: database,
    name: row.name ?? "",
    columns: columns.slice(0, 1_700),
    row_count_estimate: view ? null : measure(row.estimate),
    size_bytes: view ? null : counter(row.bytes),
    kind: view ? "v" : "r",
    ...(comment === null || view ? {} : { comment: storableText(comment.slice(0, 2_000)) }),
  };
}

async function readColumns(
  session: Session,
  type: Facts["type"],
  database: string,
  tables: readonly string[],
): Promise<Map<string, Column[]>> {
  const rows = await byPages(tables, async (marks, page) => {
    const found = await session.query(
      `select c.table_name as tbl, c.column_name as name, c.column_type as type, c.is_nullable as nullable,
         c.column_default as def, c.ordinal_position as position, c.extra as extra,
         c.generation_expression as generation
         from information_schema.columns as c where c.table_schema = ? and c.table_name in (${marks})
        order by c.table_name, c.ordinal_position`,
      [database, ...page],
    );
    return found.map((row) => ({ table: row.tbl ?? "", column: columnOf(type, row) }));
  });
  const columns = new Map<string, Column[]>();
  for (const { table, column } of rows) {
    const of = columns.get(table) ?? [];
    columns.set(table, of);
    of.push(column);
  }
  return columns;
}

function columnOf(type: Facts["type"], row: Row): Column {
  const extra = (row.extra ?? "").toLowerCase();
  const generation = row.generation || null;
  const generated = generation === null ? "" : /virtual/.test(extra) ? "v" : "s";
  return {
    name: row.name ?? "",
    data_type: typeOf(row.type ?? ""),
    nullable: row.nullable === "YES",
    default:
      generation === null
        ? defaultOf(type, row.def, extra)
        : normaliseMysqlExpression(generation).text,
    position: whole(row.position) ?? 0,
    identity: extra.includes("auto_increment") ? "d" : "",
    generated,
  };
}

/**
 * Without its literals. MariaDB writes a literal in quotes or as a number and all else is an expression; MySQL writes a
 * literal bare, so that only what it says to be an expression is one.
 */
export function defaultOf(
  type: Facts["type"],
  text: string | null | undefined,
  extra: string,
): string | null {
  if (text === null || text === undefined) return null;
  if (type === "mariadb") return text === "NULL" ? null : normaliseMysqlExpression(text).text;
  if (/^current_timestamp(?:\(\d?\))?$/i.test(text)) return text.toLowerCase();
  return extra.includes("default_generated") ? normaliseMysqlExpression(text).text : "?";
}
