/** One table: its columns and indexes, the statements that touch it, and its history. */
import type { SchemaTable } from "@quern/contract/agent/schema";
import type { Series } from "@quern/contract/health/ranges";
import type { readTable as route } from "@quern/contract/health/relations";
import type { Database } from "@quern/store/db";
import { sql } from "kysely";
import type { z } from "zod";
import { listIndexes } from "./read-indexes.ts";
import type { Range } from "./read-range.ts";
import { listTables, schemaAt } from "./read-relations.ts";
import { listStatements } from "./read-statements.ts";
import { type Line, latest, perSecond, readThingSeries, summed } from "./read-thing-series.ts";

type TableDetails = Omit<z.infer<(typeof route.replies)[200]>, "range" | "state">;

const COUNTED = [
  ...["seq_scan", "seq_tup_read", "idx_scan", "n_tup_ins", "n_tup_upd", "n_tup_del"],
  ...["n_tup_hot_upd", "heap_blks_read", "heap_blks_hit"],
];
const GAUGES = [
  ...["n_live_tup", "n_dead_tup", "size_bytes", "heap_bytes", "toast_bytes", "index_bytes"],
];
const LINES: readonly Line[] = [
  ...COUNTED.map((name) => perSecond(name, "per_second")),
  ...["vacuums", "analyzes"].map((name) => summed(name, "count")),
  ...GAUGES.map((name) => latest(name, name.endsWith("_bytes") ? "bytes" : "count")),
];
const STATEMENTS = 50;

/** Undefined when the database has no such table, or it was not there at the end of the range. */
export async function readTable(
  db: Database,
  database: { id: string; server_id: string; interval_s: number | null },
  id: number,
  range: Range,
  compare: boolean = false,
): Promise<TableDetails | undefined> {
  const { items } = await listTables(db, database, range, { id });
  const table = items[0];
  if (table === undefined) return undefined;
  const qualified = `${table.schema}.${table.name}`;
  const indexes = await listIndexes(db, database, range, { table: qualified, limit: 1_000 });
  const found = await listStatements(db, database.id, range, {
    table: qualified,
    limit: STATEMENTS,
    with_week: false,
  });
  const thing = { family: "table", ids: "relation_ids", database, id } as const;
  const history = await readThingSeries(db, thing, range, LINES, compare);
  return {
    table,
    columns: await readColumns(db, database.id, table, range.to),
    indexes: indexes.items,
    statements: found.items.map(
      ({ id, query, kind, user_name, calls, total_time_ms, mean_time_ms, share }) => {
        return { id, query, kind, user_name, calls, total_time_ms, mean_time_ms, share };
      },
    ),
    history: { ...history, series: history.series.map(carriedOn) },
  };
}

/** A table that has no place in a point did not change since the one before. */
function carriedOn(series: Series): Series {
  if (!GAUGES.includes(series.name.replace(/:week$/, ""))) return series;
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
