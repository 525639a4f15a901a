/**
 * How much of tables and B-trees is air, estimated from row counts and column widths, after the queries of ioguix
 * (pgsql-bloat-estimation, BSD licence). Needs the planner's statistics, which pg_monitor does not give.
 */
import type { BloatEstimate } from "@quern/contract/agent/relations";
import { SectionError } from "../engine/section.ts";
import { count, type Row } from "../engine/values.ts";
import { type Facts, HELPER_SCHEMA } from "./facts.ts";
import type { Session } from "./session.ts";

/** What is smaller wastes too little to be told about. */
const AT_LEAST_BYTES = 1_000_000;
const MOST = 20_000;

export async function readBloat(
  session: Session,
  facts: Facts,
): Promise<{ bloat: BloatEstimate[]; truncated: boolean }> {
  const source = facts.helper
    ? `select h.* from ${HELPER_SCHEMA}.column_statistics() as h`
    : OWN_STATISTICS;
  const rows = await session.readOnly(async () => {
    const [any] = await session.query(`select exists (${source}) as found,
      exists (select from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
        where c.relkind in ('r', 'm') and c.reltuples > 0 and n.nspname !~ '^pg_'
          and n.nspname <> 'information_schema') as expected`);
    if (any?.found !== "t" && any?.expected === "t") throw noStatistics();
    return [
      ...(await session.query(tablesSql(source), [MOST])),
      ...(await session.query(indexesSql(source), [MOST])),
    ];
  });
  return { bloat: rows.slice(0, 2 * MOST).map(estimateOf), truncated: rows.length >= 2 * MOST };
}

function noStatistics(): SectionError {
  return new SectionError(
    "no_permission",
    "The planner's statistics may not be read: run the SQL of --print-helper-sql in this database; its functions give widths of columns and no values.",
    "42501",
  );
}

/** What a role that may read the tables sees by itself. */
const OWN_STATISTICS = `select c.oid as relation, a.attnum as attribute, s.inherited, s.null_frac, s.avg_width
  from pg_stats as s join pg_namespace as n on n.nspname = s.schemaname
  join pg_class as c on c.relnamespace = n.oid and c.relname = s.tablename
  join pg_attribute as a on a.attrelid = c.oid and a.attname = s.attname
  where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`;

/** `x` rounded up to a multiple of eight bytes, the alignment of every 64-bit server. */
const aligned = (x: string) => `(ceil((${x}) / 8.0) * 8)`;

/** Header 24 with a null bitmap where there are nulls, 4 for the line pointer; columns of type name have fixed widths. */
function tablesSql(source: string): string {
  return `with stats as materialized (${source}),
    widths as (select c.oid, count(*) as columns, count(s.attribute) as known,
        bool_or(a.atttypid = 'name'::regtype) as has_name,
        coalesce(sum((1 - s.null_frac) * s.avg_width), 0) as data, coalesce(max(s.null_frac), 0) as nulls
      from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
      join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      left join stats as s on s.relation = c.oid and s.attribute = a.attnum and not s.inherited
      where c.relkind in ('r', 'm') and c.reltuples > 0 and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
      group by c.oid),
    sized as (select w.oid, c.relname, n.nspname, c.reltuples, c.relpages + coalesce(t.relpages, 0) as pages,
        coalesce(t.reltuples, 0) as toast_tuples, current_setting('block_size')::float8 as bs,
        coalesce(substring(array_to_string(c.reloptions, ' ') from '(?:^| )fillfactor=([0-9]+)')::float8, 100) as fill,
        4 + ${aligned("23 + case when w.nulls > 0 then (7 + w.columns) / 8 else 0 end")} + ${aligned("w.data")} as tuple
      from widths as w join pg_class as c on c.oid = w.oid join pg_namespace as n on n.oid = c.relnamespace
      left join pg_class as t on t.oid = c.reltoastrelid
      where w.known = w.columns and not w.has_name),
    estimated as (select z.*, ceil(z.reltuples / greatest(floor((z.bs - 24) * z.fill / (z.tuple * 100)), 1))
        + ceil(greatest(z.toast_tuples, 0) / 4) as needed from sized as z)
    select e.nspname as schema, e.relname as "table", null as "index", (e.pages * e.bs)::bigint as real_bytes,
      (greatest(e.pages - e.needed, 0) * e.bs)::bigint as wasted_bytes
    from estimated as e where e.pages * e.bs >= ${AT_LEAST_BYTES} order by 5 desc limit $1`;
}

/** Page header 24 and 16 at its end, 4 for the line pointer and 8 before each entry, 12 where there are nulls. */
function indexesSql(source: string): string {
  return `with stats as materialized (${source}),
    keys as (select i.indexrelid, i.indrelid, k.attnum as table_attribute, k.position as position
      from pg_index as i join pg_class as c on c.oid = i.indexrelid
      join pg_am as am on am.oid = c.relam and am.amname = 'btree'
      cross join lateral unnest(i.indkey::int2[]) with ordinality as k(attnum, position)
      where i.indisvalid and c.relpages > 0 and c.reltuples > 0),
    widths as (select k.indexrelid, k.indrelid, count(*) as columns, count(s.attribute) as known,
        bool_or(a.atttypid = 'name'::regtype) as has_name,
        coalesce(sum((1 - s.null_frac) * s.avg_width), 0) as data, coalesce(max(s.null_frac), 0) as nulls
      from keys as k join pg_attribute as a on a.attrelid = k.indexrelid and a.attnum = k.position
      left join stats as s on not s.inherited
        and s.relation = case k.table_attribute when 0 then k.indexrelid else k.indrelid end
        and s.attribute = case k.table_attribute when 0 then k.position else k.table_attribute end
      group by k.indexrelid, k.indrelid),
    sized as (select c.relname, t.relname as table_name, n.nspname, c.reltuples, c.relpages as pages,
        current_setting('block_size')::float8 as bs,
        coalesce(substring(array_to_string(c.reloptions, ' ') from '(?:^| )fillfactor=([0-9]+)')::float8, 90) as fill,
        4 + ${aligned("case when w.nulls > 0 then 12 else 8 end")} + ${aligned("w.data")} as tuple
      from widths as w join pg_class as c on c.oid = w.indexrelid join pg_class as t on t.oid = w.indrelid
      join pg_namespace as n on n.oid = c.relnamespace
      where w.known = w.columns and not w.has_name and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'),
    estimated as (select z.*,
        1 + ceil(z.reltuples / greatest(floor((z.bs - 40) * z.fill / (z.tuple * 100)), 1)) as needed from sized as z)
    select e.nspname as schema, e.table_name as "table", e.relname as "index", (e.pages * e.bs)::bigint as real_bytes,
      (greatest(e.pages - e.needed, 0) * e.bs)::bigint as wasted_bytes
    from estimated as e where e.pages * e.bs >= ${AT_LEAST_BYTES} order by 5 desc limit $1`;
}

function estimateOf(row: Row): BloatEstimate {
  return {
    schema: row.schema ?? "",
    table: row.table ?? "",
    index: row.index ?? null,
    real_bytes: count(row.real_bytes),
    wasted_bytes: count(row.wasted_bytes),
    exact: false,
  };
}
