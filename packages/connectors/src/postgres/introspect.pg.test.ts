import { SchemaSnapshot } from "@quern/contract/datasources";
import { emptyDatabase, type TestDatabase } from "@quern/store/testing";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testTarget } from "../testing/target.ts";
import { introspect } from "./introspect.ts";

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await emptyDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(
    `
    create schema shop; comment on schema shop is 'what we sell';
    create type shop.mood as enum ('sad', 'ok');
    create domain shop.price as numeric(10, 2) check (value >= 0);
    create table shop.customers (id bigint generated always as identity primary key, email text not null unique);
    comment on table shop.customers is 'people';
    comment on column shop.customers.email is 'lower case';
    create table shop.orders (
      customer_id bigint not null references shop.customers, number int not null default 7, price shop.price,
      mood shop.mood, total numeric generated always as (price * 2) stored, dropped int,
      primary key (customer_id, number));
    alter table shop.orders drop column dropped;
    create index orders_by_price on shop.orders (price) where price > 0;
    create table shop.logs (at timestamptz) partition by range (at);
    create view shop.cheap as select * from shop.orders where price < 1;
    create materialized view shop.dear as select 1 as one;
    create function shop.twice(n int default 1) returns int language sql as 'select n * 2';
    create procedure shop.nothing() language sql as '';
    create table "weird "" name" ("" "" int, "Größe" text);
    insert into shop.customers (email) select 'a' || g from generate_series(1, 1000) g;
    analyze shop.customers`.replace('"" "" int', '" " int'),
  );
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

test("schemas, relations, columns, keys, indexes, functions", async () => {
  const snapshot = await introspect(testTarget(database.name));
  SchemaSnapshot.parse(snapshot);
  expect(snapshot.schemas.map(({ name }) => name)).toEqual(["public", "shop"]);
  const shop = snapshot.schemas[1];
  expect(shop?.comment).toBe("what we sell");
  expect(shop?.relations.map(({ name, kind }) => [name, kind])).toEqual([
    ["cheap", "view"],
    ["customers", "table"],
    ["dear", "materialized_view"],
    ["logs", "partitioned_table"],
    ["orders", "table"],
  ]);
  const customers = shop?.relations[1];
  expect(customers).toMatchObject({ comment: "people", row_estimate: 1000 });
  expect(customers?.bytes).toBeGreaterThan(8192);
  expect(customers?.columns[1]).toEqual({
    name: "email",
    type: "text",
    source_type: "text",
    not_null: true,
    default: null,
    comment: "lower case",
  });
  const orders = shop?.relations[4];
  expect(orders?.columns.map(({ name, type, source_type }) => [name, type, source_type])).toEqual([
    ["customer_id", "int8", "bigint"],
    ["number", "int4", "integer"],
    ["price", "numeric", "shop.price"],
    ["mood", "other", "shop.mood"],
    ["total", "numeric", "numeric"],
  ]);
  expect(orders?.columns[1]?.default).toBe("7");
  expect(orders?.keys).toEqual([
    { name: "orders_pkey", type: "primary", columns: ["customer_id", "number"], references: null },
    {
      name: "orders_customer_id_fkey",
      type: "foreign",
      columns: ["customer_id"],
      references: { schema: "shop", table: "customers", columns: ["id"] },
    },
  ]);
  expect(orders?.indexes.map(({ name }) => name)).toContain("orders_by_price");
  expect(shop?.functions).toEqual([
    { name: "nothing", arguments: "", result: "", kind: "procedure" },
    { name: "twice", arguments: "n integer DEFAULT 1", result: "integer", kind: "function" },
  ]);
  expect(snapshot.schemas[0]?.relations[0]?.name).toBe('weird " name');
});

test("thousands of tables, and one of 1,600 columns", async () => {
  await client.query(`do $$ begin
    for i in 1..2000 loop
      execute format('create table public.t%s (id int primary key, a text, b timestamptz)', i);
      if i % 200 = 0 then commit; end if;
    end loop; end $$`);
  const columns = Array.from({ length: 1600 }, (_, index) => `c${index} int`).join();
  await client.query(`create table public.wide (${columns})`);
  const snapshot = await introspect(testTarget(database.name));
  const relations = snapshot.schemas.find(({ name }) => name === "public")?.relations ?? [];
  expect(relations.length).toBe(2002);
  expect(relations.find(({ name }) => name === "wide")?.columns.length).toBe(1600);
});

test("a role sees only what it may read", async () => {
  await client.query(`do $$ begin
    if not exists (select from pg_roles where rolname = 'peeper') then create role peeper login password 'peep1'; end if;
    end $$; grant usage on schema shop to peeper; grant select on shop.customers to peeper`);
  const target = {
    ...testTarget(database.name, { user: "peeper" }),
    secret: { password: "peep1" },
  };
  const snapshot = await introspect(target);
  const shop = snapshot.schemas.find(({ name }) => name === "shop");
  expect(shop?.relations.map(({ name }) => name)).toEqual(["customers"]);
});
