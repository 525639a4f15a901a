/** What introspection asks about functions, sequences and types. Those of extensions are left out: none is the user's. */
import type { SchemaSnapshot } from "@quern/contract/datasources";

type Schema = SchemaSnapshot["schemas"][number];
type InSchema = { schema_oid: number };

export type CatalogFunction = Required<Schema["functions"][number]> & InSchema;
export type CatalogSequence = NonNullable<Schema["sequences"]>[number] & InSchema;
export type CatalogType = InSchema & {
  name: string;
  kind: NonNullable<Schema["types"]>[number]["kind"];
  comment: string | null;
  labels: string[] | null;
  definition: string | null;
};

export const FUNCTIONS = `
  select p.pronamespace::int8::float8 as schema_oid, p.proname::text as name,
         pg_catalog.pg_get_function_arguments(p.oid) as arguments,
         coalesce(pg_catalog.pg_get_function_result(p.oid), '') as result,
         case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate'
                        when 'w' then 'window' else 'function' end as kind,
         l.lanname::text as language, pg_catalog.obj_description(p.oid, 'pg_proc') as comment
    from pg_catalog.pg_proc p
    join pg_catalog.pg_language l on l.oid = p.prolang
   where p.pronamespace = any($1::oid[])
     and not exists (select 1 from pg_catalog.pg_depend d
                      where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
   order by p.proname, arguments`;

export const SEQUENCES = `
  select c.relnamespace::int8::float8 as schema_oid, c.relname::text as name,
         pg_catalog.format_type(s.seqtypid, null) as source_type,
         pg_catalog.obj_description(c.oid, 'pg_class') as comment,
         (select json_build_object('schema', tn.nspname, 'table', t.relname, 'column', a.attname)
            from pg_catalog.pg_depend d
            join pg_catalog.pg_class t on t.oid = d.refobjid
            join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace
            join pg_catalog.pg_attribute a on a.attrelid = t.oid and a.attnum = d.refobjsubid
           where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid
             and d.refclassid = 'pg_catalog.pg_class'::regclass and d.deptype in ('a', 'i') limit 1) as owned_by
    from pg_catalog.pg_class c
    join pg_catalog.pg_sequence s on s.seqrelid = c.oid
   where c.relkind = 'S' and c.relnamespace = any($1::oid[])
     and case when c.relkind = 'S' then pg_catalog.has_sequence_privilege(c.oid, 'select, usage') end
     and not exists (select 1 from pg_catalog.pg_depend d
                      where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
   order by c.relname`;

/** Every table has a composite type of its own name, and every range a multirange: those go without saying. */
export const TYPES = `
  select t.typnamespace::int8::float8 as schema_oid, t.typname::text as name,
         case t.typtype when 'e' then 'enum' when 'd' then 'domain' when 'r' then 'range' else 'composite' end as kind,
         pg_catalog.obj_description(t.oid, 'pg_type') as comment,
         case when t.typtype = 'e' then array(
           select e.enumlabel::text from pg_catalog.pg_enum e where e.enumtypid = t.oid order by e.enumsortorder) end as labels,
         case t.typtype
           when 'd' then pg_catalog.concat_ws(' ', pg_catalog.format_type(t.typbasetype, t.typtypmod),
             case when t.typnotnull then 'not null' end,
             (select pg_catalog.string_agg(pg_catalog.pg_get_constraintdef(k.oid, true), ' ' order by k.conname)
                from pg_catalog.pg_constraint k where k.contypid = t.oid and k.contype = 'c'))
           when 'c' then (
             select pg_catalog.string_agg(pg_catalog.quote_ident(a.attname) || ' '
                      || pg_catalog.format_type(a.atttypid, a.atttypmod), ', ' order by a.attnum)
               from pg_catalog.pg_attribute a
              where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped)
           when 'r' then (
             select pg_catalog.format_type(r.rngsubtype, null) from pg_catalog.pg_range r where r.rngtypid = t.oid)
         end as definition
    from pg_catalog.pg_type t
    left join pg_catalog.pg_class c on c.oid = t.typrelid
   where t.typnamespace = any($1::oid[]) and t.typtype in ('e', 'd', 'r', 'c')
     and (t.typtype <> 'c' or c.relkind = 'c') and pg_catalog.has_type_privilege(t.oid, 'usage')
     and not exists (select 1 from pg_catalog.pg_depend d
                      where d.classid = 'pg_catalog.pg_type'::regclass and d.objid = t.oid and d.deptype = 'e')
   order by t.typname`;
