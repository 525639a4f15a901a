import { expect, test } from "vitest";
import { formatByteLimit, formatBytes } from "./bytes.ts";
import { formatCount, parseCount } from "./count.ts";
import { curlOf } from "./curl.ts";
import { formatClock, formatDuration, parseDuration } from "./duration.ts";
import { formatAge, formatInstant } from "./instants.ts";
import { howTriggered, whoRan } from "./runs.ts";
import { sqlLine } from "./sql-line.ts";

test("durations keep their width and never round up into a wrong unit", () => {
  const cases: [number, string][] = [
    [0, "0 ms"],
    [0.02, "< 0.1 ms"],
    [0.42, "0.4 ms"],
    [0.97, "1 ms"],
    [312.4, "312 ms"],
    [999.6, "1.00 s"],
    [1_240, "1.24 s"],
    [9_996, "10.0 s"],
    [59_960, "1 min"],
    [192_000, "3 min 12 s"],
    [7_500_000, "2 h 5 min"],
    [273_600_000, "3 d 4 h"],
  ];
  for (const [ms, words] of cases) expect(formatDuration(ms)).toBe(words);
  expect(formatClock(12_340)).toBe("12.3 s");
  expect(formatClock(187_000)).toBe("3:07");
  expect(formatClock(3_729_000)).toBe("1:02:09");
});

test("what a person types as a limit is read back", () => {
  expect(parseDuration("90")).toBe(90_000);
  expect(parseDuration("5 min")).toBe(300_000);
  expect(parseDuration("5m")).toBe(300_000);
  expect(parseDuration("soon")).toBeNull();
  expect(parseCount("100,000")).toBe(100_000);
  expect(parseCount("2.5 M")).toBe(2_500_000);
  expect(parseCount("many")).toBeNull();
});

test("bytes, counts and ages", () => {
  expect(formatBytes(812)).toBe("812 B");
  expect(formatBytes(3_200_000)).toBe("3.2 MB");
  expect(formatBytes(999_999)).toBe("1.0 MB");
  expect(formatByteLimit(268_435_456)).toBe("256 MiB");
  expect(formatByteLimit(1_000_000)).toBe("1.0 MB");
  expect(formatCount(1_204_331)).toBe("1,204,331");
  const now = Date.parse("2026-11-21T12:00:00.000Z");
  expect(formatAge("2026-11-21T11:59:48.000Z", now)).toBe("12 s ago");
  expect(formatAge("2026-11-18T12:00:00.000Z", now)).toBe("3 d ago");
  expect(formatAge("2026-11-24T12:00:00.000Z", now)).toBe("in 3 d");
});

test("midnight is the day's first minute, not its twenty-fifth hour", () => {
  const midnight = new Date(2026, 10, 21, 0, 5);
  expect(formatInstant(midnight.toISOString(), midnight.getTime())).toBe("00:05");
});

test("a run has somebody behind it: a person, one who left, or Quern", () => {
  const ada = { id: "a", name: "Ada" };
  expect(whoRan({ created_by: ada, trigger: "api" })).toBe("Ada");
  expect(howTriggered({ created_by: ada, trigger: "api" })).toBe("over the API");
  expect(whoRan({ created_by: null, trigger: "api" })).toBe("Quern");
  expect(howTriggered({ created_by: null, trigger: "api" })).toBe("");
  expect(whoRan({ created_by: null, trigger: "user" })).toBe("Somebody who left");
});

test("the curl of a run survives quotes, and names the query when there is one", () => {
  const limits = { timeout_ms: 1, max_rows: 2, max_bytes: 3 };
  const sql = curlOf(
    { query: null, datasource: { id: "d", name: "D" }, sql: "select 'it''s'", limits, params: [] },
    "http://q",
  );
  expect(sql).toContain(`"sql":"select '\\''it'\\'''\\''s'\\''"`);
  const saved = curlOf(
    {
      query: { id: "q", name: "", version: 1, saved_on: null },
      datasource: null,
      sql: "x",
      limits,
      params: [],
    },
    "http://q",
  );
  expect(saved).toContain('"query_id":"q"');
  expect(saved).not.toContain('"sql"');
});

test("SQL in a list is one line without the comment on top", () => {
  expect(sqlLine("-- who\n/* a\nb */ select 1,\n  2")).toBe("select 1, 2");
});
