import { expect, test } from "vitest";
import { type Analysis, analyseScript } from "./analysis.ts";
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

test("tells all problems with their places, not only the first", () => {
  const analysis = analyse({
    "main.sql": `\\i missing.sql
\\i /etc/passwd
\\i ../up.sql
\\i ~/x
\\ir sub/inner.sql
\\! ls
\\nosuch
\\d t
\\echo \`ls\`
\\copy t from program 'ls'
\\copy t to 'out.csv'
\\copy t from 'missing.csv'
\\o out.txt
\\set AUTOCOMMIT off
\\set ON_ERROR_STOP maybe
set client_encoding = 'latin1';
\\encoding latin1
\\endif
\\echo 'open
\\i
\\if 1
select 'open`,
    "sub/inner.sql": "select 1;\n\\prompt x\n\\i main.sql\n\\ir inner.sql",
  });
  expect(problems(analysis)).toEqual([
    "main.sql:1 include_missing",
    "main.sql:2 path_escape",
    "main.sql:3 path_escape",
    "main.sql:4 path_escape",
    "sub/inner.sql:2 refused_command",
    "sub/inner.sql:3 include_cycle",
    "sub/inner.sql:4 include_cycle",
    "main.sql:6 refused_command",
    "main.sql:7 unsupported_meta_command",
    "main.sql:8 unsupported_meta_command",
    "main.sql:9 refused_command",
    "main.sql:10 refused_command",
    "main.sql:11 refused_command",
    "main.sql:12 include_missing",
    "main.sql:13 refused_command",
    "main.sql:14 refused_command",
    "main.sql:15 invalid_argument",
    "main.sql:16 unsupported_encoding",
    "main.sql:17 unsupported_encoding",
    "main.sql:18 unbalanced_if",
    "main.sql:19 unterminated",
    "main.sql:20 invalid_argument",
    "main.sql:22 unterminated",
    "main.sql:21 unbalanced_if",
  ]);
  for (const { message } of analysis.problems) expect(message).toMatch(/[.!)]$/);
});

test("files that are no text are told with their line", () => {
  expect(
    problems(analyse({ "main.sql": Buffer.from("select 1;\nselect '\xff';", "latin1") })),
  ).toEqual(["main.sql:2 invalid_utf8"]);
  expect(problems(analyse("select 1;\nselect '\0';"))).toEqual(["main.sql:2 invalid_utf8"]);
  expect(problems(analyse("PGDMP\x01\x0e"))).toEqual(["main.sql:1 invalid_utf8"]);
  expect(
    problems(analyse({ "main.sql": Buffer.from("copy t from stdin;\n\xff\n\\.\n", "latin1") })),
  ).toEqual([]);
});

test("includes too deep, and too many, are told", () => {
  const deep: Files = { "main.sql": "\\i 0.sql" };
  for (let level = 0; level < 40; level += 1) deep[`${level}.sql`] = `\\i ${level + 1}.sql`;
  deep["40.sql"] = "select 1;";
  expect(problems(analyse(deep))).toEqual(["31.sql:1 include_depth"]);

  const many: Files = { "main.sql": "\\i 0.sql" };
  for (let level = 0; level < 20; level += 1) {
    many[`${level}.sql`] = `\\i ${level + 1}.sql\n`.repeat(4);
  }
  many["20.sql"] = "select 1;";
  const found = analyse(many).problems;
  expect(found[0]?.code).toBe("script_too_large");
  expect(found.length).toBeLessThanOrEqual(1_000);
});

test("with ON_ERROR_STOP off errors that psql passes over are in doubt", () => {
  const script = "\\set ON_ERROR_STOP off\n\\i missing.sql\n\\.\n\\! ls\n";
  expect(problems(analyse(script))).toEqual([
    "main.sql:2 include_missing?",
    "main.sql:3 unsupported_meta_command?",
    "main.sql:4 refused_command",
  ]);
});
