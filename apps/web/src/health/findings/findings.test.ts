import type { Evidence } from "@quern/contract/health/findings";
import { expect, test } from "vitest";
import advisors from "../../i18n/advisors.fr.json" with { type: "json" };
import { filtersOf } from "./filters.ts";
import { undoingOf } from "./finding-change.ts";
import { groupFindings } from "./finding-groups.ts";
import { evidenceLabel, objectLine, printFact, statusOf } from "./finding-words.ts";
import { chartOf, chartRange, placeOf, splitName } from "./rule-places.ts";
import { fillPlaces } from "./rule-texts.ts";
import { coverageOf, evaluatedSince, evaluatedSpan, filterRules } from "./rules.ts";

const said = (key: string, value: Evidence["value"], unit: Evidence["unit"], threshold?: number) =>
  printFact({ key, value, unit }, threshold).words;

test("facts are printed in their units, and what is not known is no zero", () => {
  expect(said("dead_share", 0.3754, "ratio")).toBe("37.5%");
  expect(said("dead_share", 0.3754, "ratio", 0.3)).toBe("30%");
  expect(said("pressure", 12.34, "ratio")).toBe("12 ×");
  expect(said("times_as_slow", 2, "ratio")).toBe("2 ×");
  expect(said("size_bytes", 3_200_000, "bytes")).toBe("3.2 MB");
  expect(said("idle_for", 192, "seconds")).toBe("3 min 12 s");
  expect(said("age", 1, "xids")).toBe("1 transaction");
  expect(said("rows", 1_204_331, "count")).toBe("1,204,331");
  expect(said("rows_per_call", 12.345, "count")).toBe("12.3");
  expect(said("root_pid", 12_345, "count")).toBe("12345");
  expect(said("superuser", false, "text")).toBe("no");
  expect(said("last_vacuum", null, "time")).toBe("unknown");
  expect(said("end_of_life", "2030-11-14", "time")).toBe("Nov 14, 2030");
  expect(printFact({ key: "x", value: 0.1234, unit: "ratio" }).exact).toBe("12.34%");
});

test("keys are said in words, without the unit that the value has", () => {
  expect(evidenceLabel({ key: "mean_time_ms", unit: "ms" })).toBe("Mean time");
  expect(evidenceLabel({ key: "wal_bytes", unit: "bytes" })).toBe("WAL");
  expect(evidenceLabel({ key: "bytes_per_row", unit: "bytes" })).toBe("Bytes per row");
});

test("a statement is shown by its text, a session without the noise of its instant", () => {
  const query: Evidence = { key: "query", value: "select 1\nfrom  t", unit: "sql" };
  const about = { object: "abc quern", statement_id: "7", evidence: [query] };
  expect(objectLine(about)).toBe("select 1 from t");
  expect(objectLine({ ...about, statement_id: null })).toBe("abc quern");
  const session = {
    object: "pid 41 of 2026-01-02T03:04:05.000Z",
    statement_id: null,
    evidence: [],
  };
  expect(objectLine(session)).not.toContain("05.000Z");
});

test("muting and resolving count more than a snooze, which ends by itself", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  const muted = { at: "2026-01-01T00:00:00Z", reason: "known", by: null };
  const none = { resolved_at: null, muted: null, snoozed_until: null };
  expect(statusOf(none, now)).toBe("open");
  expect(statusOf({ ...none, snoozed_until: "2026-01-01T01:00:00Z" }, now)).toBe("snoozed");
  expect(statusOf({ ...none, snoozed_until: "2025-12-31T01:00:00Z" }, now)).toBe("open");
  expect(statusOf({ ...none, muted, snoozed_until: "2026-01-01T01:00:00Z" }, now)).toBe("muted");
  expect(statusOf({ ...none, muted, resolved_at: "2026-01-01T00:00:00Z" }, now)).toBe("resolved");
});

