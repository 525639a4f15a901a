import { expect, test } from "vitest";
import { type Analysis, type AnalysisMemo, analyseScript } from "./analysis.ts";
import { treeOf } from "./testing-tree.ts";

type Files = Record<string, string | Uint8Array>;

function analyse(files: Files | string, variables: Record<string, string> = {}): Analysis {
  const tree = typeof files === "string" ? { "main.sql": files } : files;
  return analyseScript({ files: treeOf(tree), entry: "main.sql", variables });
}

function problems(analysis: Analysis): string[] {
  return analysis.problems.map(
    ({ code, place, certain }) => `${place.file}:${place.line} ${code}${certain ? "" : "?"}`,
  );
}

function paths(analysis: Analysis): string[] {
  return analysis.files.map(({ path, how }) => `${how} ${path}`);
}

test("follows includes and copied files in the order in which they are read", () => {
  const analysis = analyse({
    "main.sql": "\\i a/one.sql\n\\copy t from 'data/x y.csv' csv\n\\ir two.sql\nselect 1;",
    "a/one.sql": "\\ir b.sql\n\\i two.sql",
    "a/b.sql": "select 1",
    "two.sql": "select 2",
    "data/x y.csv": "1,2",
  });
  expect(paths(analysis)).toEqual([
    "script main.sql",
    "script a/one.sql",
    "script a/b.sql",
    "script two.sql",
    "copy data/x y.csv",
  ]);
  expect(problems(analysis)).toEqual([]);
  expect(analysis.dynamic).toBeNull();
});

test("takes nothing for a meta-command that stands in quotes, comments, dollar quotes or data", () => {
  const analysis = analyse(
    `/* \n\\i no.sql\n*/\nselect '\n\\i no.sql\n', "\n\\i no.sql\n", $$\n\\i no.sql\n$$, $f$\n\\! no\n$f$;
-- \\i no.sql
copy t from stdin;
\\i no.sql
\\! no
\\.
copy t (a) from stdin with (format csv); select 1;
"
\\i no.sql
"
\\.
create function f() returns int language sql begin atomic
  select 1;
end;
select 1;`,
  );
  expect(problems(analysis)).toEqual([]);
  expect(paths(analysis)).toEqual(["script main.sql"]);
  expect(analysis.statements).toBe(6);
});

test("reads lines of any length", () => {
  const long = "x".repeat(200_000);
  const analysis = analyse({
    "main.sql": `select '${long}'; \\i b.sql\ncopy t from stdin;\n${long}\n\\.\n\\i b.sql`,
    "b.sql": "select 1;",
  });
  expect(analysis.statements).toBe(4);
  expect(problems(analysis)).toEqual([]);
});

test("names the variables that a script asks for, and not those it sets itself", () => {
  const { variables } = analyse(
    `\\set own 1
select :a, :'b', :"c", :{?d}, :own, 'not :e', 1::int; -- :f
\\if :g
\\echo :h
\\endif
\\i :'i'`,
    { a: "1", b: "x", g: "off", unused: "y" },
  );
  expect(variables.filter(({ name }) => name !== "i")).toEqual([
    { name: "a", value: "1" },
    { name: "b", value: "x" },
    { name: "c", value: null },
    { name: "d", value: null },
    { name: "g", value: "off" },
  ]);
});

test("special variables that are given count without being named", () => {
  expect(analyse("select 1;", { ON_ERROR_STOP: "off" }).variables).toEqual([
    { name: "ON_ERROR_STOP", value: "off" },
  ]);
});

test("a value that only the run knows may name any variable that is given", () => {
  const given = { x: "1", y: "2" };
  const gset = "select ':x' as q \\gset\n";
  expect(analyse(`${gset}select :'q'; \\echo :q`, given).variables).toEqual([]);
  expect(analyse(`${gset}select :q;`, given).variables).toEqual([
    { name: "x", value: "1" },
    { name: "y", value: "2" },
  ]);
  expect(analyse("\\set q ':x'\nselect :q;", given).variables).toEqual([{ name: "x", value: "1" }]);
});

test("takes the branch that the variables decide", () => {
  const files = {
    "main.sql": "\\if :big\n\\i big.sql\n\\else\n\\i small.sql\n\\endif",
    "big.sql": "select 1",
    "small.sql": "select 2",
  };
  expect(paths(analyse(files, { big: "on" }))).toEqual(["script main.sql", "script big.sql"]);
  expect(paths(analyse(files, { big: "no" }))).toEqual(["script main.sql", "script small.sql"]);
});

