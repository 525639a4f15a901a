/** The catalog queries of introspection. Every name is qualified: a schema of the user's may hold anything. */
import type { SchemaRelation } from "@quern/contract/datasources";
import type { Client } from "pg";

export type CatalogSchema = { oid: number; name: string; comment: string | null };
export type CatalogRelation = {
  oid: number;
  schema_oid: number;
  name: string;
  kind: SchemaRelation["kind"];
  comment: string | null;
  row_estimate: number | null;
  bytes: number | null;
};
export type CatalogColumn = {
  relation_oid: number;
  name: string;
  /** The type under a domain. */
  base_type: number;
  source_type: string;
  not_null: boolean;
  default: string | null;
  comment: string | null;
};
export type CatalogKey = SchemaRelation["keys"][number] & { relation_oid: number };
export type CatalogIndex = SchemaRelation["indexes"][number] & { relation_oid: number };
export type CatalogFunction = {
  schema_oid: number;
  name: string;
  arguments: string;
  result: string;
  kind: "function" | "procedure" | "aggregate" | "window";
};

/** Schemas that are the user's and that the role may look into. */
const SCHEMAS = `
  select n.oid::int8::float8 as oid, n.nspname::text as name,
         pg_catalog.obj_description(n.oid, 'pg_namespace') as comment
    from pg_catalog.pg_namespace n
   where n.nspname !~ '^pg_(toast|temp_|toast_temp_|catalog$)' and n.nspname <> 'information_schema'
     and pg_catalog.has_schema_privilege(n.oid, 'usage')
   order by n.nspname`;

const RELATIONS = `
  select c.oid::int8::float8 as oid, c.relnamespace::int8::float8 as schema_oid, c.relname::text as name,
         case c.relkind when 'r' then 'table' when 'p' then 'partitioned_table' when 'v' then 'view'
                        when 'm' then 'materialized_view' else 'foreign_table' end as kind,
         pg_catalog.obj_description(c.oid, 'pg_class') as comment,
         case when c.reltuples >= 0 and c.relkind <> 'v' then c.reltuples::float8 end as row_estimate,
         case when c.relkind in ('r', 'm') then pg_catalog.pg_total_relation_size(c.oid)::float8 end as bytes
    from pg_catalog.pg_class c
   where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relnamespace = any($1::oid[])
     and pg_catalog.has_any_column_privilege(c.oid, 'select')
   order by c.relname`;

const COLUMNS = `
  select a.attrelid::int8::float8 as relation_oid, a.attname::text as name,
         pg_catalog.format_type(a.atttypid, a.atttypmod) as source_type,
         (case when t.typtype = 'd' then t.typbasetype else t.oid end)::int8::float8 as base_type,
         a.attnotnull as not_null,
         case when a.attgenerated = '' then pg_catalog.pg_get_expr(d.adbin, d.adrelid) end as default,
         pg_catalog.col_description(a.attrelid, a.attnum) as comment
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_type t on t.oid = a.atttypid
    left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
   where a.attrelid = any($1::oid[]) and a.attnum > 0 and not a.attisdropped
   order by a.attrelid, a.attnum`;

const KEYS = `
  select k.conrelid::int8::float8 as relation_oid, k.conname::text as name,
         case k.contype when 'p' then 'primary' when 'u' then 'unique' else 'foreign' end as type,
         array(select a.attname::text from unnest(k.conkey) with ordinality as u(attnum, place)
                 join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.attnum
                order by u.place) as columns,
         case when k.contype = 'f' then json_build_object(
           'schema', fn.nspname, 'table', fc.relname,
           'columns', array(select a.attname::text from unnest(k.confkey) with ordinality as u(attnum, place)
                              join pg_catalog.pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.attnum
                             order by u.place)) end as references
    from pg_catalog.pg_constraint k
    left join pg_catalog.pg_class fc on fc.oid = k.confrelid
    left join pg_catalog.pg_namespace fn on fn.oid = fc.relnamespace
   where k.contype in ('p', 'u', 'f') and k.conrelid = any($1::oid[])
   order by k.conrelid, k.contype <> 'p', k.conname`;

const INDEXES = `
  select i.indrelid::int8::float8 as relation_oid, c.relname::text as name,
         pg_catalog.pg_get_indexdef(i.indexrelid) as definition
    from pg_catalog.pg_index i
    join pg_catalog.pg_class c on c.oid = i.indexrelid
   where i.indrelid = any($1::oid[])
   order by i.indrelid, c.relname`;

/** Functions of extensions are left out: there can be thousands, and none is the user's. */
const FUNCTIONS = `
  select p.pronamespace::int8::float8 as schema_oid, p.proname::text as name,
         pg_catalog.pg_get_function_arguments(p.oid) as arguments,
         coalesce(pg_catalog.pg_get_function_result(p.oid), '') as result,
         case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate'
                        when 'w' then 'window' else 'function' end as kind
    from pg_catalog.pg_proc p
   where p.pronamespace = any($1::oid[])
     and not exists (select 1 from pg_catalog.pg_depend d
                      where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
   order by p.proname, arguments`;

/** Reads all in one repeatable-read transaction, so that the parts fit each other. */
export async function readCatalog(client: Client) {
  await client.query("begin isolation level repeatable read read only");
  await client.query("set local search_path = pg_catalog");
  const rows = async <Row extends object>(sql: string, oids?: string): Promise<Row[]> =>
    (await client.query<Row>(sql, oids === undefined ? [] : [oids])).rows;

  const schemas = await rows<CatalogSchema>(SCHEMAS);
  const schemaOids = oidArray(schemas);
  const relations = await rows<CatalogRelation>(RELATIONS, schemaOids);
  const relationOids = oidArray(relations);
  const columns = await rows<CatalogColumn>(COLUMNS, relationOids);
  const keys = await rows<CatalogKey>(KEYS, relationOids);
  const indexes = await rows<CatalogIndex>(INDEXES, relationOids);
  const functions = await rows<CatalogFunction>(FUNCTIONS, schemaOids);
  await client.query("commit");
  return { schemas, relations, columns, keys, indexes, functions };
}

function oidArray(rows: { oid: number }[]): string {
  return `{${rows.map(({ oid }) => oid).join()}}`;
}
