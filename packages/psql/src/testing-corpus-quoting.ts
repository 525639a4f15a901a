/** Where statements end: quotes, comments, dollar quotes, parentheses, bodies of routines, line ends. */
import type { CorpusCase } from "./testing-corpus.ts";

function one(name: string, main: string): CorpusCase {
  return { name, files: { "main.sql": main } };
}

export const QUOTING_CASES: CorpusCase[] = [
  one(
    "strings that never have escapes",
    "set standard_conforming_strings = off;\n\\set ON_ERROR_STOP off\nselect U&' \\', 1;\nselect x'\\', b'\\', 2;\nselect n'\\'', 3;\nselect 4;",
  ),
  one(
    "letters behind numbers begin no string",
    "\\set ON_ERROR_STOP off\nselect 1e'\\'; select 2 as a;\nselect $1e'\\'; select 3;\nselect 4$$;$$;\nselect 5;",
  ),
  one(
    "semicolons in quotes",
    `select 'a;b', "x;y" from (select 1 as "x;y") t; select $$c;d$$, $q$e;$$;f$q$;`,
  ),
  one("doubled quotes", `select 'it''s; ok'; select "a""b;" from (select 2 as "a""b;") t;`),
  one("escape strings", `select E'a\\';b', e'\\\\'; select E'\\\\;', 'c';`),
  one("plain strings end at a backslash", `select 'a\\'; select '\\\\', 'b';`),
  one(
    "strings that allow backslashes",
    `set standard_conforming_strings = off;\nset escape_string_warning = off;\nselect 'a\\';b';\nset standard_conforming_strings = on;\nselect 'a\\'; select 'b';`,
  ),
  one(
    "other kinds of strings",
    `select B'101', X'1F', N'n;', U&'d\\0061t;', U&"d\\0061;" from (select 1 as "da;") t;`,
  ),
  one(
    "strings over lines",
    `select 'a\nb;\n\nc', "x\ny" from (select 1 as "x\ny") t;\nselect 'a'\n  'b;'\n -- comment\n 'c';`,
  ),
  one("escape strings over lines", `select E'a\\\nb\\';c\n', 'd';`),
  one(
    "comments",
    `select 1 -- ; 'not\n, 2 /* ; ' " $$ */, 3 /* a /* nested ; */ ; */, 4; -- end ; \\echo no\n/* ; */ select 5;`,
  ),
  one("comments in operators", `select 1+/* ; */2, 3--;\n;\nselect 1 -- \\\\ \\echo\n;`),
  one(
    "dollar quotes",
    `select $a$ $b$ $a $$ ; $a$, $_x1$;$_x1$, $é$;$é$;\nselect 1 as a$b, 2 as c$$d;`,
  ),
  one(
    "dollars that quote nothing",
    `prepare p (int) as select $1, $1;\nexecute p(3);\nselect 'x' as $a;`,
  ),
  one(
    "a function in dollars",
    `create function f() returns int language plpgsql as $body$\nbegin\n  return 1; -- ' \\nothing :x\nend;\n$body$;\nselect f();`,
  ),
  one(
    "parentheses",
    `create table t (a int, b int);\ncreate rule r as on insert to t do also (select 1; select 2;);\nselect (1; 2);`,
  ),
  one("closing parentheses too many", `select 1); select 2;`),
  one(
    "begin atomic",
    `create function g(a int) returns int language sql begin atomic select 1; select case when a > 0 then (case a when 1 then 2 else 3 end) else 4 end; end;\nselect g(1), g(5), g(0);`,
  ),
  one(
    "begin atomic in a procedure",
    `create table t (a int);\ncreate or replace procedure p() language sql\nbegin atomic\n  insert into t values (1);\n  insert into t values (2);\nend;\ncall p();`,
  ),
  one(
    "begin is no body elsewhere",
    `begin; create table t (a int); end; create view v as select case when true then 1 end as "end"; select * from v;`,
  ),
  one(
    "a function whose text has begin",
    `create function h() returns text language sql as 'select ''begin; x''';\nselect h();\ncreate function i() returns int language sql return 1; select i();`,
  ),
  one(
    "letters before quotes",
    `select date'2020-01-01', time '10:00'; select 1e3, 0x1F; select 1 as e'a;';`,
  ),
  one(
    "carriage returns",
    `select 1;\r\nselect 'a\r\nb';\r\n-- comment\r\n\\echo x y\r\nselect 2\r\n;\r\n\\set v w\r\n\\echo :v.\r\n`,
  ),
  one("a lone carriage return ends a comment", `select 1 -- comment\r, 2;`),
  one("a byte order mark", `\ufeffselect 1;\nselect '\ufeff';`),
  one(
    "letters beyond ASCII",
    `create table größe (straße int);\ninsert into größe values (1);\n\\set ключ значение\nselect :'ключ', '😀;', "straße" from größe;`,
  ),
  one(
    "backslashes in quotes are no commands",
    `select '\\echo no', "a\\b" from (select 1 as "a\\b") t; select $$\\i no$$; /* \\q */ -- \\q\nselect 2;`,
  ),
  one("a command right behind a word", `select 1 as a\\gset\n\\echo :a`),
  one("blanks of all kinds", `select\t1\f,\n\n\n2 ;   \\echo   a    b   \nselect 3;`),
  one("an error behind letters beyond ASCII", `select 'äöü😀', nonsense;`),
  one("an error in the middle", `select 1,\n  2,\n  nonsense,\n  4;\nselect 5;`),
  one(
    "a statement over many lines, and an error far into one",
    `create table t (a int, b text);\ninsert into t values\n${"(1, ';'), -- ;\n\n".repeat(3_000)}(2, 'x\n;\n');\nselect a, count(*), max(b) from t group by a order by a;\ninsert into t values\n${"(1, 'x'),\n".repeat(2_000)}(nonsense, 'x'),\n${"(1, 'x'),\n".repeat(500)}(3, 'x');`,
  ),
  one("a long line", `select length('${"x".repeat(100_000)}');`),
];