test("takes both branches when only the run decides", () => {
  const analysis = analyse({
    "main.sql":
      "select true as big \\gset\n\\if :big\n\\i big.sql\n\\elif :other\n\\i missing.sql\n\\else\n\\i small.sql\n\\! x\n\\endif\n\\i after.sql",
    "big.sql": "select 1",
    "small.sql": "select 2",
    "after.sql": "select 3",
  });
  expect(paths(analysis)).toEqual([
    "script main.sql",
    "script big.sql",
    "script small.sql",
    "script after.sql",
  ]);
  expect(analysis.dynamic).toBeNull();
  expect(problems(analysis)).toEqual([
    "main.sql:5 include_missing?",
    "main.sql:8 refused_command?",
  ]);
});

test("a variable set in a branch in doubt is in doubt", () => {
  const analysis = analyse(
    {
      "main.sql": "select 1 as x \\gset\n\\if :x\n\\set f b.sql\n\\endif\n\\i :f",
      "a.sql": "",
      "b.sql": "",
    },
    { f: "a.sql" },
  );
  expect(analysis.dynamic).toMatchObject({ file: "main.sql", line: 5 });
  expect(analysis.variables).toContainEqual({ name: "f", value: "a.sql" });
});

test("knows what a gset sets when the columns are named", () => {
  const files = { "a.sql": "", "b/c.sql": "" };
  const named = "select 'a.sql' as f, count(*) as \"N\" from t \\gset\n";
  expect(analyse({ ...files, "main.sql": `${named}\\i a.sql` }).dynamic).toBeNull();
  expect(analyse({ ...files, "main.sql": `${named}\\i :d/c.sql` }, { d: "b" }).dynamic).toBeNull();
  expect(analyse({ ...files, "main.sql": `${named}\\i :f` }).dynamic).not.toBeNull();
  const unnamed = "select * from t \\gset\n";
  expect(
    analyse({ ...files, "main.sql": `${unnamed}\\i :d/c.sql` }, { d: "b" }).dynamic,
  ).not.toBeNull();
  const prefixed = "select * from t \\gset p_\n";
  expect(
    analyse({ ...files, "main.sql": `${prefixed}\\i :d/c.sql` }, { d: "b" }).dynamic,
  ).toBeNull();
  expect(analyse({ ...files, "main.sql": `${prefixed}\\i :p_x` }).dynamic).not.toBeNull();
});

test("marks what is volatile, where it is code", () => {
  const { volatile } = analyse(`select now(), 'now()', "now()", $$now()$$, random ();
-- now()
/* random() */ select current_timestamp, a.random, now from t;
create table t (a timestamptz default CURRENT_DATE, id uuid default gen_random_uuid());
do $x$
begin
  perform pg_backend_pid();
end $x$;
create function f() returns float language sql as '
  select random()';
select clock_timestamp
();
\\if 0
select now();
\\endif
select nextval('s'), lower('NOW()'), :'PORT', :'USER';`);
  expect(volatile.map(({ what, where, line }) => `${line} ${where} ${what}`)).toEqual([
    "1 statement now",
    "1 statement random",
    "3 statement current_timestamp",
    "4 stored current_date",
    "4 stored gen_random_uuid",
    "7 do pg_backend_pid",
    "10 routine random",
    "11 statement clock_timestamp",
    "16 statement PORT",
  ]);
});

test.each<[string, string]>([
  ["create table t (a timestamptz default now())", "stored t"],
  ['create temp table if not exists s."T t" (a int check (a < random()))', "stored T t"],
  ["create table t (a int, b timestamptz\n  default (now() - interval '1 h'))", "stored t"],
  ["create table t partition of p (a default now()) for values in (1)", "stored t"],
  ["create table t partition of p for values from (now()) to (maxvalue)", "statement null"],
  ["create table t as select now()", "statement null"],
  ["create table t (a) as (select now())", "statement null"],
  ["create materialized view v as select now()", "statement null"],
  ["create or replace temp view v as select now()", "stored null"],
  ["create rule r as on insert to t do also update u set a = now()", "stored null"],
  ["create policy p on t using (a < now())", "stored null"],
  [
    "create trigger g after update on t for each row when (old.a < now()) execute function f()",
    "stored null",
  ],
  ["create domain d as timestamptz default now()", "stored null"],
  ["alter table t add column a timestamptz default now()", "statement null"],
  ["alter table only s.t alter a set default now()", "stored t"],
  ["alter table t alter a set default 1, add column b timestamptz default now()", "statement null"],
  ["alter table t add column b int default 1, alter column a set default now()", "stored t"],
  ["alter table t alter a type timestamptz using now()", "statement null"],
  ["create schema s create table t (a timestamptz default now())", "statement null"],
  ["create table t (); \\; create table u (a timestamptz default now())", "statement null"],
  ["insert into t values (now())", "statement null"],
  [
    "create procedure p() language sql begin atomic insert into t values (now()); end",
    "routine null",
  ],
])("tells whether %s evaluates", (sql, expected) => {
  const { volatile } = analyse(`${sql};`);
  expect(volatile.map(({ where, relation }) => `${where} ${relation}`)).toEqual([expected]);
});

