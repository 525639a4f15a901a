/** What SQL of anybody can do as the role of the datasource "Health of databases": read its organisation's views, and nothing else. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "@quern/store/db";
import { ensureHealthDatasources } from "@quern/store/health-datasource";
import { healthReaders } from "@quern/store/health-readers";
import { ensureKeys, readApiKeys } from "@quern/store/keys";
import { freshDatabase, type TestDatabase, testUrl } from "@quern/store/testing";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { prepareReaders } from "./readers-server.ts";

const OWN = "quince1";
const OTHER = "medlar2";

let folder: string;
let database: TestDatabase;
let admin: Client;
let reader: Client;
let role: string;
let otherRole: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "quern-readers-"));
  await ensureKeys(folder);
  database = await freshDatabase();
  admin = await connect(testUrl(database.name));
  await admin.query(`insert into orgs (name) values ('${OTHER}')`);
  const { rows } = await admin.query<{ id: string }>("select id from orgs order by created_at");
  await admin.query("grant create on schema public to public");
  await admin.query(siteOf(rows[0]!.id, OWN));
  await admin.query(siteOf(rows[1]!.id, OTHER));
  const keys = await readApiKeys(folder);
  const server = { url: database.url, adminUrl: testUrl("postgres"), ours: true };
  await prepareReaders({ ...server, async stop() {}, async kill() {} }, folder);
  const db = openDatabase(database.url);
  const made = await ensureHealthDatasources(db, keys, database.url);
  expect(made.map(({ trouble }) => trouble)).toEqual([null, null]);
  const [own, other] = await healthReaders(db, keys);
  await db.destroy();
  role = own!.role;
  otherRole = other!.role;
  reader = await connect(testUrl(database.name, own!.role, own!.password));
});
afterAll(async () => {
  await reader.end();
  await admin.end();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return client;
}

/** A row of everything that Health keeps, each with `word` in its texts. */
function siteOf(org: string, word: string): string {
  const arrays = (table: string, given: Record<string, string>) => `
    execute (select format('insert into ${table} (%s) values (%s)', string_agg(quote_ident(attname), ', '),
        string_agg(case attname ${Object.entries(given)
          .map(([name, value]) => `when '${name}' then ${value}`)
          .join(" ")} else case when typcategory = 'A' then '''{1}''' else '1' end end, ', '))
      from pg_attribute join pg_type on pg_type.oid = atttypid
      where attrelid = '${table}'::regclass and attnum > 0 and not attisdropped);`;
  const points = ["points", "hours", "days"].flatMap((suffix) => [
    `perform health_make_partition('health_' || family || '_${suffix}', '2026-01-01', '2027-01-01')
       from unnest(array['statement', 'table', 'index', 'metric', 'load']) as family;`,
    ...[
      ["statement", "statement_ids", "statement"],
      ["table", "relation_ids", "relation"],
      ["index", "relation_ids", "relation"],
    ].map(([family, ids, id]) =>
      arrays(`health_${family}_${suffix}`, {
        database_id: "quote_literal(database)",
        at: "quote_literal(at)",
        marks: `quote_literal('{${word}}')`,
        [ids!]: `quote_literal(array[${id}])`,
      }),
    ),
    arrays(`health_metric_${suffix}`, {
      subject_id: "quote_literal(database)",
      at: "quote_literal(at)",
      values: `quote_literal('{"${word}": 1}')`,
    }),
    arrays(`health_load_${suffix}`, {
      server_id: "quote_literal(server)",
      at: "quote_literal(at)",
      databases: `quote_literal('{${word}}')`,
    }),
  ]);
  return `do $site$
    declare
      agent uuid; server uuid; database uuid; statement bigint; relation bigint;
      at timestamptz := '2026-06-01T10:00Z';
    begin
    insert into health_agents (org_id, name) values ('${org}', '${word}') returning id into agent;
    insert into health_agent_keys (agent_id, prefix, key_hash, signing_secret) values (agent, 'secret', '${word}', 'secret');
    insert into health_servers (org_id, agent_id, node_id, name, type, version, provider)
      values ('${org}', agent, '${word}', '${word}', 'postgres', '18', 'generic') returning id into server;
    insert into health_databases (org_id, server_id, instance_id, name)
      values ('${org}', server, '${word}', '${word}') returning id into database;
    insert into health_statements (database_id, query_hash, query, first_seen_at, last_seen_at)
      values (database, '1', '${word}', at, at) returning id into statement;
    insert into health_relations (database_id, kind, schema, name, table_name, first_seen_at, last_seen_at)
      values (database, 'table', 'public', '${word}', '${word}', at, at) returning id into relation;
    perform health_make_partition('health_activity', '2026-01-01', '2027-01-01');
    insert into health_activity values (server, at, '[{"pid": 1, "application": "${word}"}]', 3, 0);
    insert into health_settings (server_id, name, from_at, value) values (server, '${word}', at, '1');
    insert into health_events (org_id, server_id, at, type, subject, source) values ('${org}', server, at, 'restart', '${word}', 'agent');
    insert into health_findings (org_id, server_id, database_id, rule, object, severity, evidence, confidence, first_seen_at, last_seen_at)
      values ('${org}', server, database, 'slow', '${word}', 'info', '[]', 'high', at, at);
    insert into health_rule_states (database_id, rule, state, due_at) values (database, '${word}', 'ok', at);
    insert into health_scores values (database, at, 90, 1, '${word}', '[]');
    ${points.join("\n")}
    end $site$`;
}

