import type { Epochs } from "@quern/contract/agent/server";
import { expect, test } from "vitest";
import { crashed, judgeCounters, judgeStatements } from "./epochs.ts";

const BEFORE: Epochs = {
  archiver_stats_reset: "2026-03-01T10:00:00.000001Z",
  bgwriter_stats_reset: "2026-03-01T10:00:00.000002Z",
  database_stats_reset: null,
  statements_stats_reset: "2026-03-01T10:00:00.000003Z",
  timeline: 1,
  postmaster_start: "2026-03-01T10:00:00Z",
  server_time: "2026-03-02T10:00:00Z",
};
const LATER = "2026-03-02T11:00:00Z";
const STARTED = { postmaster_start: LATER };
const SHARED = { archiver_stats_reset: LATER, bgwriter_stats_reset: LATER };
const STATEMENTS = { statements_stats_reset: LATER };

/** Statistics that began before the last reading: no reset between the two can have made them. */
const EARLIER = "2026-02-01T10:00:00Z";
const ELSEWHERE = {
  ...{ archiver_stats_reset: EARLIER, bgwriter_stats_reset: EARLIER },
  ...{ database_stats_reset: EARLIER, statements_stats_reset: EARLIER, postmaster_start: EARLIER },
};

// As measured on PostgreSQL 13, 15 and 18: docs/health.md.
test.each<[string, Partial<Epochs>, "kept" | "lost" | "other", "kept" | "lost" | "other"]>([
  ["nothing happened", {}, "kept", "kept"],
  ["a clean restart", STARTED, "kept", "kept"],
  ["an immediate stop", { ...STARTED, ...SHARED }, "lost", "kept"],
  ["a backend killed", { ...SHARED, ...STATEMENTS }, "lost", "lost"],
  ["the postmaster killed", { ...STARTED, ...SHARED, ...STATEMENTS }, "lost", "lost"],
  ["pg_stat_reset()", { database_stats_reset: LATER }, "lost", "kept"],
  ["pg_stat_statements_reset()", STATEMENTS, "kept", "lost"],
  ["pg_stat_reset_shared()", SHARED, "kept", "kept"],
  ["pg_stat_reset_shared('archiver')", { archiver_stats_reset: LATER }, "kept", "kept"],
  ["pg_stat_reset_shared('bgwriter')", { bgwriter_stats_reset: LATER }, "kept", "kept"],
  ["a standby is promoted", { timeline: 2 }, "kept", "kept"],
  ["another server took over", { ...ELSEWHERE, timeline: 2 }, "other", "other"],
  ["a proxy leads to another server", ELSEWHERE, "other", "other"],
])("%s", (_name, change, counters, statements) => {
  const after = { ...BEFORE, ...change };
  expect(judgeCounters(BEFORE, after).counters).toBe(counters);
  expect(judgeStatements(BEFORE, after, false).counters).toBe(statements);
});

test("a change of servers is marked, and is neither a crash nor a reset", () => {
  const swapped = { ...BEFORE, ...ELSEWHERE };
  expect(judgeCounters(BEFORE, swapped).marks).toEqual(["unknown"]);
  expect(judgeCounters(BEFORE, { ...swapped, timeline: 2 }).marks).toEqual(["failover"]);
  expect(crashed(BEFORE, swapped)).toBe(false);
  expect(judgeCounters(BEFORE, { ...BEFORE, timeline: 2 }).marks).toEqual(["failover"]);
});

test("a crash that takes back the time of an earlier reset is one crash, not a reset", () => {
  const reset = { ...BEFORE, database_stats_reset: "2026-03-01T12:00:00Z" };
  const after = { ...reset, ...SHARED, database_stats_reset: null };
  expect(judgeCounters(reset, after)).toEqual({ counters: "lost", marks: ["crash"] });
});

test("where nothing tells of resets of statements, it is said that it is not known", () => {
  const before = { ...BEFORE, statements_stats_reset: null };
  expect(judgeStatements(before, before, false)).toEqual({ counters: "unknown", marks: [] });
  expect(judgeStatements(before, before, true)).toEqual({
    counters: "unknown",
    marks: ["unknown"],
  });
  expect(judgeStatements(before, { ...before, ...SHARED }, false).marks).toEqual(["unknown"]);
  expect(judgeStatements(null, BEFORE, false).counters).toBe("unknown");
});
