/**
 * Roles of Quern's own PostgreSQL that may read the schema health, one for each organisation, and nothing else: SQL that
 * people write runs as them.
 */
import { createHash, randomBytes } from "node:crypto";
import { sql } from "kysely";
import { type Database, inTransaction } from "./db.ts";
import { type ApiKeys, derivedSecret } from "./keys.ts";
import { scramVerifier } from "./scram.ts";

export type HealthReader = { org_id: string; role: string; password: string };

export const READER_CONNECTIONS = 16;

/**
 * The reader of each organisation. Its password comes of the API's key, so that all processes know the same one and none
 * has to change what another has just set.
 */
export async function healthReaders(db: Database, keys: ApiKeys): Promise<HealthReader[]> {
  const { rows } = await sql<{ org_id: string; database: string }>`
    select orgs.id as org_id, pg_database.oid::text as database
    from orgs, pg_database where datname = current_database() order by orgs.created_at`.execute(db);
  return rows.map(({ org_id, database }) => {
    // Roles are the server's, which may have another Quern's database, or a copy of this one.
    const digest = createHash("sha256").update(`${database} ${org_id}`).digest("hex");
    const role = `quern_health_${digest.slice(0, 12)}`;
    return { org_id, role, password: derivedSecret(keys, `health reader ${role}`) };
  });
}

/** Makes the roles, or gives them their password and settings again, where `db`'s own role may; else leaves them as they are. */
export async function makeHealthReaders(db: Database, readers: readonly HealthReader[]) {
  await inTransaction(db, async (trx) => {
    // Two processes that alter one role at the same time: one of them would fail.
    await sql`select from orgs order by created_at for no key update`.execute(trx);
    for (const reader of readers) if (await mayMake(trx, reader)) await makeReader(trx, reader);
  });
}

async function mayMake(db: Database, { role }: HealthReader): Promise<boolean> {
  const { rows } = await sql<{ may: boolean }>`
    select own.rolsuper or (own.rolcreaterole and (reader.oid is null
      or current_setting('server_version_num')::integer < 160000
      or pg_has_role(own.oid, reader.oid, 'member with admin option'))) as may
    from pg_roles as own left join pg_roles as reader on reader.rolname = ${role}
    where own.rolname = current_user`.execute(db);
  return rows[0]!.may;
}

async function makeReader(db: Database, { role, password }: HealthReader): Promise<void> {
  const verifier = await scramVerifier(password, randomBytes(16));
  // By a setting, and inside a block: the text of the statement goes into logs and statistics.
  await sql`select set_config('quern.role', ${role}, true), set_config('quern.verifier', ${verifier}, true)`.execute(
    db,
  );
  await sql`
    do $$
    declare
      reader text := current_setting('quern.role');
    begin
      if not exists (select from pg_roles where rolname = reader) then
        execute format('create role %I', reader);
      end if;
      execute format('alter role %I login noinherit connection limit ${sql.raw(String(READER_CONNECTIONS))} password %L',
        reader, current_setting('quern.verifier'));
      execute format('alter role %I set search_path = health', reader);
      execute format('alter role %I set default_transaction_read_only = on', reader);
      execute format('alter role %I set statement_timeout = ''5min''', reader);
      execute format('alter role %I set lock_timeout = ''5s''', reader);
      execute format('alter role %I set idle_in_transaction_session_timeout = ''1min''', reader);
      if (select rolsuper from pg_roles where rolname = current_user) then
        execute format('alter role %I set temp_file_limit = ''1GB''', reader);
      end if;
    end
    $$`.execute(db);
}

/** Why a role cannot be the reader. `may_create`: it may make objects in the database, or in a schema of it. */
export type ReaderRefusal = "missing" | "too_mighty" | "may_create";

/**
 * Why the reader cannot be used; null when it can, and then it is told apart from others and may read the views. One that
 * may not be used any more sees nothing.
 */
