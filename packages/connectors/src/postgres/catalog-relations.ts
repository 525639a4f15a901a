/** What introspection asks about relations. Every name is qualified: a schema of the user's may hold anything. */
import type { SchemaRelation } from "@quern/contract/datasources";

export type CatalogSchema = { oid: number; name: string; comment: string | null };
export type CatalogRelation = {
  oid: number;
  schema_oid: number;
  name: string;
  kind: SchemaRelation["kind"];
  comment: string | null;
  row_estimate: number | null;
  /** By the planner's pages, which is old but needs no lock. */
  page_bytes: number | null;
  parent_oid: number | null;
  bound: string | null;
};
export type CatalogSize = { oid: number; bytes: number | null };
export type CatalogColumn = {
  relation_oid: number;
  name: string;
  /** The type under a domain. */
  base_type: number;
  source_type: string;
  not_null: boolean;
  default: string | null;
  generated: string | null;
  identity: "always" | "by_default" | null;
  comment: string | null;
};
export type CatalogKey = SchemaRelation["keys"][number] & { relation_oid: number };
export type CatalogIndex = {
  relation_oid: number;
  name: string;
  definition: string;
  unique: boolean;
  valid: boolean;
  bytes: number;
};
export type CatalogTrigger = {
  relation_oid: number;
  name: string;
  definition: string;
  enabled: boolean;
};
export type CatalogCheck = { relation_oid: number; name: string; definition: string };

/** Schemas that are the user's and that the role may look into. */
export const SCHEMAS = `
  select n.oid::int8::float8 as oid, n.nspname::text as name,
         pg_catalog.obj_description(n.oid, 'pg_namespace') as comment
    from pg_catalog.pg_namespace n
   where n.nspname !~ '^pg_(toast|temp_|toast_temp_|catalog$)' and n.nspname <> 'information_schema'
     and pg_catalog.has_schema_privilege(n.oid, 'usage')
   order by n.nspname`;

export const RELATIONS = `
  select c.oid::int8::float8 as oid, c.relnamespace::int8::float8 as schema_oid, c.relname::text as name,
         case c.relkind when 'r' then 'table' when 'p' then 'partitioned_table' when 'v' then 'view'
                        when 'm' then 'materialized_view' else 'foreign_table' end as kind,
         pg_catalog.obj_description(c.oid, 'pg_class') as comment,
         case when c.reltuples >= 0 and c.relkind <> 'v' then c.reltuples::float8 end as row_estimate,
         case when c.relkind in ('r', 'm')
              then c.relpages::float8 * pg_catalog.current_setting('block_size')::float8 end as page_bytes,
         case when c.relispartition then h.inhparent::int8::float8 end as parent_oid,
         case when c.relispartition then pg_catalog.pg_get_expr(c.relpartbound, c.oid) end as bound
    from pg_catalog.pg_class c
    left join pg_catalog.pg_inherits h on h.inhrelid = c.oid and c.relispartition
   where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relnamespace = any($1::oid[])
     and pg_catalog.has_any_column_privilege(c.oid, 'select')
   order by c.relname`;

/** Waits for whoever rewrites a table, as the definitions of indexes do: hence the lock timeout. */
export const SIZES = `
  select oid::int8::float8 as oid, pg_catalog.pg_total_relation_size(oid)::float8 as bytes
    from pg_catalog.unnest($1::oid[]) as oid`;

export const COLUMNS = `
  select a.attrelid::int8::float8 as relation_oid, a.attname::text as name,
         pg_catalog.format_type(a.atttypid, a.atttypmod) as source_type,
         (case when t.typtype = 'd' then t.typbasetype else t.oid end)::int8::float8 as base_type,
         a.attnotnull as not_null,
         case when a.attgenerated = '' then pg_catalog.pg_get_expr(d.adbin, d.adrelid) end as default,
         case when a.attgenerated <> '' then pg_catalog.pg_get_expr(d.adbin, d.adrelid) end as generated,
         case a.attidentity when 'a' then 'always' when 'd' then 'by_default' end as identity,
         pg_catalog.col_description(a.attrelid, a.attnum) as comment
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_type t on t.oid = a.atttypid
    left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
   where a.attrelid = any($1::oid[]) and a.attnum > 0 and not a.attisdropped
   order by a.attrelid, a.attnum`;

export const KEYS = `
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

export const CHECKS = `
  select k.conrelid::int8::float8 as relation_oid, k.conname::text as name,
         pg_catalog.pg_get_constraintdef(k.oid, true) as definition
    from pg_catalog.pg_constraint k
   where k.contype in ('c', 'x') and k.conrelid = any($1::oid[])
   order by k.conrelid, k.conname`;

export const INDEXES = `
  select i.indrelid::int8::float8 as relation_oid, c.relname::text as name,
         pg_catalog.pg_get_indexdef(i.indexrelid) as definition,
         i.indisunique as unique, i.indisvalid as valid,
         c.relpages::float8 * pg_catalog.current_setting('block_size')::float8 as bytes
    from pg_catalog.pg_index i
    join pg_catalog.pg_class c on c.oid = i.indexrelid
   where i.indrelid = any($1::oid[])
   order by i.indrelid, c.relname`;

export const TRIGGERS = `
  select t.tgrelid::int8::float8 as relation_oid, t.tgname::text as name,
         pg_catalog.pg_get_triggerdef(t.oid, true) as definition, t.tgenabled <> 'D' as enabled
    from pg_catalog.pg_trigger t
   where not t.tgisinternal and t.tgrelid = any($1::oid[])
   order by t.tgrelid, t.tgname`;
