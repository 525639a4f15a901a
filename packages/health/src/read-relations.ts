/** Tables: as they were when last read, and what they did in the range; and what indexes are read by, too. */
import type { TableTotals } from "@quern/contract/health/relations";
import type { Database } from "@quern/store/db";
import { containing } from "@quern/store/page";
import { type RawBuilder, sql } from "kysely";
import { pointsIn, type Range } from "./read-range.ts";
import { timeOf } from "./reading.ts";

export type Listed<T> = { total: number; items: T[] };
export type RelationFilter = {
  search?: string | undefined;
  limit?: number | undefined;
  offset?: number | undefined;
  id?: number | undefined;
};
export type TableFilter = RelationFilter & { order?: string | undefined };

/** What was last sent of a section as of the end of the range. */
export function documentAt(database_id: string, section: string, to: Date): RawBuilder<unknown> {
  return sql`(select body from health_documents where database_id = ${database_id} and section = ${section}
    and day <= (${to}::timestamptz at time zone 'UTC')::date order by day desc limit 1)`;
}

/** Sums of counters by relation over the range, and the first size that was seen in it. */
export function movesOf(
  family: "table" | "index",
  database_id: string,
  range: Range,
  names: readonly string[],
): RawBuilder<unknown> {
  const refs = sql.join([...names, "size_bytes"].map((name) => sql.ref(name)));
  const sums = names.map((name) => sql`sum(item.${sql.ref(name)})::float8 as ${sql.ref(name)}`);
  return sql`
    select item.id, ${sql.join(sums)},
      ((array_agg(item.size_bytes order by at) filter (where item.size_bytes is not null))[1])::float8 as first_size
    from ${pointsIn(family, range, database_id)} as points, unnest(relation_ids, ${refs}) as item (id, ${refs})
    group by item.id`;
}

/** One row: whether any difference of the range is known. Without one, what was not counted is not 0. */
export const knownIn = (family: "table" | "index", database_id: string, range: Range) =>
  sql`select exists (select from ${pointsIn(family, range, database_id)} as points where seconds > 0) as known`;

/**
 * A sum of `movesOf`: 0 for what is not in the points, since only what moved is. Null for what the server does not count,
 * which is null in `current` as well.
 */
export const counted = (name: string) =>
  sql`case when known and coalesce(moves.${sql.ref(name)}, current.${sql.ref(name)}) is not null
    then coalesce(moves.${sql.ref(name)}, 0) end as ${sql.ref(name)}`;

export const bloatOf = (database_id: string, to: Date) => sql`
  select schema, "table", index, max(wasted_bytes) as bloat_bytes
  from jsonb_to_recordset(coalesce(${documentAt(database_id, "bloat", to)}, '[]')) as bloat (schema text, "table" text, index text, wasted_bytes float8)
  group by schema, "table", index`;

const TABLE_ORDERS: Record<string, RawBuilder<unknown>> = {
  size: sql`size_bytes desc nulls last`,
  growth: sql`growth_bytes desc nulls last`,
  dead: sql`n_dead_tup desc nulls last`,
  pressure: sql`vacuum_pressure desc nulls last`,
  seq_scan: sql`seq_tup_read desc nulls last`,
  writes: sql`coalesce(n_tup_ins, 0) + coalesce(n_tup_upd, 0) + coalesce(n_tup_del, 0) desc`,
  bloat: sql`bloat_bytes desc nulls last`,
  freeze_age: sql`frozen_xid_age desc nulls last`,
  name: sql`name`,
};

/**
 * When autovacuum comes: threshold + scale factor × rows, by the table's own storage parameters where it has them, and
 * no more than autovacuum_vacuum_max_threshold, which PostgreSQL 18 and later have (-1: no such bound).
 */
const DUE_AT = sql`least(
  coalesce((options ->> 'autovacuum_vacuum_threshold')::float8, own.threshold, 50)
    + coalesce((options ->> 'autovacuum_vacuum_scale_factor')::float8, own.scale_factor, 0.2) * greatest(coalesce(reltuples, n_live_tup), 0),
  nullif(coalesce((options ->> 'autovacuum_vacuum_max_threshold')::float8, own.max_threshold), -1))`;

const settingsOf = (server_id: string) => sql`
  select max(value) filter (where name = 'autovacuum_vacuum_threshold')::float8 as threshold,
    max(value) filter (where name = 'autovacuum_vacuum_scale_factor')::float8 as scale_factor,
    max(value) filter (where name = 'autovacuum_vacuum_max_threshold')::float8 as max_threshold
  from health_settings where server_id = ${server_id} and until_at is null and name like 'autovacuum_vacuum_%'`;

