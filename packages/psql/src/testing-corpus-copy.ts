/** COPY with its data in the script, and \copy of files. */
import type { CorpusCase } from "./testing-corpus.ts";

function one(name: string, main: string, since = 0): CorpusCase {
  return { name, files: { "main.sql": main }, since };
}

const TABLE = "create table t (a int, b text);\n";

export const COPY_CASES: CorpusCase[] = [
  one(
    "data in the script",
    `${TABLE}COPY t FROM stdin;\n1\tone\n2\t\\N\n3\t\\\\x\\n\n\\.\nselect count(*) from t;`,
  ),
  one(
    "data that looks like a script",
    `${TABLE}copy t (a, b) from STDIN with (format text);\n1\t'; drop table t; \\i x\n2\t\\echo\n3\t:a $$ /*\n\\.\nselect 1;`,
  ),
  one(
    "CSV with line breaks in quotes",
    `${TABLE}copy t from stdin csv;\n1,"a\nb;\n"\n2,"c ""d"""\n\\.\nselect 1;`,
    18,
  ),
  one(
    "what follows on the line of the COPY",
    `${TABLE}copy t from stdin; select 'after'; \\echo later\n1\tone\n\\.\nselect count(*) from t;`,
  ),
  one(
    "two COPY in one line",
    `${TABLE}copy t from stdin; copy t from stdin;\n1\ta\n\\.\n2\tb\n\\.\nselect sum(a) from t;`,
  ),
  one(
    "two COPY joined",
    `${TABLE}copy t from stdin \\; copy t from stdin;\n1\ta\n\\.\n2\tb\n\\.\nselect sum(a) from t;`,
  ),
  one("no data", `${TABLE}copy t from stdin;\n\\.\nselect count(*) from t;`),
  one("data to the end of the file", `${TABLE}copy t from stdin;\n1\ta\n2\tb`),
  one(
    "data with carriage returns",
    `${TABLE}copy t from stdin;\r\n1\ta\r\n2\tb\r\n\\.\r\nselect a, length(b) from t;\r\n`,
  ),
  one("data with a line of its own kind", `${TABLE}copy t (b) from stdin;\n\\.x\n\\.\nselect 1;`),
  one("an error in the data", `${TABLE}copy t from stdin;\n1\ta\nx\tb\n3\tc\n\\.\nselect 1;`),
  one(
    "an error in the data passed over",
    `\\set ON_ERROR_STOP off\n${TABLE}copy t from stdin;\n1\ta\nx\tb\n3\tc\n\\.\nselect 'goes on';`,
  ),
  one(
    "a COPY that fails leaves its data to be read as a script",
    `\\set ON_ERROR_STOP off\ncopy nosuch from stdin;\nselect 1;\n\\.\nselect 2;`,
  ),
  one("a COPY from an include has its data there", `${TABLE}select 1;`),
  {
    name: "data in an included file",
    files: {
      "main.sql": `${TABLE}\\i d.sql\nselect * from t order by a;`,
      "d.sql": "copy t from stdin;\n1\ta\n\\.\nselect 'in';\n",
    },
  },
  one(
    "COPY to stdout",
    `copy (select 1, 'a b' union all select 2, null order by 1) to stdout;\ncopy (select 1, 'a,b') to stdout csv header;`,
  ),
  {
    name: "copy of a file",
    files: {
      "main.sql": `${TABLE}\\copy t from d.txt\n\\copy t (a, b) from 'd d.csv' with (format csv, header)\nselect * from t order by a;`,
      "d.txt": "1\tone\n2\ttwo\n",
      "d d.csv": 'a,b\n3,"x\ny"\n4,\\.\n',
    },
  },
  {
    name: "copy counts from the root",
    files: {
      "main.sql": `${TABLE}\\i sub/x.sql`,
      "sub/x.sql": "\\copy t from sub/d.txt csv delimiter ';' null 'nil'\nselect * from t;",
      "sub/d.txt": "1;one\n2;nil\n",
    },
  },
  {
    name: "copy with names in quotes",
    files: {
      "main.sql": `create schema "S s";\ncreate table "S s"."T.t" ("A a" int);\n\\copy "S s"."T.t" ("A a") from 'd.txt'\ntable "S s"."T.t";`,
      "d.txt": "5\n",
    },
  },
  {
    name: "copy from the lines that follow",
    files: {
      "main.sql": `${TABLE}\\copy t from stdin\n1\ta\n\\.\n\\copy t from stdin delimiter ','\n2,b\n\\.\nselect * from t order by a;`,
    },
  },
  {
    name: "copy to the output",
    files: { "main.sql": "\\copy (select 1 as a, 'x;y' as b) to stdout csv\nselect 2;" },
  },
  {
    name: "copy has no variables",
    files: { "main.sql": `${TABLE}\\set f d.txt\n\\copy t from :f\n`, "d.txt": "1\tx\n" },
  },
  {
    name: "copy of a file that is missing",
    files: { "main.sql": `${TABLE}\\copy t from nosuch.txt\nselect 1;` },
  },
  {
    name: "copy with an error of the server",
    files: { "main.sql": "\\copy nosuch from d.txt\nselect 1;", "d.txt": "1\n" },
  },
  { name: "copy that cannot be read", files: { "main.sql": `${TABLE}\\copy t d.txt\nselect 1;` } },
  {
    name: "copy counts its rows",
    files: {
      "main.sql": `${TABLE}\\copy t from d.txt\n\\echo :ROW_COUNT`,
      "d.txt": "1\ta\n2\tb\n3\tc\n",
    },
  },
];
