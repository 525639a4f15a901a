import { expect, test } from "vitest";
import { onlyDefines } from "./definitions.ts";

test.each([
  ["", true],
  ["-- nothing but words", true],
  ["create table t (id int primary key, at timestamptz default now(), check (id > 0));", true],
  ["create unlogged table t (a int) with (fillfactor = 70)", true],
  ["create or replace function f() returns int language sql as 'select random()';", true],
  ["create view v as select now(); comment on view v is 'x'; grant select on v to public;", true],
  ["create unique index on t (lower(name)); drop index i;", true],
  ["alter table t add column note text, add column if not exists n int not null;", true],
  ["alter table t add constraint c check (a > 0), drop column b;", true],
  ["alter table t add column at timestamptz default now();", false],
  ["alter table t add column at moment;", false],
  ["alter table t add at moment", false],
  ["alter table t alter column a type bigint using f(a);", false],
  ["alter database project set work_mem = '4MB';", false],
  ["create table t as select now();", false],
  ["create table t as table other;", false],
  ["create table t as values (now());", false],
  ["create materialized view m as select 1;", false],
  ["create function f() returns int begin atomic; select 1; end;", false],
  ["create extension pgcrypto;", false],
  ["insert into t default values;", false],
  ["create table t (); select f();", false],
  ["select ';' from t", false],
  ["do $$ begin end $$;", false],
  ["call p()", false],
  ["\\i other.sql", false],
  ["create table t (a text);\n\\copy t from 'a.csv'", false],
])("%s", (sql, only) => {
  expect(onlyDefines(sql)).toBe(only);
});
