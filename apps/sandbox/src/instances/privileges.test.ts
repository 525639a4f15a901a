/** What a project's SQL must not be able to do: the list of escapes, tried as a normal job's SQL. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Client, type ClientConfig } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Instance } from "./instances.ts";
import { openTestInstances, startOn, type TestInstances, withSession } from "./testing.ts";

const run = promisify(execFile);

let sandbox: TestInstances;
beforeAll(async () => {
  sandbox = await openTestInstances();
});
afterAll(() => sandbox.stop());

const DENIED =
  /permission denied|must be superuser|must be owner|only superuser|not allowed|must have|not permitted/i;
/** Errors that say "there is no such thing here". */
const ABSENT =
  /is not available|does not exist|could not (access|open|load)|not trusted|access to library/i;

const ESCAPES: [name: string, sql: string, expected: RegExp][] = [
  ["copy to program", "copy (select 1) to program 'id'", DENIED],
  ["copy from program", "create temp table c (l text); copy c from program 'id'", DENIED],
  ["copy to a file", "copy (select 1) to '/tmp/quern-escape'", DENIED],
  ["copy from a file", "create temp table f (l text); copy f from '/etc/passwd'", DENIED],
  ["pg_read_file", "select pg_read_file('/etc/passwd')", DENIED],
  ["pg_read_binary_file", "select pg_read_binary_file('postgresql.conf')", DENIED],
  ["pg_ls_dir", "select pg_ls_dir('.')", DENIED],
  ["pg_ls_waldir", "select * from pg_ls_waldir()", DENIED],
  ["pg_ls_logdir", "select * from pg_ls_logdir()", DENIED],
  ["pg_stat_file", "select pg_stat_file('PG_VERSION')", DENIED],
  ["pg_hba_file_rules", "select * from pg_hba_file_rules", DENIED],
  ["lo_import", "select lo_import('/etc/passwd')", DENIED],
  ["lo_export", "select lo_export(lo_create(0), '/tmp/quern-escape')", DENIED],
  ["load", "load '/tmp/evil.so'", ABSENT],
  ["load a library of the server", "load 'plpgsql'", ABSENT],
  ["load a plugin", "load '$libdir/plugins/evil'", ABSENT],
  [
    "a function in C",
    "create function f() returns int language c as '/lib/x86_64-linux-gnu/libc.so.6', 'system'",
    DENIED,
  ],
  [
    "an internal function",
    "create function f() returns int language internal as 'pg_backend_pid'",
    DENIED,
  ],
  ["plpython3u", "create extension plpython3u", /permission denied|must be superuser/i],
  ["plperlu", "create extension plperlu", /permission denied|must be superuser/i],
  ["trusted plperl", "create extension plperl", ABSENT],
  [
    "plpgsql cannot be replaced",
    "create or replace language plpgsql handler no_such_handler",
    /permission|must be|syntax|does not exist/,
  ],
  ["dblink", "create extension dblink", DENIED],
  ["postgres_fdw", "create extension postgres_fdw", DENIED],
  ["file_fdw", "create extension file_fdw", DENIED],
  ["adminpack", "create extension adminpack", /permission|must be superuser|not available/i],
  ["pg_cron", "create extension pg_cron", ABSENT],
  ["alter system", "alter system set archive_command = 'id'", DENIED],
  ["pg_reload_conf", "select pg_reload_conf()", DENIED],
  ["session_preload_libraries", "set session_preload_libraries = 'x'", DENIED],
  ["preload by the role", "alter role owner set session_preload_libraries = 'x'", DENIED],
  ["preload by the database", "alter database project set session_preload_libraries = 'x'", DENIED],
  ["dynamic_library_path", "set dynamic_library_path = '/tmp'", DENIED],
  ["archive_command", "set archive_command = 'id'", /cannot be changed|permission denied/],
  [
    "ssl_passphrase_command",
    "set ssl_passphrase_command = 'id'",
    /cannot be changed|permission denied/,
  ],
  ["temp_file_limit", "set temp_file_limit = -1", DENIED],
  ["log_min_messages", "set log_min_messages = 'debug5'", DENIED],
  ["zero_damaged_pages", "set zero_damaged_pages = on", DENIED],
  [
    "the role that runs programs",
    "grant pg_execute_server_program to owner",
    /admin option|permission denied|must have/i,
  ],
  [
    "the role that reads files",
    "grant pg_read_server_files to owner",
    /admin option|permission denied|must have/i,
  ],
  [
    "the role that writes files",
    "grant pg_write_server_files to owner",
    /admin option|permission denied|must have/i,
  ],
  [
    "a role of the server by another role",
    "create role r in role pg_execute_server_program",
    /admin option|permission denied|must have/i,
  ],
  ["a superuser of one's own", "create role r superuser", DENIED],
  ["becoming superuser", "alter role owner superuser", DENIED],
  ["bypassing row security", "alter role owner bypassrls", DENIED],
  ["replication", "alter role owner replication", DENIED],
  ["the superuser's password", "alter role quern_admin password 'x'", DENIED],
  [
    "the reader's rights",
    "grant quern_reader to owner",
    /admin option|permission denied|must have/i,
  ],
  ["set role", "set role quern_admin", DENIED],
  ["set role to the reader", "set role quern_reader", DENIED],
  ["session authorization", "set session authorization quern_admin", DENIED],
  ["a subscription", "create subscription s connection 'host=127.0.0.1' publication p", DENIED],
  ["a tablespace", "create tablespace t location '/tmp'", DENIED],
  [
    "an event trigger",
    "create function e() returns event_trigger language plpgsql as 'begin end'; create event trigger t on ddl_command_end execute function e()",
    DENIED,
  ],
  ["a cast between system types", "create cast (text as int) without function", DENIED],
  [
    "an operator class of one's own on system types",
    "create operator class o for type int using btree as storage int",
    DENIED,
  ],
  [
    "a function in pg_catalog",
    "create function pg_catalog.f() returns int language sql as 'select 1'",
    DENIED,
  ],
  ["changing the catalogs", "set allow_system_table_mods = on; delete from pg_authid", DENIED],
  ["pg_authid", "select rolpassword from pg_authid", DENIED],
  ["an anonymous block that loads", "do $$ begin execute 'load ''plpgsql'''; end $$", ABSENT],
  [
    "a security definer function",
    "create function d() returns text security definer language sql as $$ select pg_read_file('/etc/passwd') $$; select d()",
    DENIED,
  ],
  ["a backup", "select pg_switch_wal()", DENIED],
  [
    "replication slots",
    "select pg_create_physical_replication_slot('s')",
    /permission denied|must be superuser|max_replication_slots|wal_level/,
  ],
  [
    "logical decoding",
    "select pg_create_logical_replication_slot('s', 'test_decoding')",
    /permission denied|must be superuser|wal_level/,
  ],
  ["rotating the log", "select pg_rotate_logfile()", DENIED],
  ["promoting", "select pg_promote()", DENIED],
  [
    "ending the checkpointer",
    "select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'checkpointer'",
    /permission denied|must be|not a PostgreSQL server process|^$/i,
  ],
  ["the path of the data directory", "show data_directory", DENIED],
  ["the path of the access file", "show hba_file", DENIED],
];

