import type { Cell, Column } from "@quern/contract/results";
import { expect, test } from "vitest";
import { coloursOf } from "../colours.ts";
import { reportOf, type TestOutcome } from "./report.ts";
import { type Checked, judge } from "./verdict.ts";

const column = (name: string, type: Column["type"] = "text"): Column => ({
  name,
  type,
  source_type: type,
});
const result = (columns: Column[], ...rows: Cell[][]): Checked => ({
  columns,
  rows,
  truncated: false,
});
const tap = (...lines: string[]) => result([column("is")], ...lines.map((line) => [line]));

test("rows of not_ok, and rows whose ok is not true, are faults", () => {
  const rows = result([column("not_ok", "int4"), column("why")], [7, "late"]);
  expect(judge([rows])).toMatchObject({ checks: 1, faults: ["not_ok: not_ok=7, why=late"] });
  expect(judge([result([column("not_ok")])])).toMatchObject({ checks: 1, faults: [] });
  const checks = result(
    [column("what"), column("ok", "bool")],
    ["a", true],
    ["b", false],
    ["c", null],
  );
  expect(judge([checks])).toMatchObject({
    checks: 3,
    faults: ["what=b, ok=false", "what=c, ok=NULL"],
  });
  // A column of another type that is called ok says nothing.
  expect(judge([result([column("ok")], ["f"])])).toMatchObject({ checks: 0, faults: [] });
});

test("lines of TAP count, with their plan, numbers and directives", () => {
  expect(judge([tap("1..2"), tap("ok 1 - a"), tap("ok 2")])).toEqual({
    checks: 2,
    faults: [],
    skipped: null,
  });
  expect(judge([tap("not ok 1 - a\n# Failed test 1", "# have: 2")]).faults).toEqual([
    "not ok 1 - a\n# Failed test 1\n# have: 2",
  ]);
  expect(judge([tap("1..3", "ok 1")]).faults).toEqual(["3 checks were planned, and 1 made"]);
  expect(judge([tap("ok 2")]).faults).toEqual(["the check numbered 2 is number 1"]);
  expect(judge([tap("not ok 1 - later # TODO")]).faults).toEqual([]);
  expect(judge([tap("1..5", "Bail out! no table")]).faults).toEqual(["Bail out! no table"]);
  expect(judge([tap("1..0 # SKIP no pgTAP here")])).toMatchObject({
    faults: [],
    skipped: "no pgTAP here",
  });
  expect(judge([tap("okay, this is text", "not okay either")])).toMatchObject({
    checks: 0,
    faults: [],
  });
});

test("a result that was cut is no proof, and many faults are shortened", () => {
  expect(judge([{ ...result([column("not_ok")]), truncated: true }]).faults).toHaveLength(1);
  const many = result([column("not_ok", "int4")], ...Array.from({ length: 50 }, (_, n) => [n]));
  expect(judge([many]).faults.at(-1)).toBe("… and 30 more");
});

const outcome = (more: Partial<TestOutcome>): TestOutcome => ({
  name: "test/a.sql",
  status: "passed",
  message: "",
  faults: [],
  file: "db/test/a.sql",
  line: null,
  sqlstate: null,
  duration_ms: 12.4,
  checks: 1,
  job_id: null,
  timed_out: false,
  ...more,
});
const OUTCOMES = [
  outcome({}),
  outcome({
    name: "test/<b> #1.sql",
    status: "failed",
    message: 'relation "x" & co\u0001',
    faults: ["not ok 1"],
    line: 3,
    sqlstate: "42P01",
  }),
  outcome({ name: "c.sql", status: "skipped", message: "not here" }),
  outcome({ name: "d.sql", status: "error", message: "no sandbox" }),
];

function written(format: "tap" | "junit" | "pretty"): string {
  const report = reportOf(format, coloursOf(false));
  const middle = OUTCOMES.map((each, index) => report.outcome(each, index + 1));
  return [report.start(OUTCOMES.length), ...middle, report.end(OUTCOMES, 1234)].join("");
}

test("TAP 14: titles are escaped, what failed says why in YAML", () => {
  const lines = written("tap").split("\n");
  expect(lines.slice(0, 2)).toEqual(["TAP version 14", "1..4"]);
  expect(lines).toContain("not ok 2 - test/<b> \\#1.sql");
  expect(lines).toContain('  file: "db/test/a.sql"');
  expect(lines).toContain("  line: 3");
  expect(lines).toContain("ok 3 - c.sql # SKIP not here");
});

test("JUnit: sums, escapes, and no character that XML cannot hold", () => {
  const xml = written("junit");
  expect(xml).toContain(
    '<testsuite name="quern" tests="4" failures="1" errors="1" skipped="1" time="1.234">',
  );
  expect(xml).toContain(
    '<testcase classname="test" name="a.sql" file="db/test/a.sql" time="0.012"/>',
  );
  expect(xml).toContain(
    '<failure message="relation &quot;x&quot; &amp; co\ufffd" type="42P01">db/test/a.sql:3: ',
  );
  expect(xml).toContain('name="&lt;b&gt; #1.sql"');
  expect(xml).toContain('<error message="no sandbox" type="error">');
});

test("for people: a mark each, where it failed, and the sums", () => {
  const text = written("pretty");
  expect(text).toContain(
    '✗ test/<b> #1.sql 12 ms\n    db/test/a.sql:3: relation "x" & co\ufffd\n    not ok 1\n',
  );
  expect(text).toContain("1 passed, 2 failed, 1 skipped in 1.2 s");
});
