/** A database that nothing is wrong with, and what breaks it: one thing, or more, of each family of rules. */
import type { TestServer } from "@quern/agent/testing-postgres/server";

export const healthySettings = (): Record<string, string> => ({
  ...{ fsync: "on", full_page_writes: "on", autovacuum: "on", autovacuum_naptime: "1d" },
  ...{ synchronous_commit: "off", track_io_timing: "on", deadlock_timeout: "20ms" },
  ...{
    idle_in_transaction_session_timeout: "1d",
    statement_timeout: "1d",
    random_page_cost: "1.1",
  },
  ...{ archive_mode: "on", archive_command: "true", wal_level: "replica" },
});

/** What a restart is needed for. */
export const brokenSettings = (): Record<string, string> => ({
  ...{ fsync: "off", archive_command: "false", autovacuum_freeze_max_age: "100000" },
  ...{ track_io_timing: "off", statement_timeout: "0" },
  idle_in_transaction_session_timeout: "0",
});

export const HEALTHY = `
create extension pg_stat_statements;
create role mon login;
grant pg_monitor to mon;
revoke create on schema public from public;
create table kept (id bigint generated always as identity primary key, at timestamptz not null, filler text not null);
insert into kept (at, filler) select now(), repeat('x', 100) from generate_series(1, 60000);
create index kept_at on kept (at);
create table child (id bigint generated always as identity primary key, kept_id bigint not null references kept);
create index child_kept_id on child (kept_id);
insert into child (kept_id) select id from kept limit 100;
create function quiet() returns int language sql security definer set search_path = pg_catalog as 'select 1';
`;

/** Run after it. Names say which rule is to find them. */
export const BROKEN = (major: number): string => `
create index kept_at_again on kept (at);
create table doubled (id bigint primary key, x int);
insert into doubled select g, g / 2 from generate_series(1, 10) as g;
create table keyless (x int);
create table orphan (id bigint primary key, kept_id bigint references kept);
create table mistyped (id bigint primary key, kept_id int references kept);
create index mistyped_kept_id on mistyped (kept_id);
create table late (id bigint primary key, kept_id bigint);
create index late_kept_id on late (kept_id);
alter table late add constraint late_fk foreign key (kept_id) references kept not valid;
create table worn (id serial primary key);
select setval('worn_id_seq', 2100000000);
create table odd (id bigint primary key, paid money, code char(3));
create function unsafe() returns int language sql security definer as 'select 1';
grant create on schema public to public;
create role crammed login connection limit 2;
create table sparse (id bigint primary key, x int);
create index sparse_x on sparse (x);
insert into sparse select g, case when g % 10 = 0 then g end from generate_series(1, 110000) as g;
analyze sparse;
create role visible login password 'canary-of-the-advisors';
create extension hstore version '${major >= 18 ? "1.7" : "1.4"}';
create table dead (id bigint primary key, x text) with (autovacuum_enabled = off);
insert into dead select g, 'x' from generate_series(1, 60000) as g;
analyze dead;
delete from dead where id % 2 = 0;
create table stale (id bigint primary key);
analyze stale;
insert into stale select generate_series(1, 50000);
create table wide (id bigint primary key, filler text);
insert into wide select g, repeat('y', 800) from generate_series(1, 20000) as g;
analyze wide;
create table cold (id bigint primary key, x int);
create index cold_x on cold (x);
insert into cold select g, g from generate_series(1, 20000) as g;
${"update cold set x = x + 1;\n".repeat(6)}
create table many (id bigint primary key, a int, b int, c int, d int, e int, f int, g int, h int, i int, j int);
${["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"].map((name) => `create index many_${name} on many (${name});`).join("\n")}
insert into many select g, g, g, g, g, g, g, g, g, g, g from generate_series(1, 12000) as g;
analyze many;
${Array.from({ length: 11 }, (_, n) => `create role chief${n} superuser;`).join("\n")}
`;

/** Statements that go by themselves. */
export const BROKEN_AFTER: readonly string[] = [
  "alter system set max_connections = 50",
  "select pg_reload_conf()",
  `select pg_create_physical_replication_slot('left_behind', true)`,
  ...Array.from({ length: 12 }, () => "checkpoint"),
  ...Array.from({ length: 60 }, (_, n) => `select count(*) from wide where filler = '${n}'`),
  // Each is a transaction of its own: ages are counted in them.
  "do $$ begin for n in 1..130000 loop begin insert into keyless values (n); exception when others then null; end; end loop; end $$",
  "set work_mem = '64kB'; select count(*) from (select repeat('z', 90) || g as z from generate_series(1, 800000) as g order by 1) as s",
  "select pg_switch_wal()",
];

/** Sessions that do what sessions should not: they go on until `end`. */
export async function breakSessions(server: TestServer) {
  const open = () => server.session("shop");
  const [idle, holder, waiter, sleeper, first, second] = await Promise.all(
    Array.from({ length: 6 }, open),
  );
  await idle!.query("begin; insert into keyless values (1)");
  await holder!.query("begin; update child set kept_id = kept_id where id = 1");
  const waits = waiter!.query("delete from child where id = 1").catch(ignoreEnd);
  const sleeps = sleeper!.query("select pg_sleep(600)").catch(ignoreEnd);
  await first!.query("begin; update kept set at = now() where id = 1");
  await second!.query("begin; update kept set at = now() where id = 2");
  const deadlock = [
    first!.query("update kept set at = now() where id = 2; rollback").catch(ignoreEnd),
    second!.query("update kept set at = now() where id = 1; rollback").catch(ignoreEnd),
  ];
  await Promise.all(deadlock);
  await Promise.all([first!.query("rollback"), second!.query("rollback")]);
  for (let turn = 0; turn < 300; turn += 1) await first!.query("begin; select 1; rollback");
  for (let turn = 0; turn < 900; turn += 1) await second!.query("select 1");
  // What a session counted is certainly in the statistics when it has ended.
  await Promise.all([first!.end(), second!.end()]);
  const crowd = await Promise.all(Array.from({ length: 24 }, open));
  const slow = async (client: (typeof crowd)[number]) => {
    for (let turn = 0; turn < 3; turn += 1) await client.query("select pg_sleep(0.08), 'slow'");
  };
  await Promise.all(crowd.map(slow));
  await Promise.all(crowd.slice(20).map((client) => client.end()));
  const crammed = await Promise.all([1, 2].map(() => server.session("shop", "crammed")));
  return {
    async end() {
      const all = [idle, holder, waiter, sleeper, ...crowd, ...crammed];
      await server.sql(
        "select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() and usename = 'postgres'",
      );
      await Promise.all([waits, sleeps]);
      await Promise.all(all.map((client) => client!.end().catch(ignoreEnd)));
    },
  };
}

/** The server ends what these sessions wait for. */
function ignoreEnd(error: unknown): void {
  if (!(error instanceof Error)) throw error;
}
