import type { Session } from "@quern/contract/agent/activity";
import { blockingTrees } from "@quern/contract/health/blocking-tree";
import type { SessionStatement } from "@quern/contract/health/server";
import { describe, expect, test } from "vitest";
import { reasonWords, treeAdvice } from "./blocking-words.ts";
import { blockedSample, columnAt, nearestColumn, scrubColumns } from "./scrubber.ts";
import {
  countSessions,
  endingSql,
  isSame,
  longTransactions,
  mayEnd,
  sessionsShown,
  statementOf,
  waitsByType,
} from "./sessions.ts";

const AT = Date.parse("2026-03-01T10:00:00Z");

function session(pid: number, more: Partial<Session> = {}): Session {
  return {
    ...{ pid, backend_type: "client backend", database: "shop", user_name: "app" },
    ...{ application: null, state: "active", wait_event_type: null, wait_event: null },
    ...{ query_hash: null, fingerprint: null, kind: "select", backend_start: null },
    ...{ xact_start: null, query_start: null, state_change: null, xid_age: null, xmin_age: null },
    ...more,
  };
}

describe("sessions", () => {
  const sessions = [
    session(1, { xact_start: "2026-03-01T09:50:00Z", state: "idle in transaction" }),
    session(2, {
      xact_start: "2026-03-01T09:59:30Z",
      wait_event_type: "IO",
      wait_event: "DataFileRead",
    }),
    session(3, {
      wait_event_type: "Lock",
      wait_event: "relation",
      blocked_by: [1],
      xact_start: "2026-03-01T09:58:00Z",
    }),
    session(4, { backend_type: "autovacuum worker", state: null }),
    session(5),
  ];

  test("are counted by what they do", () => {
    expect(countSessions(sessions)).toEqual({
      ...{ all: 5, active: 3, waiting: 1, idle_in_transaction: 1, server: 1 },
    });
    expect(waitsByType(sessions).map(({ type, n }) => [type, n])).toEqual([
      ["CPU", 1],
      ["IO", 1],
      ["Lock", 1],
    ]);
  });

  test("stand with the longest transaction first, those without one last", () => {
    const shown = (more: object) =>
      sessionsShown(
        sessions,
        { show: "all", search: "", order: "transaction", ...more },
        ({ pid, wait_event }) => `${pid} ${wait_event ?? ""}`,
      ).map(({ pid }) => pid);
    expect(shown({})).toEqual([1, 3, 2, 4, 5]);
    expect(shown({ order: "wait" })[0]).toBe(3);
    expect(shown({ show: "active" })).toEqual([3, 2, 5]);
    expect(shown({ search: "datafile" })).toEqual([2]);
    expect(
      longTransactions(sessions, AT).map(({ session: { pid }, open_s }) => [pid, open_s]),
    ).toEqual([
      [1, 600],
      [3, 120],
    ]);
  });

  test("lead to the statement of their role, then of any, then by fingerprint", () => {
    const statement = (id: string, more: Partial<SessionStatement>): SessionStatement => ({
      ...{ id, database_id: "d", database: "shop", user_name: "app", query_hash: "a" },
      ...{ fingerprint: "f", query: "select 1", ...more },
    });
    const known = [
      statement("1", { user_name: "other" }),
      statement("2", {}),
      statement("3", { query_hash: "b" }),
      statement("4", { database: "archive" }),
    ];
    expect(statementOf(session(1, { query_hash: "a" }), known)?.id).toBe("2");
    expect(statementOf(session(1, { query_hash: "a", user_name: "x" }), known)?.id).toBe("1");
    expect(statementOf(session(1, { query_hash: "z", fingerprint: "f" }), known)).toBeNull();
    expect(statementOf(session(1, { fingerprint: "f" }), known)?.id).toBe("1");
    expect(statementOf(session(1, { query_hash: "a", database: "b" }), known)).toBeNull();
  });

  test("are ended by a statement that cannot hit another with the same number", () => {
    const since = session(7, { backend_start: "2026-03-01T09:00:00.123456Z" });
    expect(endingSql("terminate", since, "postgres")).toBe(
      "select pg_terminate_backend(pid) from pg_stat_activity\nwhere pid = 7 and backend_start = '2026-03-01T09:00:00.123456Z';",
    );
    expect(endingSql("cancel", session(7), "postgres")).toBe("select pg_cancel_backend(7);");
    expect(endingSql("cancel", session(7), "mariadb")).toBe("kill query 7;");
  });
});

