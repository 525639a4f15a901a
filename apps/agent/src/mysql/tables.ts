/** Sizes of tables as the storage engine estimates them, and what was read and written in them. */
import type { TableStats } from "@quern/contract/agent/relations";
import type { Counter } from "@quern/contract/agent/values";
import type { Read } from "../engine/section.ts";
import { counter, measure, type Row } from "../engine/values.ts";
import type { Facts } from "./facts.ts";
import { needing } from "./failure.ts";
import type { Session } from "./session.ts";
import { TURN_ON } from "./statement-rows.ts";

/** Counters of rows by the name of a table. */
type Usage = {
  inserted: Counter;
  updated: Counter;
  deleted: Counter;
  by_index: bigint;
  without: bigint;
};

/** At most `limit` of them, the largest first. */
export async function readTables(
  session: Session,
  facts: Facts,
  database: string,
  limit: number,
): Promise<Read<{ table_stats: TableStats[] }>> {
  const rows = await session.query(
    `select t.table_name as name, t.table_rows as estimate, t.data_length as data, t.index_length as indexes
       from information_schema.tables as t
      where t.table_schema = ? and t.table_type in ('BASE TABLE', 'SYSTEM VERSIONED')
      order by coalesce(t.data_length, 0) + coalesce(t.index_length, 0) desc, t.table_name limit ?`,
    [database, limit + 1],
  );
  const usage = facts.performance_schema
    ? await needing(facts.account, "select on performance_schema.*", () =>
        readUsage(session, database),
      )
    : null;
  const table_stats = rows
    .slice(0, limit)
    .map((row) => tableOf(row, database, usage?.get(row.name ?? "") ?? null));
  return {
    value: { table_stats },
    rows: table_stats.length,
    truncated: rows.length > limit,
    ...(usage === null ? { note: "sizes_only", hint: TURN_ON } : {}),
  };
}

/** What is not there was not used since the server started, or the server had no room to count it. */
function tableOf(row: Row, database: string, usage: Usage | null): TableStats {
  const [data, indexes] = [counter(row.data), counter(row.indexes)];
  const bytes = data === null || indexes === null ? null : BigInt(data) + BigInt(indexes);
  const text = (value: bigint | undefined) => (value === undefined ? null : counter(String(value)));
  return {
    schema: database,
    table: row.name ?? "",
    kind: "r",
    // How often a table was scanned is not counted, only how many rows came of it.
    seq_scan: null,
    seq_tup_read: text(usage?.without),
    idx_scan: null,
    idx_tup_fetch: text(usage?.by_index),
    n_tup_ins: usage?.inserted ?? null,
    n_tup_upd: usage?.updated ?? null,
    n_tup_del: usage?.deleted ?? null,
    n_live_tup: counter(row.estimate),
    n_dead_tup: null,
    last_vacuum: null,
    last_autovacuum: null,
    last_analyze: null,
    last_autoanalyze: null,
    reltuples: measure(row.estimate),
    size_bytes: text(bytes ?? undefined),
    heap_bytes: data,
    index_bytes: indexes,
  };
}

/** Fetches without an index are those of scans of the whole table. */
async function readUsage(session: Session, database: string): Promise<Map<string, Usage>> {
  const rows = await session.query(
    `select u.object_name as name, sum(u.count_insert) as inserted, sum(u.count_update) as updated,
       sum(u.count_delete) as deleted, sum(case when u.index_name is null then u.count_fetch else 0 end) as without,
       sum(case when u.index_name is null then 0 else u.count_fetch end) as by_index
       from performance_schema.table_io_waits_summary_by_index_usage as u
      where u.object_schema = ? and u.object_type = 'TABLE' group by u.object_name`,
    [database],
  );
  return new Map(
    rows.map((row) => [
      row.name ?? "",
      {
        inserted: counter(row.inserted) ?? 0,
        updated: counter(row.updated) ?? 0,
        deleted: counter(row.deleted) ?? 0,
        by_index: BigInt(row.by_index ?? 0),
        without: BigInt(row.without ?? 0),
      },
    ]),
  );
}
