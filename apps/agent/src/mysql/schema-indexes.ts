import type { SchemaIndex } from "@quern/contract/agent/schema";
import type { z } from "zod";
import { type Row, whole } from "../engine/values.ts";
import { normaliseMysqlExpression } from "./expression.ts";
import { columnsOf, type Facts } from "./facts.ts";
import { indexName } from "./indexes.ts";
import { byPages } from "./pages.ts";
import type { Session } from "./session.ts";

type Index = z.infer<typeof SchemaIndex>;
type Key = NonNullable<Index["keys"]>[number];

/** Of these tables of the database, by table and name; the keys of an index in their order. */
export async function readSchemaIndexes(
  session: Session,
  facts: Facts,
  database: string,
  tables: readonly string[],
): Promise<Index[]> {
  const has = columnsOf(facts, "information_schema.statistics");
  const visible = has.has("is_visible")
    ? "s.is_visible"
    : has.has("ignored")
      ? "case s.ignored when 'YES' then 'NO' else 'YES' end"
      : "'YES'";
  return await byPages(tables, async (marks, page) => {
    const rows = await session.query(
      `select s.table_name as tbl, s.index_name as name, s.non_unique as non_unique, s.seq_in_index as place,
         s.column_name as col, s.sub_part as prefix, s.collation as direction, s.index_type as method,
         ${has.has("expression") ? "s.expression" : "null"} as expr, ${visible} as visible
         from information_schema.statistics as s where s.table_schema = ? and s.table_name in (${marks})
        order by s.table_name, s.index_name, s.seq_in_index`,
      [database, ...page],
    );
    const indexes = new Map<string, Row[]>();
    for (const row of rows) {
      const key = `${row.tbl}\n${row.name}`;
      const of = indexes.get(key) ?? [];
      indexes.set(key, of);
      of.push(row);
    }
    return [...indexes.values()].map((keys) => indexOf(database, keys));
  });
}

function indexOf(database: string, rows: readonly Row[]): Index {
  const keys = rows.slice(0, 32).map(keyOf);
  const [first] = rows;
  return {
    schema: database,
    table: first?.tbl ?? "",
    name: indexName(first?.tbl, first?.name),
    columns: keys.map(({ column, expression }) => column ?? expression?.text ?? ""),
    is_unique: first?.non_unique === "0",
    is_primary: first?.name === "PRIMARY",
    size_bytes: null,
    access_method: (first?.method ?? "").toLowerCase(),
    keys,
    predicate: null,
    // One that the planner is told to pass over is there, and kept up to date.
    is_valid: first?.visible !== "NO",
    is_ready: true,
  };
}

/** Of a prefix its length stands where PostgreSQL has the operator class: it, too, decides what the index can do. */
function keyOf({ col, expr, prefix, direction }: Row): Key {
  const descending = direction === "D";
  return {
    column: col ?? null,
    expression: col === null || col === undefined ? normaliseMysqlExpression(expr ?? "") : null,
    operator_class: whole(prefix) === null ? "" : `prefix ${prefix}`,
    collation: null,
    descending,
    nulls_first: !descending,
  };
}