export async function listTables(
  db: Database,
  database: { id: string; server_id: string },
  range: Range,
  filter: TableFilter,
): Promise<Listed<TableTotals>> {
  const counters = [
    ...["seq_scan", "seq_tup_read", "idx_scan", "n_tup_ins", "n_tup_upd", "n_tup_del"],
    "n_tup_hot_upd",
  ];
  const { rows } = await sql<TableRow & { total: number }>`
    with moves as materialized (${movesOf("table", database.id, range, counters)}),
    seen as (${knownIn("table", database.id, range)}), own as (${settingsOf(database.server_id)}), bloat as (${bloatOf(database.id, range.to)}),
    current as (
      select * from jsonb_to_recordset(coalesce(${documentAt(database.id, "tables", range.to)}, '[]')) as current (schema text, "table" text,
        kind text, size_bytes float8, heap_bytes float8, toast_bytes float8, index_bytes float8, reltuples float8,
        n_live_tup float8, n_dead_tup float8, n_mod_since_analyze float8, frozen_xid_age float8, last_vacuum text,
        last_autovacuum text, last_analyze text, last_autoanalyze text, locked boolean, options jsonb,
        seq_scan float8, seq_tup_read float8, idx_scan float8, n_tup_ins float8, n_tup_upd float8, n_tup_del float8)
    ), tables as (
      select relations.id, relations.schema, relations.name, coalesce(relations.relkind, current.kind) as relkind,
        size_bytes, heap_bytes, toast_bytes, index_bytes, size_bytes - coalesce(first_size, size_bytes) as growth_bytes,
        coalesce(nullif(reltuples, -1), n_live_tup) as rows_estimate,
        ${sql.join(["seq_scan", "seq_tup_read", "idx_scan", "n_tup_ins", "n_tup_upd", "n_tup_del"].map(counted))},
        n_tup_hot_upd / nullif(moves.n_tup_upd, 0) as hot_ratio, n_live_tup, n_dead_tup, n_mod_since_analyze,
        n_dead_tup / nullif(n_dead_tup + n_live_tup, 0) as dead_ratio, n_dead_tup / nullif(${DUE_AT}, 0) as vacuum_pressure,
        frozen_xid_age, bloat_bytes, last_vacuum, last_autovacuum, last_analyze, last_autoanalyze,
        coalesce(locked, false) as locked
      from current join health_relations as relations on relations.database_id = ${database.id} and relations.kind = 'table'
          and relations.schema = current.schema and relations.name = current."table"
        left join moves on moves.id = relations.id
        left join bloat on bloat.schema = current.schema and bloat."table" = current."table" and bloat.index is null
        cross join own cross join seen
      where ${named(filter)}
    )
    select *, count(*) over ()::float8 as total from tables
    order by ${TABLE_ORDERS[filter.order ?? "size"]!}, id
    limit ${filter.limit ?? 100} offset ${filter.offset ?? 0}`.execute(db);
  return {
    total: rows[0]?.total ?? 0,
    items: rows.map(({ total: _total, ...row }) => ({
      ...{ ...row, id: String(row.id), last_vacuum: isoOf(row.last_vacuum) },
      ...{ last_autovacuum: isoOf(row.last_autovacuum), last_analyze: isoOf(row.last_analyze) },
      last_autoanalyze: isoOf(row.last_autoanalyze),
    })),
  };
}

type TableRow = Omit<TableTotals, "id"> & { id: number };

export function named({ search, id }: RelationFilter): RawBuilder<unknown> {
  const conditions = [sql`true`];
  if (id !== undefined) conditions.push(sql`relations.id = ${id}`);
  if (search !== undefined && search !== "")
    conditions.push(sql`relations.schema || '.' || relations.name ilike ${containing(search)}`);
  return sql.join(conditions, sql` and `);
}

export function isoOf(time: string | null): string | null {
  return timeOf(time)?.toISOString() ?? null;
}

/** The body of the schema that held at `at`. */
export function schemaAt(database_id: string, at: Date): RawBuilder<unknown> {
  return sql`(select body from health_schema_versions as versions
    join health_databases as databases on databases.id = versions.database_id
    join health_schemas as schemas on schemas.org_id = databases.org_id and schemas.hash = versions.hash
    where versions.database_id = ${database_id} and from_at <= ${at} order by from_at desc limit 1)`;
}
