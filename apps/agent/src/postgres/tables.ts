/** Counters, sizes and ages of tables, materialized views, partitions and foreign tables of one database. */
import type { TableStats } from "@quern/contract/agent/relations";
import { counter, counters, measure, measures, type Row, whole } from "../engine/values.ts";
import { columnsOf, type Facts } from "./facts.ts";
import { LOCKED } from "./locked.ts";
import { listRelations, readPages } from "./pages.ts";
import { selectList, type Wanted } from "./select-list.ts";
import type { Session } from "./session.ts";
import { flag, json, time, times } from "./values.ts";

const COUNTERS = [
  "seq_scan",
  "seq_tup_read",
  "idx_scan",
  "idx_tup_fetch",
  "n_tup_ins",
  "n_tup_upd",
  "n_tup_del",
  "n_live_tup",
  "n_dead_tup",
  "n_tup_hot_upd",
  "n_tup_newpage_upd",
  "n_mod_since_analyze",
  "n_ins_since_vacuum",
  "vacuum_count",
  "autovacuum_count",
  "analyze_count",
  "autoanalyze_count",
] as const;
const TIMES = [
  "last_vacuum",
  "last_autovacuum",
  "last_analyze",
  "last_autoanalyze",
  "last_seq_scan",
  "last_idx_scan",
] as const;
const SPENT: Wanted[] = [
  ["total_vacuum_time_ms", "total_vacuum_time"],
  ["total_autovacuum_time_ms", "total_autovacuum_time"],
  ["total_analyze_time_ms", "total_analyze_time"],
  ["total_autoanalyze_time_ms", "total_autoanalyze_time"],
];
const BLOCKS = [
  "heap_blks_read",
  "heap_blks_hit",
  "idx_blks_read",
  "idx_blks_hit",
  "toast_blks_read",
  "toast_blks_hit",
] as const;
const SIZES = ["size_bytes", "heap_bytes", "toast_bytes", "index_bytes"] as const;

type TablesAnswer = { table_stats: TableStats[]; truncated: boolean; locked: number };

/** At most `limit` of them, the largest first. */
export async function readTables(
  session: Session,
  facts: Facts,
  limit: number,
): Promise<TablesAnswer> {
  const { oids, omitted } = await listRelations(session, ["r", "m", "p", "f"], limit);
  const statement = (sizes: boolean) => tablesSql(facts, sizes);
  const table_stats = await readPages(session, oids, statement, tableOf);
  return {
    table_stats,
    truncated: omitted > 0,
    locked: table_stats.filter(({ locked }) => locked).length,
  };
}

function tablesSql(facts: Facts, sizes: boolean): string {
  const stats = columnsOf(facts, "pg_stat_all_tables");
  const io = columnsOf(facts, "pg_statio_all_tables");
  const unlessLocked = (size: string) =>
    sizes ? `case when k.oid is null and c.relkind in ('r', 'm') then ${size} end` : "null";
  return `with ${LOCKED}
    select c.oid as relid, n.nspname as schema, c.relname as "table", c.relkind as kind,
      (select pn.nspname || '.' || pc.relname from pg_inherits as h join pg_class as pc on pc.oid = h.inhparent
        join pg_namespace as pn on pn.oid = pc.relnamespace
        where h.inhrelid = c.oid and c.relispartition limit 1) as parent,
      k.oid is not null as locked,
      ${selectList("s", stats, [...COUNTERS, ...TIMES, ...SPENT])},
      ${selectList("io", io, BLOCKS)},
      ${unlessLocked("pg_total_relation_size(c.oid)")} as size_bytes,
      ${unlessLocked("pg_relation_size(c.oid)")} as heap_bytes,
      ${unlessLocked("coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0)")} as toast_bytes,
      ${unlessLocked("pg_indexes_size(c.oid)")} as index_bytes,
      c.relpages, c.reltuples, case when c.relfrozenxid <> '0' then age(c.relfrozenxid) end as frozen_xid_age,
      case when c.relminmxid <> '0' then mxid_age(c.relminmxid) end as min_mxid_age,
      t.oid is not null as has_toast, pg_stat_get_dead_tuples(t.oid) as toast_dead, t.reltuples as toast_tuples,
      age(t.relfrozenxid) as toast_age, pg_stat_get_last_autovacuum_time(t.oid) as toast_vacuum,
      to_json(coalesce(c.reloptions, '{}') || array(select 'toast.' || o.o from unnest(t.reloptions) as o(o))) as options
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    left join locked as k on k.oid = c.oid
    left join (select * from pg_stat_all_tables where relid = any($1::oid[])) as s on s.relid = c.oid
    left join (select * from pg_statio_all_tables where relid = any($1::oid[])) as io on io.relid = c.oid
    left join pg_class as t on t.oid = nullif(c.reltoastrelid, 0)
    where c.oid = any($1::oid[])`;
}

const KINDS: Record<string, TableStats["kind"]> = { r: "r", m: "m", p: "p", f: "f" };

function tableOf(row: Row): TableStats {
  const locked = flag(row.locked);
  return {
    schema: row.schema ?? "",
    table: row.table ?? "",
    relid: whole(row.relid),
    kind: KINDS[row.kind ?? ""],
    parent: row.parent ?? null,
    ...(locked ? { locked } : {}),
    ...counters(row, COUNTERS),
    ...times(row, TIMES),
    ...measures(row, [
      "total_vacuum_time_ms",
      "total_autovacuum_time_ms",
      "total_analyze_time_ms",
      "total_autoanalyze_time_ms",
    ]),
    ...counters(row, BLOCKS),
    ...counters(row, SIZES),
    ...counters(row, ["relpages", "frozen_xid_age", "min_mxid_age"]),
    reltuples: measure(row.reltuples),
    toast: flag(row.has_toast)
      ? {
          n_dead_tup: counter(row.toast_dead),
          reltuples: measure(row.toast_tuples),
          frozen_xid_age: counter(row.toast_age),
          last_autovacuum: time(row.toast_vacuum),
        }
      : null,
    options: storageOptions(json<string[]>(row.options) ?? []),
  };
}

/** `fillfactor=80` and the like; what is no storage parameter by its form is left out. */
function storageOptions(options: string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const option of options) {
    const parts = /^((?:toast\.)?[a-z_]{1,50})=([a-z0-9_.+-]{1,64})$/i.exec(option);
    if (parts !== null) found[parts[1] ?? ""] = parts[2] ?? "";
  }
  return found;
}
