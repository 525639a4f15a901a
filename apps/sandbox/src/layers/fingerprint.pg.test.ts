import { randomBytes } from "node:crypto";
import { testUrl } from "@quern/store/testing";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Fingerprint, fingerprint } from "./fingerprint.ts";
import { compareFingerprints, diffStates } from "./state-diff.ts";

const SCHEMA = `
  create schema shop;
  create type shop.colour as enum ('red', 'green');
  create domain shop.price as numeric(10, 2) check (value >= 0);
  create table shop.items (id bigint generated always as identity primary key, name text not null default 'x',
    price shop.price, colour shop.colour, made timestamptz, raw bytea, half float8,
    twice numeric generated always as (price * 2) stored);
  create index items_name on shop.items (lower(name)) where price > 1;
  create table shop.parts (id int, at date) partition by range (at);
  create table shop.parts_1 partition of shop.parts for values from ('2026-01-01') to ('2027-01-01');
  create table shop.nothing ();
  create view shop.cheap with (security_barrier) as select id, name from shop.items where price < 10;
  create materialized view shop.counts as select count(*) as n from shop.items;
  create function shop.f(a int) returns int language sql as 'select a + 1';
  create procedure shop.p() language plpgsql as 'begin null; end';
  create aggregate shop.total(int) (sfunc = int4pl, stype = int, initcond = '0');
  create function shop.touch() returns trigger language plpgsql as 'begin return new; end';
  create trigger touched before update on shop.items for each row execute function shop.touch();
  create rule silent as on delete to shop.parts_1 do instead nothing;
  alter table shop.items enable row level security;
  create policy mine on shop.items using (name = current_user);
  create sequence shop.numbers start 5;
  create statistics shop.stats on id, name from shop.items;
  create table "odd ""name'" ("a""b" int);
  comment on table shop.items is 'things';
  comment on column shop.items.name is 'what it is called';
  grant select on shop.items to public;
  alter default privileges in schema shop grant select on tables to public;
  create extension citext;
  insert into shop.items (name, price, colour, made, raw, half)
    select 'n' || i, i, 'red', '2026-01-01', '\\x00ff', 0.1 from generate_series(1, 50) as i;
  insert into shop.nothing default values;
  select nextval('shop.numbers');`;

const names: string[] = [];
const admin = new pg.Client({ connectionString: testUrl("postgres") });
beforeAll(() => admin.connect());
afterAll(async () => {
  for (const name of names) await admin.query(`drop database if exists ${name} with (force)`);
  await admin.end();
});

async function run(database: string, ...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: testUrl(database) });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

async function makeDatabase(...statements: string[]): Promise<string> {
  const name = `fingerprint_${randomBytes(5).toString("hex")}`;
  names.push(name);
  await admin.query(`create database ${name} template template0`);
  await run(name, ...statements);
  return name;
}

/** Of one database of the test server, under the name that projects have. */
async function print(database: string, rows = true): Promise<Fingerprint> {
  const only = async (asked: string) => {
    const client = new pg.Client({
      connectionString: testUrl(asked === "project" ? database : asked),
    });
    await client.connect();
    return {
      end: () => client.end(),
      async query(sql: string) {
        const answer = await client.query(sql);
        // The server of this test run has other databases, roles and settings, which come and go.
        if (
          /from pg_(database|roles|auth_members|db_role_setting|settings|shdescription)/.test(sql)
        )
          return { rows: /select datname/.test(sql) ? [{ datname: "project" }] : [] };
        return answer as { rows: Record<string, unknown>[] };
      },
    };
  };
  return fingerprint(only, { rows });
}

test("two builds of the same script are equal, in any order of rows", async () => {
  const one = await makeDatabase(SCHEMA);
  const two = await makeDatabase(
    SCHEMA,
    "create table spacer (); drop table spacer",
    "update shop.items set name = name where id % 2 = 0",
    "vacuum full shop.items",
  );
  const [left, right] = [await print(one), await print(two)];
  expect(compareFingerprints(left, right)).toEqual([]);
  expect(left.digest).toBe(right.digest);
  expect(left.tables.find(({ name }) => name === "items")?.rows).toBe(50);
  expect(left.objects.map(({ kind }) => kind)).toEqual(
    expect.arrayContaining(["table", "view", "index", "policy", "rule", "sequence value", "enum"]),
  );
  expect(diffStates(left, right)).toMatchObject({ identical: true, objects: [], truncated: false });
});

test("every change to a state is seen, and named", async () => {
  const base = await makeDatabase(SCHEMA);
  const before = await print(base);
  const changes: [string, string, string][] = [
    ["update shop.items set half = half + 1e-16 where id = 7", "rows", "shop.items"],
    ["insert into shop.nothing default values", "rows", "shop.nothing"],
    ["select nextval('shop.numbers')", "sequence value", "shop.numbers"],
    ["alter table shop.items alter name set default 'y'", "table", "shop.items"],
    ["alter table shop.items add column more int", "table", "shop.items"],
    ["alter type shop.colour add value 'blue'", "enum", "shop.colour"],
    [
      "create or replace function shop.f(a int) returns int language sql as 'select a + 2'",
      "function",
      "shop.f(a integer)",
    ],
    [
      "create or replace view shop.cheap as select id, name from shop.items where price < 11",
      "view",
      "shop.cheap",
    ],
    ["drop index shop.items_name", "index", "shop.items_name"],
    ["alter table shop.items disable trigger touched", "trigger", "shop.items.touched"],
    ["revoke select on shop.items from public", "table", "shop.items"],
    ["comment on table shop.items is 'else'", "comment", "table shop.items"],
    ["alter policy mine on shop.items using (true)", "policy", "shop.items.mine"],
    ["drop extension citext", "extension", "citext"],
    ["refresh materialized view shop.counts", "rows", "shop.counts"],
    ["alter table shop.items owner to pg_monitor", "table", "shop.items"],
  ];
  let last = before;
  for (const [statement, kind, name] of changes) {
    await run(base, statement);
    const after = await print(base);
    const found = compareFingerprints(last, after);
    expect(found, statement).toContainEqual(expect.objectContaining({ kind, name }));
    expect(after.digest, statement).not.toBe(last.digest);
    last = after;
  }
});

test("a difference of states tells schema and row counts apart", async () => {
  const one = await makeDatabase(
    "create table a (x int); create table b (x int); insert into b values (1)",
  );
  const two = await makeDatabase(
    "create table a (x int); create table c (x int); insert into a values (1), (1)",
  );
  const diff = diffStates(await print(one, false), await print(two, false));
  expect(diff.identical).toBe(false);
  expect(diff.objects.map(({ kind, name, change }) => `${change} ${kind} ${name}`)).toEqual([
    "removed table public.b",
    "added table public.c",
  ]);
  expect(diff.tables).toEqual([
    { schema: "public", name: "a", left_rows: 0, right_rows: 2, same_rows: false },
    { schema: "public", name: "b", left_rows: 1, right_rows: null, same_rows: false },
    { schema: "public", name: "c", left_rows: null, right_rows: 0, same_rows: false },
  ]);
});