test("undoing puts back what was, less a snooze that is over", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  const muted = { at: "2026-01-01T00:00:00Z", reason: "known", by: null };
  const finding = { id: "1", snoozed_until: "2026-01-02T00:00:00Z", muted };
  expect(undoingOf(finding, { muted_reason: null }, now)).toEqual({ muted_reason: "known" });
  expect(undoingOf(finding, { snoozed_until: null }, now)).toEqual({
    snoozed_until: "2026-01-02T00:00:00Z",
  });
  expect(undoingOf(finding, { snoozed_until: null }, now + 2 * 86_400_000)).toEqual({
    snoozed_until: null,
  });
});

test("one rule's many findings fold behind the first three, unless folding hides one alone", () => {
  const make = (severity: "critical" | "info", rule: string, count: number) =>
    Array.from({ length: count }, (_, n) => ({ severity, rule, n }));
  const all = [...make("critical", "a", 1), ...make("info", "b", 6), ...make("info", "c", 4)];
  const mixed = [all[0]!, all[1]!, all[7]!, ...all.slice(2, 7), ...all.slice(8)];
  const [critical, info] = groupFindings(mixed, new Set());
  expect(critical).toMatchObject({ severity: "critical", count: 1 });
  expect(info?.count).toBe(10);
  expect(info?.rules.map(({ rule, shown, folded }) => [rule, shown.length, folded.length])).toEqual(
    [
      ["b", 3, 3],
      ["c", 4, 0],
    ],
  );
  const [, open] = groupFindings(mixed, new Set(["info b"]));
  expect(open?.rules[0]?.shown).toHaveLength(6);
});

test("an address that makes no sense filters nothing", () => {
  const none = { status: null, severity: null, category: null, database: null, rule: null };
  const empty = { ...none, object: null, statement: null, search: null };
  expect(filtersOf(empty)).toEqual({});
  expect(
    filtersOf({ ...empty, status: "open", severity: "dire", database: "x", rule: "A B" }),
  ).toEqual({});
  const id = "01a1ffaa-6538-79e7-889f-bc5fe77971f6";
  expect(filtersOf({ ...empty, statement: "12" })).toEqual({ statement_id: "12" });
  expect(filtersOf({ ...empty, statement: "1 or 1" })).toEqual({});
  expect(
    filtersOf({ ...empty, status: "muted", category: "wal", database: id, search: "  carts " }),
  ).toEqual({ status: "muted", category: "wal", database_id: id, search: "carts" });
});

test("coverage leaves out what does not apply, and evaluating waits for every rule", () => {
  const rule = (
    state: "ok" | "finding" | "no_permission" | "not_applicable",
    at: string | null,
  ) => ({
    ...{ rule: state, state, evaluated_at: at },
  });
  const rules = [
    rule("ok", "2026-01-01T00:00:00Z"),
    rule("finding", "2026-01-03T00:00:00Z"),
    rule("no_permission", null),
    rule("not_applicable", "2026-01-02T00:00:00Z"),
  ];
  const idle = rule("not_applicable", null);
  expect(coverageOf([...rules, idle])).toEqual({ judged: 2, apply: 3 });
  expect(evaluatedSpan(rules)).toEqual({
    first: "2026-01-01T00:00:00Z",
    last: "2026-01-03T00:00:00Z",
  });
  const before = new Map(rules.map(({ rule: id, evaluated_at }) => [id, evaluated_at]));
  expect(evaluatedSince(before, rules)).toBe(false);
  const after = rules.map((each) => ({ ...each, evaluated_at: "2026-01-04T00:00:00Z" }));
  expect(evaluatedSince(before, after)).toBe(true);
  const found = filterRules(rules, { states: ["ok", "finding"], search: "find" }, () => "");
  expect(found.map(({ rule: id }) => id)).toEqual(["finding"]);
});

test("names of objects are taken apart with their quotes", () => {
  expect(splitName("public.carts")).toEqual({ schema: "public", name: "carts" });
  expect(splitName('"Sales.EU"."a""b"')).toEqual({ schema: "Sales.EU", name: 'a"b' });
  expect(splitName("public.orders.fk")).toBeNull();
  expect(splitName("")).toBeNull();
});