describe.each([18, 15])("PostgreSQL %i", (engine_version) => {
  let instance: Instance;
  beforeAll(async () => {
    instance = await startOn(sandbox, sandbox.instances.environment({ engine_version }));
  });
  afterAll(() => instance.destroy());

  test("no escape works", async () => {
    const open: string[] = [];
    for (const [name, sql, expected] of ESCAPES) {
      const said = await withSession(instance, (client) =>
        client.query(sql).then(
          () => "",
          (error: Error) => error.message,
        ),
      );
      if (!expected.test(said)) open.push(`${name}: ${said || "it worked"}`);
    }
    expect(open).toEqual([]);
  });

  test("before 16 no role can make roles; from then on only such as it may be itself", async () => {
    const made = withSession(instance, (client) => client.query("create role helper login"));
    if (engine_version < 16) {
      await expect(made).rejects.toThrow(/denied/);
      return;
    }
    await made;
    await withSession(instance, async () => {}, "helper");
    await expect(
      withSession(instance, (client) => client.query("alter role quern_reader login"), "owner"),
    ).rejects.toThrow(/denied/);
  });

  test("a script cannot sign in as one of our roles, nor replicate", async () => {
    for (const user of ["quern_admin", "quern_reader"]) {
      await expect(withSession(instance, async () => {}, user)).rejects.toThrow(/pg_hba.conf/);
    }
    const replicating: ClientConfig & { replication: string } = {
      host: instance.socket_dir,
      port: instance.port,
      user: "owner",
      database: "project",
      replication: "database",
    };
    const client = new Client(replicating);
    client.on("error", () => {
      // connect tells.
    });
    await expect(client.connect()).rejects.toThrow(/permission denied|max_wal_senders/i);
  });

  test("what a real owner does is possible", async () => {
    await withSession(instance, async (client) => {
      for (const sql of [
        "create extension if not exists pgcrypto",
        "create extension if not exists hstore",
        "create database another",
        "alter database project set work_mem = '8MB'",
        "create schema app authorization owner",
        "comment on database project is 'mine'",
        "select lo_create(0)",
        "drop database another",
      ]) {
        await client.query(sql);
      }
      if (engine_version >= 15) await client.query("set session_replication_role = replica");
    });
  });

  test("temporary files are bounded", async () => {
    const small = await startOn(sandbox, instance.environment, {
      limits: { temp_bytes: 4 * 1024 * 1024 },
    });
    await expect(
      withSession(small, (client) =>
        client.query(
          "set work_mem = '64kB'; select count(*) from (select i, repeat('x', 100) from generate_series(1, 500000) i order by 2, 1 desc) s",
        ),
      ),
    ).rejects.toThrow(/temp_file_limit/);
    await small.destroy();
  });
});