async function viewNames(): Promise<string[]> {
  const { rows } = await admin.query<{ name: string }>(
    "select viewname as name from pg_views where schemaname = 'health' order by 1",
  );
  return rows.map(({ name }) => name);
}

/** What comes of a statement, in one text: rows, or the error with all that it tells. */
async function told(text: string): Promise<{ failed: boolean; all: string }> {
  try {
    const answer = await reader.query(text);
    return { failed: false, all: JSON.stringify([answer].flat().map(({ rows }) => rows)) };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { failed: true, all: JSON.stringify({ ...error, message: error.message }) };
  }
}

test("every view shows its own organisation, and nothing of another", async () => {
  const names = await viewNames();
  expect(names.length).toBeGreaterThan(25);
  for (const name of names) {
    const { failed, all } = await told(`select * from ${name}`);
    expect([name, failed]).toEqual([name, false]);
    expect([name, all.includes(OWN)]).toEqual([name, true]);
    expect([name, all.includes(OTHER)]).toEqual([name, false]);
  }
  const { rows } = await admin.query("select * from health.databases");
  expect(rows, "the owner of the views is nobody's reader").toEqual([]);
});

test("it may read the views, and no table, sequence or column beside them", async () => {
  const { rows } = await reader.query<{ name: string }>(`
    select oid::regclass::text as name from pg_class
    where relkind in ('r', 'p', 'v', 'm', 'f') and relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
      and (has_table_privilege(oid, 'select, insert, update, delete, truncate, references, trigger')
        or has_any_column_privilege(oid, 'select, insert, update, references'))
    union all select oid::regclass::text from pg_class
    where case when relkind = 'S' then has_sequence_privilege(oid, 'usage, select, update') end
    order by name`);
  expect(rows.map(({ name }) => name.replaceAll('"', ""))).toEqual(await viewNames());
  const writes = await reader.query(`
    select oid::regclass from pg_class where relnamespace = 'health'::regnamespace
      and has_table_privilege(oid, 'insert, update, delete, truncate, references, trigger')`);
  expect(writes.rows).toEqual([]);
  const functions = await reader.query(`
    select oid::regprocedure from pg_proc where pronamespace in ('public'::regnamespace, 'health'::regnamespace)
      and prosecdef and has_function_privilege(oid, 'execute')`);
  expect(functions.rows, "functions that run as somebody else").toEqual([]);
  const places = await reader.query(`
    select nspname from pg_namespace where has_schema_privilege(oid, 'create')
    union all select datname from pg_database where has_database_privilege(oid, 'create, temporary') and datname = current_database()
    union all select rolname from pg_roles where pg_has_role(oid, 'member') and rolname <> current_user`);
  expect(places.rows).toEqual([]);
});