test("a finding leads to its statement, else to the row of a tab that it is about", () => {
  const at = "2026-01-02T03:00:00.000Z";
  const statement = {
    ...{ rule: "slow-statements", object: "x", statement_id: "5", resolved_at: null },
    database: { id: "d", name: "shop", server_name: "db1" },
    ...{ window: null, first_seen_at: at, last_seen_at: at },
  };
  expect(placeOf(statement).to).toMatchObject({ path: "/databases/d/statements/5" });
  const key = { ...statement, rule: "unindexed-foreign-key", statement_id: null };
  expect(placeOf({ ...key, object: "public.orders.orders_fk" }).to).toMatchObject({
    path: "/databases/d/tables",
    query: { search: "orders" },
  });
  const led = (rule: string, object: string) => {
    const { to } = placeOf({ ...key, rule, object });
    if (typeof to === "string" || !("path" in to)) throw new Error(`no path: ${String(to)}`);
    return { path: to.path, query: to.query };
  };
  expect(led("autovacuum-backlog", "public.carts")).toEqual({
    path: "/databases/d/tables",
    query: { search: "carts" },
  });
  expect(led("autovacuum-workers", "")).toEqual({ path: "/databases/d/vacuum", query: {} });
  expect(led("unused-index", 'public."Odd i"')).toEqual({
    path: "/databases/d/indexes",
    query: { search: "Odd i" },
  });
  expect(led("over-indexed-table", "public.t").query).toEqual({ table: "public.t" });
  expect(led("missing-primary-key", "public.t")).toEqual({
    path: "/databases/d/schema",
    query: { table: "public.t" },
  });
  expect(led("pending-restart", "shared_buffers").query).toEqual({ search: "shared_buffers" });
  expect(led("setting-hints", "timeouts")).toEqual({
    path: "/databases/d/settings",
    query: { search: "timeout" },
  });
  expect(led("superusers", "")).toEqual({ path: "/databases/d/settings", query: {} });
  expect(led("statement-statistics", "track_io_timing").path).toBe("/databases/d/settings");
  expect(led("slot-retention", "warehouse")).toEqual({
    path: "/databases/d/replication",
    query: { slot: "warehouse" },
  });
  expect(led("blocked-sessions", `pid 41 of ${at}`)).toEqual({
    path: "/databases/d/sessions",
    query: { at, search: "41" },
  });
  const over = placeOf({ ...key, rule: "wal-rate", object: "", resolved_at: at });
  expect(over.to).toMatchObject({ query: { from: "2026-01-01T03:00:00.000Z", to: at } });
  expect(chartOf(statement)).toEqual({ of: "statement", statement_id: "5", names: ["mean"] });
  expect(chartOf({ ...key, rule: "autovacuum-backlog", object: "public.carts" })).toEqual({
    ...{ of: "table", schema: "public", name: "carts", names: ["n_dead_tup"] },
  });
  expect(chartOf({ ...key, rule: "wal-rate", object: "" })).toMatchObject({ names: ["wal_bytes"] });
  expect(chartOf({ ...key, rule: "missing-primary-key", object: "public.t" })).toBeNull();
});

test("a chart shows the window with as much before it, a day at least", () => {
  const at = (day: number) => `2026-01-${String(day).padStart(2, "0")}T00:00:00.000Z`;
  const seen = { first_seen_at: at(10), last_seen_at: at(10) };
  expect(chartRange({ ...seen, window: null })).toEqual({ from: at(9), to: at(10) });
  expect(chartRange({ ...seen, window: { from: at(7), to: at(10) } })).toEqual({
    from: at(4),
    to: at(10),
  });
});

test("what the server says with values is said in French with them, and nested texts, too", () => {
  const says = (text: string, values: Record<string, string | number>) =>
    fillPlaces(advisors, text, values);
  expect(says("The agent has not sent {what} yet.", { what: "the schema" })).toBe(
    "L’agent n’a pas encore envoyé le schéma.",
  );
  expect(says("Not in any catalogue: {n}", { n: 1234 })).toBe("Not in any catalogue: 1,234");
  expect(says("A {gap} stays.", {})).toBe("A {gap} stays.");
});
