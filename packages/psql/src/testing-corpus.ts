/** Scripts for every rule of psql that the interpreter follows; run by psql and by the interpreter, and compared. */
import { COMMAND_CASES, INCLUDE_CASES } from "./testing-corpus-commands.ts";
import { COPY_CASES } from "./testing-corpus-copy.ts";
import { QUOTING_CASES } from "./testing-corpus-quoting.ts";

export type CorpusCase = {
  name: string;
  /** `main.sql` is the entry. */
  files: Record<string, string>;
  variables?: Record<string, string>;
  /** The first psql, by its major version, that does so. */
  since?: number;
};

function one(name: string, main: string, variables: Record<string, string> = {}): CorpusCase {
  return { name, files: { "main.sql": main }, variables };
}

const VARIABLES: CorpusCase[] = [
  one(
    "variables in their three forms",
    `\\set n 5
\\set t 'it''s'
\\set c "my col"
create table v (a int, b text, "odd ""name" int);
insert into v values (:n, :'t', 0);
\\set col 'odd "name'
select :"col" from v;
select :n + 1, :'n', :"col" from v;`,
  ),
  one("a variable given from outside", "select :'who', :n * 2;", { who: "O'Hara \\ x", n: "21" }),
  one(
    "no variables in quotes, comments, names and casts",
    `\\set a 1
select ':a', ":a" from (select 2 as ":a") t;
select $$:a$$, $x$ :a :'a' $x$;
select '1'::int, 1::text /* :a :'a */ -- :a
;
select array[1,2,3][1:2], E'\\':a';`,
  ),
  one("a variable that is not set stays", "select array[10,20,30][2:3], '12:30'::time;"),
  one(
    "tests whether variables are set",
    `\\set x
\\echo :{?x} :{?y} :{?ON_ERROR_STOP}
select :{?x} and not :{?y};
\\unset x
select :{?x};`,
  ),
  one(
    "set puts values together",
    `\\set a one
\\set b 'two words'
\\set c :a :b three
\\echo :c
\\set d :c ':a' ":a" :'b'
\\echo :d
\\set e a;b;
\\echo :e`,
  ),
  one(
    "escapes in arguments",
    `\\set x 'a\\tb\\nc\\\\d\\'e\\101\\x42\\303\\251'
\\echo :x
\\echo 'a''b' "c d" 'e'f"g h"i
\\echo 'tab:\\t' \\\\ select 'after';`,
  ),
  one(
    "a value is scanned: semicolons, quotes and other variables in it",
    `\\set two 'select 1; select 2'
:two;
\\set open '''abc '
select :open def';
\\set inner 7
\\set outer 'select :inner'
:outer;
\\set self ':self + 1'
\\set n 3
select :n :two ;`,
  ),
  one("a value that refers to itself", "\\set s 'select 1 as a, :s'\n\\echo before\n:s;"),
  one(
    "quoted references are not scanned again",
    `\\set v ':w'
\\set w 9
select :'v', :"v" from (select 1 as ":w") t;
select :v;`,
  ),
  one(
    "psql's own variables",
    `select :'DBNAME' = current_database(), :'USER' = current_user;
\\echo :SERVER_VERSION_NUM :ENCODING :AUTOCOMMIT :ON_ERROR_STOP
\\if :SERVER_VERSION_NUM
select 'number is no boolean';
\\endif
select :SERVER_VERSION_NUM > 120000;`,
  ),
  one(
    "what the last statement did",
    `create table r (a int);
insert into r select generate_series(1, 7);
\\echo :ROW_COUNT :ERROR :SQLSTATE
select * from r limit 3;
\\echo :ROW_COUNT
\\set ON_ERROR_STOP off
select nonsense;
\\echo :ROW_COUNT :ERROR :SQLSTATE :LAST_ERROR_SQLSTATE :LAST_ERROR_MESSAGE
select 1;
\\echo :ROW_COUNT :ERROR :SQLSTATE :LAST_ERROR_SQLSTATE`,
  ),
  one("a bad value of a special variable", "\\set ON_ERROR_STOP maybe\nselect 1;"),
  one(
    "unset gives a special variable its default",
    "\\unset ON_ERROR_STOP\nselect nonsense;\n\\echo on",
  ),
  one("a bad name of a variable", "\\set a-b 1\nselect 1;"),
  one(
    "echo without a line end",
    "\\echo -n a\n\\echo b\n\\set n -n\n\\echo :n c\n\\echo '-n' d\n\\qecho q",
  ),
];

const CONDITIONS: CorpusCase[] = [
  one(
    "branches",
    `\\set a on
\\if :a
select 'taken';
\\elif true
select 'not this';
\\else
select 'nor this';
\\endif
\\if false
select 'no';
\\elif yes
select 'elif';
\\else
select 'no';
\\endif
\\if 0
\\else
select 'else';
\\endif`,
  ),
  one(
    "branches in branches",
    `\\if 1
  \\if 0
    select 1;
    \\if 1
      select 2;
    \\endif
  \\else
    select 3;
  \\endif
  select 4;
\\else
  \\if 1
  select 5;
  \\endif
\\endif
select 6;`,
  ),
  one(
    "a statement over branches",
    `select
\\if 1
  1 as a,
\\else
  2 as b, (
\\endif
  3;
select (
\\if 0
  ( ) ( nothing ;
\\endif
  4);`,
  ),
  one(
    "what is not taken is not evaluated",
    "\\if 0\n\\set x 1\n\\echo :x `exit 3`\n\\i missing.sql\n\\q\n\\copy nothing\n\\endif\n\\echo :{?x}",
  ),
  one(
    "quotes in a branch that is not taken",
    "\\if 0\nselect 'it\n\\endif\n'';\n\\endif\n';\n\\endif\nselect 1;",
  ),
  one(
    "no boolean is false",
    "\\if maybe\nselect 1;\n\\else\nselect 2;\n\\endif\n\\if\nselect 3;\n\\endif",
  ),
  one(
    "booleans by their beginnings",
    "\\if t\n\\echo 1\n\\endif\n\\if Y\n\\echo 2\n\\endif\n\\if fal\n\\echo 3\n\\endif\n\\if oN\n\\echo 4\n\\endif\n\\if of\n\\echo 5\n\\endif",
  ),
  one("an if that is not closed", "\\if 1\nselect 1;"),
  one("an endif too many", "select 1;\n\\endif\nselect 2;"),
  one("an elif after else", "\\if 0\n\\else\n\\elif 1\n\\endif"),
  one("an else too many", "\\else\n"),
  one(
    "conditions on the same line",
    "\\if 1 \\\\ select 1; \\else \\\\ select 2; \\endif \\\\ select 3;",
  ),
  one(
    "an unknown command in a branch that is not taken",
    "\\if 0\n\\nosuch thing\n\\endif\nselect 1;",
  ),
];

/** All of them. */
export const CORPUS: CorpusCase[] = [
  ...VARIABLES,
  ...CONDITIONS,
  ...COMMAND_CASES,
  ...INCLUDE_CASES,
  ...QUOTING_CASES,
  ...COPY_CASES,
];