test("names the tables that get rows", () => {
  const { writes } = analyse({
    "main.sql": `insert into a values (1);
INSERT INTO s."B b" (x) select 1;
copy s.c (x) from stdin;
1
\\.
copy d to stdout;
with w as (insert into e values (1) returning 1) select * from w;
do $$ begin insert into f values (1); end $$;
merge into g using h on true when not matched then insert values (1);
select 1 \\; insert into i values (1);
\\copy j from 'j.csv'
select 'insert into x';`,
    "j.csv": "1\n",
  });
  expect(writes).toEqual(["a", "B b", "c", "e", "f", "g", "i", "j"]);
});

test("names the kinds of statements that reach beyond a database", () => {
  const { kinds } = analyse(
    "create role r;\nalter system set a = 1; create database d;\n\\c d\nbegin; commit;\ncreate user mapping for a server s;\ncopy t from '/x'; copy t to program 'y';\nselect 'create role x';\ncreate extension e;",
  );
  expect(kinds.map(({ kind, line }) => `${line} ${kind}`)).toEqual([
    "1 role",
    "2 alter_system",
    "2 database",
    "3 connect",
    "4 transaction",
    "6 copy_file",
    "6 copy_program",
    "8 extension",
  ]);
});

test("COPY with what is the server's is a problem for a superuser only", () => {
  const main = "copy t from stdin;\n\\.\ncopy (select ';program') to program 'x';\n";
  const input = { files: treeOf({ "main.sql": main }), entry: "main.sql", variables: {} };
  expect(problems(analyseScript(input))).toEqual([]);
  expect(problems(analyseScript({ ...input, superuser: true }))).toEqual([
    "main.sql:3 refused_command",
  ]);
});

test("tells whether the last statement states an order", () => {
  expect(analyse("select 1; select a from t order by a").ordered).toBe(true);
  expect(analyse("select a from (select 1 order by 1) t").ordered).toBe(false);
  expect(analyse("(select 1) order by 1;").ordered).toBe(true);
  expect(analyse("with x as (select 1 order by 1) table x;").ordered).toBe(false);
  expect(analyse("select 1; insert into t values (1);").ordered).toBeNull();
  expect(analyse("-- nothing").ordered).toBeNull();
});

test("finds checkpoints", () => {
  const { checkpoints } = analyse(
    "select 1;\n-- sqlr:checkpoint\n'\n-- sqlr:checkpoint\n';\n--sqlr:checkpoint\n-- sqlr:checkpoint x",
  );
  expect(checkpoints.map(({ line }) => line)).toEqual([2, 6]);
});

test("what follows a quit is not looked at", () => {
  const files = { "main.sql": "\\i a.sql\n\\q\n\\! ls", "a.sql": "select 1;\n\\q\n\\! ls" };
  expect(problems(analyse(files))).toEqual([]);
  expect(problems(analyse("select 1 as q \\gset\n\\if :q\n\\q\n\\endif\n\\! ls"))).toEqual([
    "main.sql:5 refused_command",
  ]);
});

test("an analysis is had again until what it hangs on changes", () => {
  const memo: AnalysisMemo = new Map();
  const files = {
    "main.sql": "\\i a.sql\n\\copy t from d.csv\nselect :x;",
    "a.sql": "select 1;",
    "d.csv": "1",
    "z.sql": "",
  };
  const again = (changed: Files = {}, variables: Record<string, string> = {}) =>
    analyseScript({ files: treeOf({ ...files, ...changed }), entry: "main.sql", variables }, memo);
  const first = again();
  expect(again()).toBe(first);
  expect(again({ "z.sql": "other" })).toBe(first);
  expect(again({}, { unused: "1" })).toBe(first);
  expect(again({ "a.sql": "select 2;" })).not.toBe(first);
  expect(again({ "d.csv": "2" })).not.toBe(first);
  expect(again({}, { x: "1" })).not.toBe(first);
  expect(again({}, { ON_ERROR_STOP: "off" })).not.toBe(first);
  expect(again()).toBe(first);

  const open: AnalysisMemo = new Map();
  const tree = treeOf({ "main.sql": "select ':x' as q \\gset\nselect :q;" });
  const input = { files: tree, entry: "main.sql", variables: {} };
  const none = analyseScript(input, open);
  expect(analyseScript({ ...input, variables: { x: "1" } }, open)).not.toBe(none);
  expect(analyseScript(input, open)).toBe(none);
});
