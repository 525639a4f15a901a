/** What a script left in a database, to compare. */
import type pg from "pg";

/** Drops every schema, and makes public anew. */
export async function cleanDatabase(client: pg.Client): Promise<void> {
  await client.query(`do $$
    declare found name;
    begin
      for found in select nspname from pg_namespace
                    where nspname !~ '^pg_' and nspname <> 'information_schema'
      loop
        execute format('drop schema %I cascade', found);
      end loop;
      create schema public;
    end $$`);
}

/** Relations with their rows, and routines. */
export async function databaseState(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ line: string }>(
    `select c.relkind::text || ' ' || c.oid::regclass::text || ' ' || coalesce(
              query_to_xml(format('select * from %s t order by t::text', c.oid::regclass), true, true, '')::text, '') as line
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind in ('r', 'v')
     union all
     select p.oid::regprocedure::text || ' ' || p.prosrc
       from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
     union all
     select i.indexrelid::regclass::text from pg_index i
       join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
      where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
      order by 1`,
  );
  return rows.map(({ line }) => line);
}
