import type { MonitoredDatabase } from "@quern/contract/health/databases";
import type { SeriesAnswer } from "@quern/contract/health/ranges";
import { expect, test } from "vitest";
import { chartLines, chartTable, stepOf } from "./chart-lines.ts";
import { grouped, parseGrouping } from "./fleet/groups.ts";
import { directionOf, inOrder, orderText, parseOrder } from "./fleet/order.ts";
import { chosenRange, rangeAddress, rangeSince } from "./range-address.ts";
import { coverageWords, isStale } from "./scores.ts";
import { exactIfShort, exactValue, formatChange, formatValue } from "./values.ts";

const at = (minute: number) => new Date(Date.UTC(2026, 2, 1, 10, minute)).toISOString();

test("an address says a range; what cannot be is the last day", () => {
  expect(chosenRange({})).toEqual({ preset: "24h" });
  expect(chosenRange({ range: "7d" })).toEqual({ preset: "7d" });
  for (const range of ["toString", "2y", ["7d"]])
    expect(chosenRange({ range })).toEqual({ preset: "24h" });
  const fixed = { preset: null, from: at(0), to: at(9) };
  expect(chosenRange({ range: "7d", from: at(0), to: at(9) })).toEqual(fixed);
  expect(chosenRange({ from: at(9), to: at(0) })).toEqual({ preset: "24h" });
  expect(chosenRange({ from: "yesterday", to: at(0) })).toEqual({ preset: "24h" });
  expect(chosenRange(rangeAddress({ preset: "90d" }))).toEqual({ preset: "90d" });
  expect(rangeAddress({ preset: "24h" }).range).toBeUndefined();
  expect(rangeAddress({ ...fixed, preset: null })).toEqual({
    ...{ range: undefined, from: at(0), to: at(9) },
  });
});

test("a young history is opened in a range that shows it", () => {
  const now = Date.parse(at(0));
  const ago = (minutes: number) => new Date(now - minutes * 60_000).toISOString();
  expect([0, 59, 60, 359, 360, 9_999].map((age) => rangeSince(ago(age), now).range)).toEqual([
    ...["1h", "1h", "6h", "6h", undefined, undefined],
  ]);
});

const answer = (minutes: number[], seconds: number[], values: (number | null)[]): SeriesAnswer => ({
  range: { from: at(0), to: at(59), resolution: "raw" },
  at: minutes.map(at),
  seconds,
  marks: [],
  series: [
    { name: "load", unit: "count", values },
    { name: "load:week", unit: "count", values: values.map(() => 1) },
  ],
});

test("a line has a gap where steps are missing, and none where one interval was that long", () => {
  const missing = answer([1, 2, 3, 9, 10], [60, 60, 60, 60, 60], [1, 2, null, 4, 5]);
  const [line, week] = chartLines(missing, {});
  expect(line!.points.map(([, value]) => value)).toEqual([1, 2, null, null, 4, 5]);
  expect([line!.label, week!.week, week!.color]).toEqual(["Load", true, line!.color]);
  const spread = answer([1, 2, 3, 9, 10], [60, 60, 60, 360, 60], [1, 2, 3, 4, 5]);
  expect(chartLines(spread, { names: ["load"] })[0]!.points).toHaveLength(5);
  expect(chartLines(spread, { names: ["no such"] })).toEqual([]);
  expect(stepOf(missing)).toBe(60_000);
  expect(stepOf(answer([], [], []))).toBe(0);
});

test("the table behind a chart has what is known, the newest first", () => {
  const lines = chartLines(answer([1, 2, 3], [60, 60, 60], [1, null, 3.001_2]), {});
  const { head, total, lines: rows } = chartTable(lines);
  expect(head).toEqual(["Time", "Load", "Load, a week before"]);
  expect(total).toBe(3);
  expect(rows.map(({ cells }) => cells.slice(1))).toEqual([
    ["3", "1"],
    ["–", "1"],
    ["1", "1"],
  ]);
  expect(rows[0]!.exact).toEqual([null, "3.0012", null]);
});