const ATTACKS = [
  "select * from public.datasources",
  "select * from public.health_agent_keys",
  "select secret from public.datasources",
  "table public.health_readers",
  "set role quern",
  "set session authorization postgres",
  "reset session authorization; select * from public.orgs",
  "set search_path = public, health; select * from health_databases",
  "create schema mine",
  "create table health.databases2 (x int)",
  "create table public.t (x int)",
  "create temporary table big as select generate_series(1, 10)",
  "create function public.leak(text) returns boolean language sql as 'select true'",
  "create function pg_temp.leak(text) returns boolean language sql cost 0.0001 as 'select true'",
  "create or replace view health.databases as select 1",
  "alter view health.databases reset (security_barrier)",
  "drop view health.databases",
  "create extension dblink",
  "create role mine",
  "alter role current_user superuser",
  `alter role "OTHER" password 'x'`,
  "insert into health.agents (agent_id, agent_name) values (gen_random_uuid(), 'x')",
  "update health.agents set agent_name = 'x'",
  "delete from health.servers",
  "select * from health.agents for update",
  "do $$ begin perform 1; end $$",
  "select lo_create(0)",
  "select lo_from_bytea(0, 'x')",
  "select lo_import('/etc/passwd')",
  "select pg_read_file('/etc/passwd')",
  "select pg_ls_dir('.')",
  "copy health.databases to program 'cat'",
  "copy health.databases to '/tmp/health.csv'",
  "select pg_advisory_lock(hashtext('quern.claim_runs'))",
  "select pg_try_advisory_xact_lock(hashtext('health_partitions'))",
  "lock table public.runs in access share mode",
  "lock table health.events in access exclusive mode",
  "select public.delete_datasource((select id from public.datasources limit 1))",
  "select public.health_make_partition('health_activity', '2030-01-01', '2030-01-02')",
  "select query_to_xml('select * from public.orgs', true, true, '')",
  "select table_to_xml('public.orgs', true, true, '')",
  "select pg_terminate_backend(pid) from pg_stat_activity where usename <> current_user",
];

test.each(ATTACKS)("%s", async (attack) => {
  const { failed, all } = await told(
    `set transaction read write; ${attack.replace("OTHER", otherRole)}`,
  );
  await reader.query("rollback; reset all");
  expect(all).not.toContain(OTHER);
  expect([failed, JSON.parse(all).code, all]).toEqual([true, "42501", all]);
});

test("neither errors nor statistics tell of rows that are another's", async () => {
  const asks = [
    "select * from health.statements where query::integer = 1",
    "select * from health.agents where (agent_name || 'x')::integer = 1",
    "select * from health.servers where 1 / (length(server_name) - 7) > 0",
    "select * from health.databases where to_regclass(database_name || '.x.y.z') is null",
    "select most_common_vals::text, histogram_bounds::text from pg_stats",
    "select query from pg_stat_activity",
    "select definition from pg_views",
    "select * from health.sessions where xmin_age_xids is null and application::integer = 1",
  ];
  await admin.query("analyze");
  for (const ask of asks) expect([ask, (await told(ask)).all]).not.toContain(OTHER);
  // Only what was asked of its own rows fails.
  expect((await told(asks[0]!)).all).toContain(OWN);
});

test("its sessions begin read-only, with limits", async () => {
  const { rows } = await reader.query(`
    select current_user::text as role, current_setting('transaction_read_only') as read_only, current_setting('statement_timeout') as statement,
      current_setting('temp_file_limit') as files, rolconnlimit as connections
    from pg_roles where rolname = current_user`);
  const limits = { read_only: "on", statement: "5min", files: "1GB", connections: 16 };
  expect(rows).toEqual([{ role, ...limits }]);
});

test("Quern itself may still lock, and start again", async () => {
  const own = await connect(database.url);
  await own.query("select pg_advisory_lock(1)");
  await own.query("do $$ begin perform 1; end $$");
  await own.end();
  const server = { url: database.url, adminUrl: testUrl("postgres"), ours: true };
  await prepareReaders({ ...server, async stop() {}, async kill() {} }, folder);
});