test("the server's own processes are not ended by hand, and a number alone is no session", () => {
  const of = (backend_type: string) => mayEnd(session(1, { backend_type }));
  expect(["client backend", "autovacuum worker", "checkpointer"].map(of)).toEqual([
    ...[true, true, false],
  ]);
  const began = session(1, { backend_start: "2026-03-01T09:00:00Z" });
  expect(isSame(began, session(1, { backend_start: began.backend_start, state: "idle" }))).toBe(
    true,
  );
  expect(isSame(began, { ...began, backend_start: "2026-03-01T09:30:00Z" })).toBe(false);
});

describe("who holds whom up", () => {
  test("a change of a table in the middle is what to cancel", () => {
    const [tree] = blockingTrees(
      [
        session(1, { state: "idle in transaction" }),
        session(2, { blocked_by: [1], kind: "alter table" }),
        session(3, { blocked_by: [2] }),
      ],
      new Date(AT),
    );
    expect(reasonWords(tree!)).toContain("alter table, process 2");
    expect(treeAdvice(tree!, "postgres").sql).toBe("select pg_cancel_backend(2);");
  });

  test("nobody is to be ended where no session holds the lock", () => {
    const [prepared] = blockingTrees([session(3, { blocked_by: [0] })], new Date(AT));
    expect(treeAdvice(prepared!, "postgres").sql).toContain("pg_prepared_xacts");
    const [circle] = blockingTrees(
      [session(5, { blocked_by: [6] }), session(6, { blocked_by: [5] })],
      new Date(AT),
    );
    expect(reasonWords(circle!)).toContain("2 sessions wait in a circle");
    expect(treeAdvice(circle!, "postgres").sql).toBeNull();
  });
});

describe("the scrubber", () => {
  const at = (s: number) => new Date(AT + s * 1000).toISOString();
  const samples = [
    { at: at(1), active: 3, blocked: 0, longest_wait_s: null },
    { at: at(4), active: 1, blocked: 2, longest_wait_s: 9 },
    { at: at(9), active: 5, blocked: 1, longest_wait_s: 30 },
    { at: at(31), active: 2, blocked: 0, longest_wait_s: null },
  ];

  test("a column is the worst of its samples, and nothing where there are none", () => {
    expect(scrubColumns(samples, AT, AT + 40_000, 4)).toEqual([
      { at: at(4), active: 5, blocked: 2, longest_wait_s: 30, samples: 3 },
      null,
      null,
      { at: at(31), active: 2, blocked: 0, longest_wait_s: null, samples: 1 },
    ]);
    expect(columnAt(AT + 40_000, AT, AT + 40_000, 4)).toBe(3);
    expect(columnAt(AT - 1, AT, AT + 40_000, 4)).toBeNull();
  });

  test("a press beside the samples finds the nearest, and there is a way from block to block", () => {
    const columns = scrubColumns(samples, AT, AT + 40_000, 4);
    expect([1, 2].map((place) => nearestColumn(columns, place))).toEqual([at(4), at(31)]);
    expect(nearestColumn([null, null], 0)).toBeNull();
    expect(blockedSample(samples, null, -1)).toBe(at(9));
    expect(blockedSample(samples, at(9), -1)).toBe(at(4));
    expect(blockedSample(samples, at(4), 1)).toBe(at(9));
    expect(blockedSample(samples, at(9), 1)).toBeNull();
  });
});
