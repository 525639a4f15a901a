/** Indexes with the rows that were fetched by them, and their sizes where the account may read InnoDB's estimates. */
import type { IndexStats } from "@quern/contract/agent/relations";
import type { Read } from "../engine/section.ts";
import { counter, type Row } from "../engine/values.ts";
import type { Facts } from "./facts.ts";
import { needing } from "./failure.ts";
import type { Session } from "./session.ts";
import { TURN_ON } from "./statement-rows.ts";
import { codeOf } from "./unreachable.ts";

/** As many as tables are read, four to each. */
const PER_TABLE = 4;

export async function readIndexes(
  session: Session,
  facts: Facts,
  database: string,
  maxTables: number,
): Promise<Read<{ index_stats: IndexStats[] }>> {
  const limit = maxTables * PER_TABLE;
  const rows = await session.query(
    `select s.table_name as name, s.index_name as idx from information_schema.statistics as s
      where s.table_schema = ? and s.seq_in_index = 1 order by s.table_name, s.index_name limit ?`,
    [database, limit + 1],
  );
  const usage = facts.performance_schema
    ? await needing(facts.account, "select on performance_schema.*", () =>
        readUsage(session, database),
      )
    : null;
  const sizes = await readSizes(session, database);
  const index_stats = rows.slice(0, limit).map((row): IndexStats => {
    const key = keyOf(row);
    return {
      schema: database,
      table: row.name ?? "",
      index: indexName(row.name, row.idx),
      // How often an index was used is not counted, only how many rows were fetched by it.
      idx_scan: null,
      idx_tup_read: null,
      idx_tup_fetch: usage === null ? null : counter(usage.get(key) ?? "0"),
      ...(sizes === null ? {} : { size_bytes: counter(sizes.get(key)) }),
    };
  });
  return {
    value: { index_stats },
    rows: index_stats.length,
    truncated: rows.length > limit,
    ...(usage === null ? { note: "no_counters", hint: TURN_ON } : {}),
  };
}

/** `orders.PRIMARY`: the name of an index is its own within a table alone, and elsewhere means the database's. */
export function indexName(
  table: string | null | undefined,
  index: string | null | undefined,
): string {
  return `${table}.${index}`.slice(0, 256);
}

function keyOf({ name, idx }: Row): string {
  return `${name}\n${idx}`;
}

async function readUsage(session: Session, database: string): Promise<Map<string, string>> {
  const rows = await session.query(
    `select u.object_name as name, u.index_name as idx, u.count_fetch as fetched
       from performance_schema.table_io_waits_summary_by_index_usage as u
      where u.object_schema = ? and u.object_type = 'TABLE' and u.index_name is not null`,
    [database],
  );
  return new Map(rows.map((row) => [keyOf(row), row.fetched ?? "0"]));
}

/** In pages of InnoDB, summed over partitions; null where the account may not read them. */
async function readSizes(session: Session, database: string): Promise<Map<string, string> | null> {
  try {
    const rows = await session.query(
      `select substring_index(replace(i.table_name, '#p#', '#P#'), '#P#', 1) as name, i.index_name as idx,
         sum(i.stat_value) * @@innodb_page_size as bytes
         from mysql.innodb_index_stats as i
        where i.database_name = ? and i.stat_name = 'size' group by 1, 2`,
      [database],
    );
    return new Map(rows.map((row) => [keyOf(row), row.bytes ?? "0"]));
  } catch (error) {
    if (!["1142", "1143", "1146"].includes(codeOf(error))) throw error;
    return null;
  }
}
