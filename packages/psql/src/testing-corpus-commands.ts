/** Meta-commands, and files that include files. */
import type { CorpusCase } from "./testing-corpus.ts";

function one(name: string, main: string): CorpusCase {
  return { name, files: { "main.sql": main } };
}

export const COMMAND_CASES: CorpusCase[] = [
  one(
    "gset",
    `select 1 as a, 'two words' as b, null as c \\gset
\\echo :a :b :{?c}
select 5 as x, 6 as y \\gset p_
\\echo :p_x :p_y
\\set c 1
select null as c \\gset
\\echo :{?c}
create table g as select :a as v;
select 'changed' as "ON_ERROR_STOP" \\gset
\\echo :ON_ERROR_STOP`,
  ),
  one("gset without a row", "select 1 as a where false \\gset\nselect 2;"),
  one("gset with two rows", "select generate_series(1,2) as a \\gset\nselect 2;"),
  one("gset of a name that is none", 'select 1 as "a b" \\gset\nselect 2;'),
  one("gset of a statement without rows", "create table gs (a int) \\gset\n\\echo :{?a}"),
  one(
    "gexec",
    `select format('create table g%s (a int)', i), case i when 2 then 'insert into g2 values (9)' end
from generate_series(1, 3) i \\gexec
select 'select ' || i from generate_series(1, 2) i
\\gexec
select 'select 1; select 2' \\gexec`,
  ),
  one(
    "gexec with an error",
    "select 'select 1' union all select 'select nonsense' order by 1\n\\gexec\nselect 3;",
  ),
  one("g", "select 1 \\g\nselect 2\n\\g\n\\g\nselect 3 \\g (format=unaligned)\n\\echo end"),
  one("g of an unfinished statement", "select (1 \\g\nselect 2;"),
  one(
    "g with a place that is nowhere",
    "select 1 \\g /dev/null\nselect 2;\n\\o /dev/null\nselect 3;\n\\o\nselect 4;",
  ),
  one(
    "statements joined",
    "create table j (a int);\ninsert into j values (1)\\; insert into j values (2)\\; select count(*) from j;\nselect 1 \\; select 2;",
  ),
  one(
    "joined statements share a transaction",
    "create table j (a int);\n\\set ON_ERROR_STOP off\ninsert into j values (1)\\; select 1/0;\nselect count(*) from j;",
  ),
  one("a colon by force", "\\set a 1\nselect array[1,2,3][1\\:2];\nselect 2 \\: a;"),
  one(
    "several commands in a line",
    "\\set a 1 \\set b 2\n\\echo :a :b \\echo again\nselect 1; select 2; \\echo end",
  ),
  one("a command within a statement", "select 1,\n\\set x 2\n:x,\n\\echo between\n3;"),
  one(
    "extra arguments",
    "\\set x 1\n\\unset x y z\n\\echo :{?x}\n\\gset\nselect 1 as a \\gset p q\n\\echo :pa",
  ),
  one(
    "display commands",
    "\\pset pager off\n\\x off\n\\t on\n\\timing off\n\\f ,\n\\C title\nselect 1;",
  ),
  one("an unknown command", "select 1;\n\\nosuch\nselect 2;"),
  one(
    "an unknown command passed over",
    "\\set ON_ERROR_STOP off\n\\nosuch x \\echo not\nselect 2;",
  ),
  one("the end of data without data", "select 1;\n\\.\nselect 2;"),
  one("quit", "select 1;\n\\q\nselect 2;"),
  one("quit leaves what is unfinished", "select 1\n\\q\n"),
  one("reset", "select nonsense from\n\\r\nselect 1;"),
  {
    ...one(
      "bind",
      "select $1::int + $2::int \\bind 3 4 \\g\nselect $1 \\bind 'a b' \\g\nselect 1;",
    ),
    since: 16,
  },
  one("encoding", "\\encoding UTF8\n\\encoding\nselect 'é';"),
  one("restrict", "\\restrict abc\nselect 1;\n\\unrestrict abc\n\\echo free"),
  one("a command behind restrict", "\\restrict abc\n\\echo no\nselect 1;"),
  one("unrestrict with another key", "\\restrict abc\n\\unrestrict abd\nselect 1;"),
  one("warn and qecho", "\\warn to stderr\n\\qecho to the output"),
  one(
    "the last statement without a semicolon",
    "create table l (a int);\ninsert into l values (1)",
  ),
  one("nothing but comments", "-- nothing\n/* at all */\n;\n  ;;\n-- end"),
  one(
    "errors passed over",
    "\\set ON_ERROR_STOP 0\nselect 1/0;\nselect 1;\nselect nonsense;\nselect 2;",
  ),
  one(
    "stop again",
    "\\set ON_ERROR_STOP off\nselect nonsense;\n\\set ON_ERROR_STOP on\nselect 1;\nselect nonsense2;\nselect 3;",
  ),
  one(
    "rollback to before an error",
    "\\set ON_ERROR_ROLLBACK on\n\\set ON_ERROR_STOP off\ncreate table s (a int);\nbegin;\ninsert into s values (1);\nselect nonsense;\ninsert into s values (2);\ncommit;",
  ),
  one(
    "a failed transaction is rolled back by its commit",
    "\\set ON_ERROR_STOP off\ncreate table s (a int);\nbegin;\ninsert into s values (1);\nselect nonsense;\ninsert into s values (2);\ncommit;\nselect 1;",
  ),
  one(
    "the end of a line ends a statement",
    "\\set SINGLELINE on\nselect 1\nselect 2\n\\set SINGLELINE off\nselect\n3;",
  ),
  one(
    "another database of the server",
    `select current_database() as main, current_database() || '_c' as other \\gset
drop database if exists :"other";
create database :"other";
\\c :"other"
create table x (a int);
begin;
select current_database() = :'other', count(*), :'DBNAME' = :'other' from x;
\\connect :main
select current_database() = :'main', to_regclass('x');
\\c - -
\\c -reuse-previous=on :other
select 1;
\\c :main :USER
drop database :"other";`,
  ),
  one(
    "each statement by itself",
    "create table c (a int);\ncreate index concurrently on c (a);\nvacuum c;\nanalyze c;",
  ),
];

