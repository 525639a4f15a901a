import { expect, test } from "vitest";
import { trialAnswer } from "./answer.ts";
import type { TrialRow } from "./facts.ts";
import type { HeadRows } from "./head-rows.ts";

const AT = "2026-11-21T10:00:00.000Z";
const ID = "0197e7a4-0000-7000-8000-000000000001";

const row: TrialRow = {
  ...{ job_id: ID, finding_id: ID, database_id: ID },
  facts: {
    ...{ engine: { sandbox: 18, database: 17 }, schema_at: AT, statistics: "columns" },
    ...{ statistics_at: AT, settings: 5, fix: "create index on t (a)", gaps: [] },
    statements: [{ n: 1, statement_id: null, source: "busiest", text: "select $1", time_ms: null }],
  },
};

const job = {
  ...{ id: ID, status: "completed" as const, error: null, snapshot: null, created_by: null },
  ...{ created_at: AT, finished_at: AT, expires_at: AT },
  progress: {
    ...{ stage: "done" as const, stages: [], duration_ms: 1, steps_total: 0, steps_done: 0 },
    current: null,
  },
};

const NAMES = ["n", "cost", "rows", "plan", "error", "state", "ms", "untimed", "why"];
const plans = (...cells: HeadRows["rows"][number]): HeadRows => ({
  ...{ columns: NAMES.map((name) => ({ name })), rows: [cells] },
});
const gaps: HeadRows = {
  columns: ["kind", "object", "how", "reason", "detail"].map((name) => ({ name })),
  rows: [["setting", "work_mem", "left_out", "refused", "no"]],
};
const fixed: HeadRows = { columns: [{ name: "applied" }, { name: "error" }], rows: [[true, null]] };
const whole = plans(1, 12.5, 3, '{"Plan": {}}');

test("a setting that was refused is a gap, and is not counted as taken over", () => {
  const slow = plans(1, 12.5, 3, '{"Plan": {}}', null, null, null, "too_long", "10");
  const trial = trialAnswer(row, job, [slow, whole, gaps, fixed]);
  expect(trial).toMatchObject({
    ...{ result: "answered", settings: 4, fix: { applied: true, error: null } },
    gaps: [{ kind: "setting", object: "work_mem", reason: "refused", detail: "no" }],
    statements: [{ before: { cost: 12.5, untimed: "too_long", untimed_detail: "10" } }],
  });
});

test.each<[string, HeadRows[]]>([
  ["a plan that is not JSON", [plans(1, 1, 1, "Seq Scan"), whole, gaps, fixed]],
  ["a cost that is no number", [plans(1, "dear", 1, null), whole, gaps, fixed]],
  ["statements without an answer", [{ ...whole, rows: [] }, whole, gaps, fixed]],
  ["one side only", [whole]],
  ["nothing", []],
])("a job that gave %s is no trial's, and says so", (_, heads) => {
  expect(trialAnswer(row, job, heads)).toMatchObject({
    ...{ result: "unreadable", gaps: [], fix: { applied: null } },
    statements: [{ before: null, after: null }],
  });
});

test("what is not there any more is expired", () => {
  expect(trialAnswer(row, job, null).result).toBe("expired");
});
