import type { Run } from "@quern/contract/runs";
import { expect, test } from "vitest";
import { compareFacts, compareParameters, compareTimings, differenceWords } from "./compare.ts";

const START = Date.parse("2026-11-21T12:00:00.000Z");
const at = (ms: number) => new Date(START + ms).toISOString();
const RUN: Run = {
  id: "a",
  kind: "query",
  status: "succeeded",
  datasource: { id: "d", name: "Demo" },
  query: { id: "q", name: "Flights", version: 3, saved_on: null },
  job_id: null,
  sql: "select 1",
  sent_sql: null,
  limits: { timeout_ms: 60_000, max_rows: 100_000, max_bytes: 1024 ** 3 },
  priority: "interactive",
  trigger: "user",
  created_by: null,
  callers: [],
  firings: [],
  dashboards: [],
  attempt: 1,
  runner: "r",
  traceparent: null,
  retry_of: null,
  source: null,
  queued_at: at(0),
  claimed_at: at(10),
  started_at: at(20),
  first_row_at: at(120),
  finished_at: at(140),
  rows: 5,
  bytes: 100,
  truncated: null,
  error: null,
  cancel: null,
  cpu_ms: 12,
  peak_rss: null,
  result_expires_at: null,
  result_expired: false,
  params: [],
  plan: null,
  statements: [],
  notices: [],
  report: null,
};

test("each phase has its difference, and one that a run never reached has none", () => {
  const failed: Run = { ...RUN, status: "failed", first_row_at: null, finished_at: at(420) };
  const rows = compareTimings(failed, RUN, 0);
  expect(rows.map(({ key, mine, other, difference }) => [key, mine, other, difference])).toEqual([
    ["queued", 10, 10, 0],
    ["connecting", 10, 10, 0],
    ["executing", 400, 100, 300],
    ["streaming", null, 20, null],
    ["total", 420, 140, 280],
  ]);
  expect(rows.map(differenceWords)).toEqual([
    "the same",
    "the same",
    "+300 ms (4.0×)",
    "—",
    "+280 ms (3.0×)",
  ]);
  const faster = compareTimings(RUN, failed, 0).find(({ key }) => key === "executing");
  expect(faster && differenceWords(faster)).toBe("−300 ms (0.3×)");
});

test("limits are told only where they differ", () => {
  const other: Run = { ...RUN, rows: 6, limits: { ...RUN.limits, max_rows: 6 }, truncated: "rows" };
  const facts = compareFacts(RUN, other);
  expect(facts.filter(({ differs }) => differs)).toEqual([
    { name: "Rows", mine: "5", other: "6 (cut at a limit)", differs: true },
    { name: "Rows at most", mine: "100,000", other: "6", differs: true },
  ]);
  expect(facts.some(({ name }) => name === "Timeout")).toBe(false);
});

test("parameters are compared by name, with what was bound", () => {
  const bound = (value: string) => [{ name: "day", sql_type: "date", value }];
  const week: Run["params"][number] = {
    name: "day",
    type: "date",
    given: { relative: "last", count: 1, unit: "day" },
    bound: bound("2026-11-20"),
  };
  const mine: Run = { ...RUN, params: [week] };
  const other: Run = {
    ...RUN,
    params: [
      { ...week, bound: bound("2026-11-19") },
      { ...week, name: "x" },
    ],
  };
  expect(compareParameters(mine, other)).toEqual([
    { name: "day", mine: "last day → 2026-11-20", other: "last day → 2026-11-19", differs: true },
    { name: "x", mine: "—", other: "last day → 2026-11-20", differs: true },
  ]);
});
