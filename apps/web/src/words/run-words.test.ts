import type { Run } from "@quern/contract/runs";
import { expect, test } from "vitest";
import { cancelWords } from "./cancel.ts";
import { curlOf } from "./curl.ts";
import { boundWords, givenWords } from "./parameters.ts";
import { traceOf } from "./run-facts.ts";
import { runPhases } from "./run-phases.ts";
import { cancelChoice } from "./run-sharing.ts";
import { sqlstateClass } from "./sqlstate.ts";

const START = Date.parse("2026-11-21T12:00:00.000Z");
const at = (ms: number) => new Date(START + ms).toISOString();
const statement = (duration_ms: number): Run["statements"][number] => ({
  index: 0,
  start: 0,
  end: 8,
  command: "SELECT 1",
  columns: [],
  rows: 1,
  rows_affected: null,
  bytes: 8,
  truncated: null,
  duration_ms,
});

test("the phases of a run follow each other, and the last one reached is open until the end", () => {
  const run = {
    queued_at: at(0),
    claimed_at: at(5),
    started_at: at(9),
    first_row_at: null,
    finished_at: null,
  };
  expect(runPhases(run, START + 1009).map(({ key, ms, to }) => [key, ms, to])).toEqual([
    ["queued", 5, at(5)],
    ["connecting", 4, at(9)],
    ["executing", 1000, null],
  ]);
  const canceled = { ...run, claimed_at: null, started_at: null, finished_at: at(40) };
  expect(runPhases(canceled, 0)).toEqual([
    { key: "queued", name: "Queued", from: at(0), to: at(40), ms: 40 },
  ]);
});

test("what is left after the statements' own time went to storing", () => {
  const run = {
    status: "succeeded" as const,
    queued_at: at(0),
    claimed_at: at(5),
    started_at: at(10),
    first_row_at: at(30),
    finished_at: at(200),
    statements: [statement(60), statement(40)],
  };
  const phases = (of: Parameters<typeof runPhases>[0]) =>
    runPhases(of, 0).map(({ key, ms }) => [key, ms]);
  expect(phases(run).slice(2)).toEqual([
    ["executing", 20],
    ["streaming", 80],
    ["storing", 90],
  ]);
  expect(phases({ ...run, statements: [statement(500)] }).at(-1)).toEqual(["streaming", 170]);
  expect(phases({ ...run, status: "failed" }).at(-1)).toEqual(["streaming", 170]);
  expect(phases({ ...run, first_row_at: null }).slice(2)).toEqual([
    ["executing", 100],
    ["storing", 90],
  ]);
});

test("a cancel says how it stands, and when nobody confirmed it", () => {
  const run = {
    status: "running" as Run["status"],
    cancel: { requested_at: at(0), by: null, confirmed: null as boolean | null },
    error: null as Run["error"],
    started_at: at(0) as string | null,
    finished_at: null,
    runner: "r",
  };
  const words = (changes: Partial<typeof run>, now = START) =>
    cancelWords({ ...run, ...changes }, now);
  expect(words({})?.tone).toBe("busy");
  expect(words({}, START + 30_000)?.detail).toMatch(/has not answered/);
  const confirmed = (value: boolean | null) => ({ ...run.cancel, confirmed: value });
  expect(words({ status: "canceled", cancel: confirmed(true) })).toBeNull();
  expect(words({ status: "canceled", cancel: confirmed(false) })?.title).toMatch(/did not confirm/);
  expect(words({ status: "canceled", cancel: confirmed(null), started_at: null })).toBeNull();
  expect(words({ status: "succeeded" })?.title).toMatch(/too late/);
  const lost = { code: "runner_lost" as const, message: "", sqlstate: null, position: null };
  expect(words({ status: "failed", error: { ...lost, detail: null, hint: null } })?.tone).toBe(
    "warning",
  );
});

test("parameters in words", () => {
  expect(givenWords({ all: true })).toBe("all");
  expect(givenWords(null)).toBe("NULL");
  expect(givenWords({ relative: "last", count: 7, unit: "day" })).toBe("last 7 days");
  expect(givenWords({ relative: "this", unit: "month" })).toBe("this month");
  expect(givenWords({ start: "2026-01-01", end: "2026-02-01" })).toBe("2026-01-01 to 2026-02-01");
  expect(boundWords(["ATL", "ORD"])).toBe("{ATL, ORD}");
});

test("the curl of a run carries its parameters, with their types when no query declares them", () => {
  const run = {
    query: null,
    datasource: { id: "d", name: "D" },
    sql: "select {{ p }}",
    limits: { timeout_ms: 1, max_rows: 2, max_bytes: 3 },
    params: [{ name: "p", type: "enum" as const, given: ["a"], bound: [] }],
  };
  const command = curlOf(run, "http://q");
  expect(command).toContain('"params":{"p":["a"]}');
  expect(command).toContain(
    '"parameters":[{"name":"p","type":"enum","multiple":true,"options":[{"value":"a"}]}]',
  );
  const saved = curlOf(
    { ...run, query: { id: "q", name: "", version: 1, saved_on: null } },
    "http://q",
  );
  expect(saved).toContain('"params"');
  expect(saved).not.toContain('"parameters"');
});

test("SQLSTATE classes and trace ids", () => {
  expect(sqlstateClass("42703")).toBe("Syntax Error or Access Rule Violation");
  expect(sqlstateClass("99999")).toBeNull();
  expect(traceOf({ traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" })).toBe(
    "0af7651916cd43dd8448eb211c80319c",
  );
});

test("who shares a run leaves it; who made it or an admin may end it for all", () => {
  const [ada, bob, eve] = ["ada", "bob", "eve"].map((id) => ({ id, name: id }));
  if (!ada || !bob || !eve) throw new Error("nobody");
  const choice = (callers: (typeof ada)[], id: string, admin = false) =>
    cancelChoice({ created_by: ada, callers }, { id, admin });
  expect(choice([], "ada")).toEqual({ deed: "cancel", forAll: false, others: [] });
  expect(choice([], "eve").deed).toBeNull();
  expect(choice([], "eve", true).deed).toBe("cancel");
  expect(choice([ada, bob], "ada")).toEqual({ deed: "leave", forAll: true, others: ["bob"] });
  expect(choice([ada, bob], "bob")).toEqual({ deed: "leave", forAll: false, others: ["ada"] });
  expect(choice([ada, bob], "eve", true)).toEqual({
    deed: null,
    forAll: true,
    others: ["ada", "bob"],
  });
  // Ada has left it: Bob is the last one who waits.
  expect(choice([bob], "bob").deed).toBe("cancel");
  expect(choice([bob], "ada")).toEqual({ deed: null, forAll: true, others: ["bob"] });
  expect(choice([ada], "eve", true).deed).toBe("cancel");
  expect(choice([ada], "eve").deed).toBeNull();
});
