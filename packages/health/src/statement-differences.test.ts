import type { StatementStats, StatementsState } from "@quern/contract/agent/statements";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Verdict } from "./epochs.ts";
import {
  nextMemory,
  otherDifference,
  statementDifferences,
  totalOf,
} from "./statement-differences.ts";

const T0 = new Date("2026-03-01T10:00:00Z");
const KEPT: Verdict = { counters: "kept", marks: [] };
const LOST: Verdict = { counters: "lost", marks: ["reset"] };
const ALL: StatementsState = {
  ...{
    extension_version: "1.12",
    default_version: "1.12",
    entries: 3,
    max_entries: 5000,
    dealloc: 0,
  },
  ...{ stats_reset: null, text_file_bytes: 0, other: null },
};
const SOME: StatementsState = {
  ...ALL,
  other: { statements: 7, calls: 70, total_time_ms: 700, rows: 70 },
};

function row(
  query_hash: string,
  calls: number | string,
  more: Partial<StatementStats> = {},
): StatementStats {
  const time = {
    total_time_ms: Number(calls) * 2,
    rows: calls,
    shared_blks_hit: null,
    shared_blks_read: null,
  };
  return { query_hash, query: null, calls, ...time, ...more };
}

const callsOf = (
  before: StatementStats[],
  after: StatementStats[],
  verdict: Verdict,
  state: StatementsState = ALL,
) => {
  const memory = nextMemory(undefined, before, state, undefined, T0);
  const found = statementDifferences(memory, T0, after, verdict);
  return Object.fromEntries(found.map(({ key, calls }) => [key.split("\u0001")[0], calls]));
};

test("a reset is counted from zero, though the counter is higher than before", () => {
  expect(callsOf([row("a", 4)], [row("a", 7)], KEPT)).toEqual({ a: 3 });
  expect(callsOf([row("a", 4)], [row("a", 7)], LOST)).toEqual({ a: 7 });
});

test("an entry that says since when it counts is believed before all else", () => {
  const old = { stats_since: "2026-02-01T00:00:00Z" };
  const young = { stats_since: "2026-03-01T10:00:30Z" };
  expect(callsOf([row("a", 4, old)], [row("a", 9, young)], KEPT)).toEqual({ a: 9 });
  expect(callsOf([row("a", 4, old)], [row("a", 9, old)], LOST)).toEqual({ a: 5 });
  expect(callsOf([], [row("b", 9, young)], KEPT, SOME)).toEqual({ b: 9 });
  expect(callsOf([], [row("b", 9, old)], KEPT, SOME)).toEqual({});
});

test("a statement that comes up for the first time is new only where all were sent before", () => {
  expect(callsOf([row("a", 4)], [row("b", 9)], KEPT, ALL)).toEqual({ b: 9 });
  expect(callsOf([row("a", 4)], [row("b", 9)], KEPT, SOME)).toEqual({});
  expect(callsOf([row("a", 4)], [row("b", 9, { new_entry: true })], KEPT, SOME)).toEqual({ b: 9 });
  expect(callsOf([row("a", 4)], [row("b", 9, { new_entry: false })], KEPT, ALL)).toEqual({});
});

test("one that was thrown out and came back has fewer calls: they are all of this interval", () => {
  expect(callsOf([row("a", 400)], [row("a", 3)], KEPT)).toEqual({ a: 3 });
  expect(callsOf([row("a", 4)], [row("a", 7, { new_entry: true })], KEPT)).toEqual({ a: 7 });
});

test("a statement that was not among those sent for a while goes on from where it was", () => {
  const first = nextMemory(undefined, [row("a", 4)], SOME, undefined, T0);
  const second = nextMemory(first, [row("b", 1)], SOME, KEPT, new Date(+T0 + 60_000));
  expect(statementDifferences(second, T0, [row("a", 10)], KEPT)).toMatchObject([{ calls: 6 }]);
});

test("counters beyond 2^53 differ exactly", () => {
  const [before, after] = ["9007199254740993", "9007199254740999"];
  expect(callsOf([row("a", before)], [row("a", after)], KEPT)).toEqual({ a: 6 });
});

test("what was not sent one by one is what all did, less those", () => {
  const before = totalOf([row("a", 10)], SOME);
  const after = totalOf([row("a", 15)], {
    ...SOME,
    other: { ...SOME.other!, calls: 90, total_time_ms: 900 },
  });
  const differences = statementDifferences(
    nextMemory(undefined, [row("a", 10)], SOME, undefined, T0),
    T0,
    [row("a", 15)],
    KEPT,
  );
  expect(otherDifference(before, after, differences, KEPT)).toEqual({
    calls: 20,
    total_time_ms: 200,
  });
});

test("no difference is negative, and without losses they add up to the counter", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1000), { minLength: 2, maxLength: 20 }), (steps) => {
      let calls = 0;
      let memory = nextMemory(undefined, [row("a", 0)], ALL, undefined, T0);
      let sum = 0;
      for (const step of steps) {
        calls += step;
        const [found] = statementDifferences(memory, T0, [row("a", calls)], KEPT);
        expect(found?.calls ?? 0).toBe(step);
        sum += found?.calls ?? 0;
        memory = nextMemory(memory, [row("a", calls)], ALL, KEPT, T0);
      }
      expect(sum).toBe(calls);
    }),
  );
});
