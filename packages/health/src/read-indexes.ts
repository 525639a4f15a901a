/** Indexes: as they were when last read, and what they did in the range. */
import type { SchemaIndex } from "@quern/contract/agent/schema";
import type { IndexMark, IndexTotals } from "@quern/contract/health/relations";
import type { Database } from "@quern/store/db";
import { containing } from "@quern/store/page";
import { type RawBuilder, sql } from "kysely";
import type { z } from "zod";
import { duplicateIndexes } from "./advisors/rules/duplicate-index.ts";
import type { Range } from "./read-range.ts";
import {
  bloatOf,
  counted,
  documentAt,
  isoOf,
  knownIn,
  type Listed,
  movesOf,
  type RelationFilter,
  schemaAt,
} from "./read-relations.ts";

export type IndexFilter = RelationFilter & {
  order?: string | undefined;
  /** `schema.table` or a name alone. */
  table?: string | undefined;
  only?: z.infer<typeof IndexMark> | undefined;
};

const ORDERS: Record<string, RawBuilder<unknown>> = {
  size: sql`size_bytes desc nulls last`,
  growth: sql`growth_bytes desc nulls last`,
  scans: sql`idx_scan desc nulls last`,
  unused: sql`unused_since is null, unused_since, size_bytes desc nulls last`,
  bloat: sql`bloat_bytes desc nulls last`,
  name: sql`name`,
};

type Row = Omit<IndexTotals, "id" | "duplicate_of"> & { id: number };

export async function listIndexes(
  db: Database,
  database: { id: string },
  range: Range,
  filter: IndexFilter,
): Promise<Listed<IndexTotals>> {
  const all = filter.only === "duplicate" ? await duplicatesIn(db, database.id, range.to) : null;
  const { rows } = await sql<Row & { total: number }>`
    with moves as materialized (${movesOf("index", database.id, range, ["idx_scan", "idx_tup_read"])}),
    seen as (${knownIn("index", database.id, range)}), bloat as (${bloatOf(database.id, range.to)}),
    structure as (
      select *, "constraint" is not null or is_primary as is_constraint
      from jsonb_to_recordset(coalesce(${schemaAt(database.id, range.to)} -> 'indexes', '[]')) as structure (schema text, name text,
        definition text, columns text[], "constraint" text, is_unique boolean, is_primary boolean, is_valid boolean, size_bytes float8)
    ), current as (
      select * from jsonb_to_recordset(coalesce(${documentAt(database.id, "indexes", range.to)}, '[]')) as current (schema text,
        "table" text, index text, size_bytes float8, idx_scan float8, idx_tup_read float8, last_idx_scan text)
    ), indexes as (
      select relations.id, current.schema, current."table", tables.id::text as table_id, current.index as name, definition, coalesce(columns, '{}') as columns,
        is_constraint, is_unique, is_primary, is_valid, coalesce(current.size_bytes, structure.size_bytes) as size_bytes,
        current.size_bytes - coalesce(first_size, current.size_bytes) as growth_bytes,
        ${counted("idx_scan")}, ${counted("idx_tup_read")}, last_idx_scan, bloat_bytes,
        case when moves.idx_scan > 0 then null when last_idx_scan is not null then last_idx_scan
          when current.idx_scan = 0 then relations.first_seen_at::text end as unused_since
      from current join health_relations as relations on relations.database_id = ${database.id} and relations.kind = 'index'
          and relations.schema = current.schema and relations.name = current.index
        left join health_relations as tables on tables.database_id = ${database.id} and tables.kind = 'table'
          and tables.schema = current.schema and tables.name = current."table"
        left join moves on moves.id = relations.id
        left join structure on structure.schema = current.schema and structure.name = current.index
        left join bloat on bloat.schema = current.schema and bloat.index = current.index
        cross join seen
    )
    select *, count(*) over ()::float8 as total from indexes where ${matching(filter, all)}
    order by ${ORDERS[filter.order ?? "size"]!}, id
    limit ${filter.limit ?? 100} offset ${filter.offset ?? 0}`.execute(db);
  const duplicates = all ?? (await duplicatesIn(db, database.id, range.to, rows));
  return {
    total: rows[0]?.total ?? 0,
    items: rows.map(({ total: _total, ...row }) => ({
      ...{ ...row, id: String(row.id), last_idx_scan: isoOf(row.last_idx_scan) },
      unused_since: isoOf(row.unused_since),
      duplicate_of: duplicates.get(keyOf(row)) ?? null,
    })),
  };
}

function matching(
  { search, id, table, only }: IndexFilter,
  duplicates: ReadonlyMap<string, string> | null,
): RawBuilder<unknown> {
  const conditions = [sql`true`];
  if (id !== undefined) conditions.push(sql`id = ${id}`);
  if (search !== undefined && search !== "")
    conditions.push(
      sql`(schema || '.' || name ilike ${containing(search)} or "table" ilike ${containing(search)} or definition ilike ${containing(search)})`,
    );
  if (table !== undefined) {
    const [schema, name] = splitName(table);
    conditions.push(sql`"table" = ${name} and (${schema}::text is null or schema = ${schema})`);
  }
  if (only === "unused") conditions.push(sql`unused_since is not null`);
  if (only === "invalid") conditions.push(sql`not is_valid`);
  if (duplicates !== null)
    conditions.push(
      sql`schema || ${BETWEEN}::text || name = any(${[...duplicates.keys()]}::text[])`,
    );
  return sql.join(conditions, sql` and `);
}

/** Schema, when it is given, and name. */
function splitName(table: string): [string | null, string] {
  const dot = table.indexOf(".");
  return dot < 0 ? [null, table] : [table.slice(0, dot), table.slice(dot + 1)];
}

const BETWEEN = "\u0001";
const keyOf = ({ schema, name }: { schema: string; name: string }) => `${schema}${BETWEEN}${name}`;

/** Of each index that is superfluous the one that serves for it; only of the tables of `indexes` when they are given. */
async function duplicatesIn(
  db: Database,
  database_id: string,
  at: Date,
  indexes: readonly { schema: string; table: string }[] | null = null,
): Promise<Map<string, string>> {
  if (indexes?.length === 0) return new Map();
  const tables = indexes?.map(({ schema, table }) => `${schema}${BETWEEN}${table}`) ?? null;
  const { rows } = await sql<{ one: SchemaIndex }>`
    select one from jsonb_array_elements(coalesce(${schemaAt(database_id, at)} -> 'indexes', '[]')) as one
    where ${tables}::text[] is null or (one ->> 'schema') || ${BETWEEN}::text || (one ->> 'table') = any(${tables}::text[])`.execute(
    db,
  );
  const pairs = duplicateIndexes(rows.map(({ one }) => one));
  return new Map(pairs.map(({ drop, keeper }) => [keyOf(drop), keeper.name]));
}
