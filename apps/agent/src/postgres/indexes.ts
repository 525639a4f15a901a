/** Counters and sizes of the indexes of one database. */
import type { IndexStats } from "@quern/contract/agent/relations";
import { counters, measure, type Row, whole } from "../engine/values.ts";
import { columnsOf, type Facts } from "./facts.ts";
import { LOCKED } from "./locked.ts";
import { listRelations, readPages } from "./pages.ts";
import { selectList } from "./select-list.ts";
import type { Session } from "./session.ts";
import { flag, time } from "./values.ts";

/** A table has a few indexes: what `max_tables` bounds is bounded here, too. */
const PER_TABLE = 4;
const COUNTERS = ["idx_scan", "idx_tup_read", "idx_tup_fetch"] as const;
const BLOCKS = ["idx_blks_read", "idx_blks_hit"] as const;

/** The largest first. Partitioned indexes have no counters of their own, and are part of the schema only. */
export async function readIndexes(
  session: Session,
  facts: Facts,
  maxTables: number,
): Promise<{ index_stats: IndexStats[]; truncated: boolean; locked: number }> {
  const { oids, omitted } = await listRelations(session, ["i"], maxTables * PER_TABLE);
  const statement = (sizes: boolean) => indexesSql(facts, sizes);
  const index_stats = await readPages(session, oids, statement, indexOf);
  return {
    index_stats,
    truncated: omitted > 0,
    locked: index_stats.filter(({ locked }) => locked).length,
  };
}

function indexesSql(facts: Facts, sizes: boolean): string {
  const stats = columnsOf(facts, "pg_stat_all_indexes");
  const io = columnsOf(facts, "pg_statio_all_indexes");
  return `with ${LOCKED}
    select c.oid as relid, n.nspname as schema, t.relname as "table", c.relname as "index",
      k.oid is not null as locked, ${selectList("s", stats, [...COUNTERS, "last_idx_scan"])},
      ${selectList("io", io, BLOCKS)},
      ${sizes ? "case when k.oid is null then pg_relation_size(c.oid) end" : "null"} as size_bytes,
      c.relpages, c.reltuples
    from pg_index as i join pg_class as c on c.oid = i.indexrelid join pg_class as t on t.oid = i.indrelid
    join pg_namespace as n on n.oid = c.relnamespace
    left join locked as k on k.oid = t.oid
    left join (select * from pg_stat_all_indexes where indexrelid = any($1::oid[])) as s
      on s.indexrelid = c.oid
    left join (select * from pg_statio_all_indexes where indexrelid = any($1::oid[])) as io
      on io.indexrelid = c.oid
    where c.oid = any($1::oid[]) and t.relkind in ('r', 'm', 'p')`;
}

function indexOf(row: Row): IndexStats {
  return {
    schema: row.schema ?? "",
    table: row.table ?? "",
    index: row.index ?? "",
    relid: whole(row.relid),
    ...(flag(row.locked) ? { locked: true } : {}),
    ...counters(row, COUNTERS),
    last_idx_scan: time(row.last_idx_scan),
    ...counters(row, BLOCKS),
    ...counters(row, ["size_bytes", "relpages"]),
    reltuples: measure(row.reltuples),
  };
}
