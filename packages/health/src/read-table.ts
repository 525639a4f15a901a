/** One table: its columns and indexes, the statements that touch it, and its history. */
import type { SchemaTable } from "@quern/contract/agent/schema";
import type { Series } from "@quern/contract/health/ranges";
import type { readTable as route } from "@quern/contract/health/relations";
import type { Database } from "@quern/store/db";
import { sql } from "kysely";
import type { z } from "zod";
import type { Range } from "./read-range.ts";
import { listIndexes, listTables, schemaAt } from "./read-relations.ts";
import { type Line, readThingSeries } from "./read-series.ts";
import { listStatements } from "./read-statements.ts";

type TableDetails = Omit<z.infer<(typeof route.replies)[200]>, "range">;

const perSecond = (column: string) =>
  sql`coalesce(sum(${sql.ref(column)}[place]), 0) / nullif(sum(seconds), 0)`;
const latest = (column: string) =>
  sql`(array_agg(${sql.ref(column)}[place] order by at desc) filter (where ${sql.ref(column)}[place] is not null))[1]`;

const COUNTED = [
  ...["seq_scan", "seq_tup_read", "idx_scan", "n_tup_ins", "n_tup_upd", "n_tup_del"],
  ...["n_tup_hot_upd", "heap_blks_read", "heap_blks_hit"],
];
const LINES: readonly Line[] = [
  ...COUNTED.map((name): Line => ({ name, unit: "per_second", value: perSecond(name) })),
  ...["n_live_tup", "n_dead_tup"].map(
    (name): Line => ({ name, unit: "count", value: latest(name) }),
  ),
  ...["size_bytes", "heap_bytes", "toast_bytes", "index_bytes"].map(
    (name): Line => ({ name, unit: "bytes", value: latest(name) }),
  ),
];
const STATEMENTS = 50;

/** Undefined when the database has no such table, or it was not there at the end of the range. */
export async function readTable(
  db: Database,
  database: { id: string; server_id: string },
  id: number,
  range: Range,
): Promise<TableDetails | undefined> {
  const { items } = await listTables(db, database, range, { id });
  const table = items[0];
  if (table === undefined) return undefined;
  const qualified = `${table.schema}.${table.name}`;
  const indexes = await listIndexes(db, database, range, { table: qualified, limit: 1_000 });
  const found = await listStatements(db, database.id, range, {
    table: qualified,
    limit: STATEMENTS,
  });
  const of = { family: "table", ids: "relation_ids" } as const;
  const history = await readThingSeries(db, of, database.id, id, range, LINES);
  return {
    table,
    columns: await readColumns(db, database.id, table, range.to),
    indexes: indexes.items,
    statements: found.items.map(({ id, query, calls, total_time_ms }) => {
      return { id, query, calls, total_time_ms };
    }),
    history: { ...history, series: history.series.map(carriedOn) },
  };
}

/** A table that has no place in a point did not change since the one before. */
function carriedOn(series: Series): Series {
  if (series.unit === "per_second") return series;
  let last: number | null = null;
  return {
    ...series,
    values: series.values.map((value) => {
      last = value ?? last;
      return last;
    }),
  };
}

async function readColumns(
  db: Database,
  database_id: string,
  { schema, name }: { schema: string; name: string },
  to: Date,
): Promise<TableDetails["columns"]> {
  const { rows } = await sql<{ columns: SchemaTable["columns"] | null }>`
    select each -> 'columns' as columns from jsonb_array_elements(${schemaAt(database_id, to)} -> 'tables') as each
    where each ->> 'schema' = ${schema} and each ->> 'name' = ${name}`.execute(db);
  return (rows[0]?.columns ?? [])
    .toSorted((left, right) => left.position - right.position)
    .map(({ name: column, data_type, nullable, default: value }) => {
      return { name: column, data_type, nullable, default: value };
    });
}