test("numbers are short, exact on demand, and nothing that is unknown is 0", () => {
  expect(formatValue(null, "bytes")).toBe("–");
  expect(formatValue(0.0314, "ratio")).toBe("3.1%");
  expect(formatValue(1234.5, "per_second")).toBe("1,235/s");
  expect(formatValue(-3_200_000, "bytes")).toBe("−3.2 MB");
  expect(exactValue(3_200_000, "bytes")).toBe("3,200,000 bytes");
  expect(exactValue(0.031_416, "ratio")).toBe("3.1416%");
  expect(exactIfShort(1_234_567, "count")).toBe("1,234,567");
  expect([exactIfShort(12, "count"), exactIfShort(null, "bytes")]).toEqual([null, null]);
  expect(formatChange(2, 3)).toBe("+50%");
  expect(formatChange(3, 2)).toBe("−33%");
  expect(formatChange(1, 8.24)).toBe("× 8.24");
  expect([formatChange(0, 3), formatChange(null, 3)]).toEqual([null, null]);
  expect([coverageWords(0.997), coverageWords(1), coverageWords(0.5)]).toEqual([
    "99%",
    "100%",
    "50%",
  ]);
});

const database = (name: string, change: Partial<MonitoredDatabase>): MonitoredDatabase => ({
  ...{ id: name, name, agent: null, datasource: null, is_main: true, interval_s: 60 },
  server: {
    ...{ id: "s", name: "s", type: "postgres", version: "18.4", provider: "generic" },
    in_recovery: false,
  },
  ...{ last_taken_at: at(10), first_seen_at: at(0), score: null, load: [], size_bytes: null },
  findings: { critical: 0, warning: 0, info: 0 },
  ...change,
});

test("the fleet has the worst first, and what is not known last whichever way round", () => {
  const fleet = [
    database("good", { score: { score: 99, coverage: 1 }, size_bytes: 5 }),
    database("unknown", {}),
    database("bad", { score: { score: 40, coverage: 1 }, size_bytes: 7 }),
    database("critical", {
      score: { score: 95, coverage: 1 },
      findings: { critical: 1, warning: 0, info: 0 },
    }),
  ];
  const names = (text: string | null) =>
    inOrder(fleet, parseOrder(text), Date.parse(at(11))).map(({ name }) => name);
  expect(names(null)).toEqual(["critical", "bad", "good", "unknown"]);
  expect(names("-score")).toEqual(["good", "bad", "critical", "unknown"]);
  expect(names("size")).toEqual(["bad", "good", "critical", "unknown"]);
  expect(names("-size")).toEqual(["good", "bad", "critical", "unknown"]);
  expect(names("name")).toEqual(["bad", "critical", "good", "unknown"]);
  const way = (text: string | null) => directionOf(parseOrder(text));
  expect([way(null), way("-score"), way("size"), way("-size"), way("name")]).toEqual([
    ...["ascending", "descending", "descending", "ascending", "ascending"],
  ]);
  expect([orderText(parseOrder("nonsense")), orderText(parseOrder("-size"))]).toEqual([
    null,
    "-size",
  ]);
  expect(isStale(fleet[0]!, Date.parse(at(12)))).toBe(false);
  expect(isStale(fleet[0]!, Date.parse(at(14)))).toBe(true);
});

test("names have their numbers in order, and groups that of their first database", () => {
  const on = (name: string, server: string) => {
    const one = database(name, {});
    return { ...one, server: { ...one.server, id: server, name: server } };
  };
  const fleet = inOrder([on("a", "db10"), on("b", "db2"), on("c", "db10")], parseOrder("name"), 0);
  expect(fleet.map(({ name }) => name)).toEqual(["b", "a", "c"]);
  const groups = grouped(fleet, parseGrouping("server"));
  expect(groups.map(({ label, databases }) => [label, databases.length])).toEqual([
    ["db2", 1],
    ["db10", 2],
  ]);
  expect(grouped(fleet, parseGrouping("toString"))).toMatchObject([{ label: null }]);
});