export async function admitHealthReader(
  db: Database,
  reader: HealthReader,
): Promise<ReaderRefusal | null> {
  return inTransaction(db, async (trx) => {
    await sql`select from orgs order by created_at for no key update`.execute(trx);
    const { rows } = await sql<{ mighty: boolean; connects: boolean; database: string }>`
      select rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls
          or exists (select from pg_auth_members where member = pg_roles.oid) as mighty,
        has_database_privilege(oid, current_database(), 'connect') as connects, current_database() as database
      from pg_roles where rolname = ${reader.role}`.execute(trx);
    const found = rows[0];
    const refused = await refusalOf(trx, reader, found);
    if (refused !== null || found === undefined) {
      await sql`delete from health_readers where org_id = ${reader.org_id}`.execute(trx);
      return refused;
    }
    const role = sql.id(reader.role);
    if (!found.connects)
      await sql`grant connect on database ${sql.id(found.database)} to ${role}`.execute(trx);
    await sql`grant usage on schema health to ${role}`.execute(trx);
    await sql`grant select on all tables in schema health to ${role}`.execute(trx);
    await sql`
      insert into health_readers (org_id, role_name) values (${reader.org_id}, ${reader.role})
      on conflict (org_id) do update set role_name = excluded.role_name`.execute(trx);
    return null;
  });
}

async function refusalOf(
  db: Database,
  reader: HealthReader,
  found: { mighty: boolean } | undefined,
): Promise<ReaderRefusal | null> {
  if (found === undefined) return "missing";
  if (found.mighty) return "too_mighty";
  return (await placesOf(db, reader.role)).length > 0 ? "may_create" : null;
}

/** Where `role` may make objects, as `schema public` or `database quern`, quoted; through everybody, where there is no such role. */
async function placesOf(db: Database, role: string): Promise<string[]> {
  const { rows } = await sql<{ place: string }>`
    with reader as (select coalesce((select rolname from pg_roles where rolname = ${role}), 'public') as name)
    select format('schema %I', nspname) as place from pg_namespace, reader
    where nspname !~ '^pg_(toast_)?temp_' and has_schema_privilege(reader.name, pg_namespace.oid, 'create')
    union all
    select format('database %I', current_database()) from reader
    where has_database_privilege(reader.name, current_database(), 'create')
    order by place`.execute(db);
  return rows.map(({ place }) => place);
}

/** A database of PostgreSQL 14 or before, restored, lets everybody create in `public`; Quern's own role keeps what it needs. */
async function takeCreate(db: Database, role: string, exists: boolean): Promise<string[]> {
  const places = await placesOf(db, role);
  if (places.length === 0) return [];
  const { rows } = await sql<{ own: string }>`select quote_ident(current_user) as own`.execute(db);
  const from = exists ? `public, ${role}` : "public";
  return [
    "-- Nobody but Quern's own role needs to create anything in this database.",
    ...places.flatMap((place) => [
      `grant create on ${place} to ${rows[0]!.own};`,
      `revoke create on ${place} from ${from};`,
    ]),
  ];
}

/**
 * What an administrator of the server runs where Quern's own role may not make roles, or everybody may create. It holds no
 * password that signs in.
 */
export async function readerSql(db: Database, { role, password }: HealthReader): Promise<string> {
  const { rows } = await sql<{ database: string; exists: boolean }>`
    select quote_ident(current_database()) as database,
      exists (select from pg_roles where rolname = ${role}) as exists`.execute(db);
  const { database, exists } = rows[0]!;
  const verifier = await scramVerifier(password, randomBytes(16));
  return [
    ...(exists ? [] : [`create role ${role};`]),
    `alter role ${role} login noinherit connection limit ${READER_CONNECTIONS}`,
    `  password '${verifier}';`,
    `alter role ${role} set search_path = health;`,
    `alter role ${role} set default_transaction_read_only = on;`,
    `alter role ${role} set statement_timeout = '5min';`,
    `alter role ${role} set lock_timeout = '5s';`,
    `alter role ${role} set idle_in_transaction_session_timeout = '1min';`,
    `grant connect on database ${database} to ${role};`,
    ...(await takeCreate(db, role, exists)),
    "-- Where nothing else uses this database: nobody but its owner needs temporary tables in it.",
    `revoke temporary on database ${database} from public;`,
  ].join("\n");
}