test("the machine's network is out of reach even of a superuser", async ({ skip }) => {
  const { isolation } = sandbox.instances.stats();
  if (!isolation.network) skip("no network namespaces here");
  const environment = sandbox.instances.environment({ superuser: true });
  const instance = await startOn(sandbox, environment);
  let uid = 0;
  await withSession(instance, async (client) => {
    await client.query("create table seen (line text)");
    await client.query(
      "copy seen from program 'cat /proc/net/dev | tail -n +3 | cut -d: -f1 | tr -d \" \"; id -u; (cat /etc/shadow 2>&1 || true)'",
    );
    const lines = (await client.query("select line from seen")).rows.map(({ line }) => line);
    expect(lines[0]).toBe("lo");
    expect(Number(lines[1])).toBeGreaterThanOrEqual(71_000);
    expect(lines.join("\n")).toMatch(/Permission denied/);
    await client.query("copy (select 1) to program 'nohup sleep 600 >/dev/null 2>&1 &'");
    await expect.poll(() => processesOf(Number(lines[1]))).toContain("sleep");
    uid = Number(lines[1]);
  });
  await instance.destroy();
  expect(await processesOf(uid)).toEqual([]);
});

async function processesOf(uid: number): Promise<string[]> {
  const { stdout } = await run("ps", ["-U", String(uid), "-o", "comm=,stat="]).catch(() => ({
    stdout: "",
  }));
  return stdout
    .split("\n")
    .filter((line) => line !== "" && !/Z/.test(line.split(/\s+/)[1] ?? ""))
    .map((line) => line.split(/\s+/)[0]!);
}