export const INCLUDE_CASES: CorpusCase[] = [
  {
    name: "includes from the root and from the folder of the file",
    files: {
      "main.sql": "\\i a/one.sql\n\\ir a/two.sql\n\\include b/three.sql",
      "a/one.sql": "select 'one';\n\\ir two.sql\n\\i b/three.sql",
      "a/two.sql": "select 'two';\n\\include_relative ../b/three.sql",
      "b/three.sql": "select 'three'",
    },
  },
  {
    name: "variables cross files, unfinished statements do not",
    files: {
      "main.sql": "\\set a 1\nselect\n\\i b.sql\n:a, :b;",
      "b.sql": "\\set b 2\nselect :a, 'inner'",
    },
  },
  {
    name: "quit ends its own file",
    files: { "main.sql": "\\i b.sql\nselect 2;", "b.sql": "select 1;\n\\q\nselect 'not';" },
  },
  {
    name: "a file that is missing",
    files: { "main.sql": "select 1;\n\\i missing.sql\nselect 2;" },
  },
  {
    name: "a missing file passed over",
    files: { "main.sql": "\\set ON_ERROR_STOP off\n\\i missing.sql\nselect 2;" },
  },
  {
    name: "an error in an included file",
    files: {
      "main.sql": "select 1;\n\\i b.sql\nselect 3;",
      "b.sql": "select 2;\n\nselect\n  nonsense\n;",
    },
  },
  {
    name: "an included file that switches ON_ERROR_STOP on",
    files: {
      "main.sql": "\\set ON_ERROR_STOP off\n\\i b.sql\nselect 2;\nselect nonsense;\nselect 3;",
      "b.sql": "\\set ON_ERROR_STOP on\nselect nonsense;\nselect 'not';",
    },
  },
  {
    name: "an if that an included file does not close",
    files: { "main.sql": "\\i b.sql\nselect 2;", "b.sql": "\\if 1\nselect 1;" },
  },
  {
    name: "names of files in quotes, with semicolons behind and from variables",
    files: {
      "main.sql": "\\i 'a b.sql'\n\\i c.sql;\n\\set f c.sql\n\\i :f\n\\set d a\n\\i :d' 'b.sql",
      "a b.sql": "select 'a b';",
      "c.sql": "select 'c';",
    },
  },
  { name: "an include without a name", files: { "main.sql": "\\i\nselect 1;" } },
];
