/** The roles that read what Health knows, on a PostgreSQL of ours. */
import { openDatabase } from "@quern/store/db";
import { healthReaders, makeHealthReaders } from "@quern/store/health-readers";
import { readApiKeys } from "@quern/store/keys";
import { Client } from "pg";
import type { MetadataDatabase } from "./database.ts";

/**
 * Makes the roles, which Quern's own may not, and takes from everybody but Quern what could be turned against it: locks
 * that it waits for itself, and ways to fill the disk that no right on a table is needed for. A server of yours is left
 * as it is; there the API makes the roles where it may.
 */
export async function prepareReaders(database: MetadataDatabase, keys: string): Promise<void> {
  if (!database.ours) return;
  const admin = new URL(database.adminUrl);
  admin.pathname = new URL(database.url).pathname;
  const db = openDatabase(admin.href, { max: 1 });
  try {
    await makeHealthReaders(db, await healthReaders(db, await readApiKeys(keys)));
  } finally {
    await db.destroy();
  }
  const client = new Client({ connectionString: admin.href });
  await client.connect();
  try {
    await client.query(TAKE_FROM_PUBLIC);
  } finally {
    await client.end();
  }
}

const TAKE_FROM_PUBLIC = `
do $$
declare
  owner name := (select pg_get_userbyid(datdba) from pg_database where datname = current_database());
  each record;
begin
  for each in
    select oid::regprocedure as function, proname ~ '^pg_(try_)?advisory' as locks from pg_proc
    where pronamespace = 'pg_catalog'::regnamespace
      and (proname ~ '^pg_(try_)?advisory'
        or proname in ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_put', 'lo_open', 'lowrite'))
      and has_function_privilege('public', oid, 'execute')
  loop
    execute format('revoke execute on function %s from public', each.function);
    if each.locks then
      execute format('grant execute on function %s to %I', each.function, owner);
    end if;
  end loop;
  execute format('revoke temporary, create on database %I from public', current_database());
  for each in
    select nspname from pg_namespace
    where nspname !~ '^pg_(toast_)?temp_' and has_schema_privilege('public', oid, 'create')
  loop
    execute format('grant create on schema %I to %I', each.nspname, owner);
    execute format('revoke create on schema %I from public', each.nspname);
  end loop;
  revoke usage on language plpgsql from public;
  execute format('grant usage on language plpgsql to %I', owner);
end
$$`;
