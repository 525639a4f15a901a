import type { Cell, Column, ColumnType } from "@quern/contract/results";
import { expect, test } from "vitest";
import { chooseChart } from "./choice.ts";
import { chartData, missingFields, parseInstant } from "./points.ts";

const column = (name: string, type: ColumnType): Column => ({ name, type, source_type: type });
const months = ["2026-01-01", "2026-02-01"];
const airports = ["ATL", "ORD"];
const flights: Cell[][] = months.flatMap((month) =>
  airports.map((origin, i) => [origin, month, String(100 + i), "8.5"]),
);
const columns = [
  column("origin", "text"),
  column("month", "date"),
  column("flights", "int8"),
  column("delay", "numeric"),
];

test("flights by airport and month become a line for each airport", () => {
  expect(chooseChart(columns, flights)).toEqual({
    type: "line",
    x: "month",
    y: ["flights"],
    series: "origin",
    stacked: false,
    horizontal: false,
  });
});

test("category and number become bars; measures of another size are left out; ids are no measures", () => {
  const rows: Cell[][] = [
    ["ON", 1, "500", "1.5", "480"],
    ["QC", 2, "300", "1.2", "310"],
  ];
  const shape = [
    column("province", "text"),
    column("id", "int4"),
    column("outages", "int8"),
    column("hours", "numeric"),
    column("last", "int8"),
  ];
  expect(chooseChart(shape, rows)).toMatchObject({
    type: "bar",
    x: "province",
    y: ["outages", "last"],
    series: null,
  });
  expect(chooseChart([column("a", "text")], [["x"]])).toBeNull();
  expect(chooseChart([column("n", "int4")], [[1]])).toBeNull();
});

test("lines are sorted by time and keep the engine's digits", () => {
  const config = chooseChart(columns, flights)!;
  const big: Cell[][] = [
    ["ATL", "2026-02-01", "9007199254740993", null],
    ["ATL", "2026-01-01", "1", null],
    ["ATL", null, "5", null],
    ["ATL", "infinity", "5", null],
  ];
  const data = chartData(config, columns, big);
  expect(data.axis).toBe("time");
  expect(data.series[0]?.points.map((point) => point.exact)).toEqual(["1", "9007199254740993"]);
  expect(data.skipped).toBe(2);
});

test("bars of one name are added up, and it says so; too many series are cut to the largest", () => {
  const config = {
    type: "bar" as const,
    x: "k",
    y: ["v"],
    series: null,
    stacked: false,
    horizontal: false,
  };
  const shape = [column("k", "text"), column("v", "int4"), column("s", "text")];
  const data = chartData(config, shape, [
    ["a", 1, "s"],
    ["a", 2, "s"],
    [null, 4, "s"],
  ]);
  expect(data.series[0]?.points.map(({ x, y }) => [x, y])).toEqual([
    ["a", 3],
    ["NULL", 4],
  ]);
  expect(data.merged).toBe(true);
  const many: Cell[][] = Array.from({ length: 30 }, (_, i) => ["a", i, `s${i}`]);
  const cut = chartData({ ...config, series: "s" }, shape, many);
  expect(cut.leftOut).toBe(10);
  expect(cut.series[0]?.name).toBe("s29");
  expect(missingFields({ ...config, series: "gone" }, shape)).toEqual(["gone"]);
});

test("times are read as the engine wrote them", () => {
  expect(parseInstant("2026-01-01")).toBe(Date.UTC(2026, 0, 1));
  expect(parseInstant("2026-01-01 12:30:15.25")).toBe(Date.UTC(2026, 0, 1, 12, 30, 15, 250));
  expect(parseInstant("2026-01-01 12:00:00-03:30")).toBe(Date.UTC(2026, 0, 1, 15, 30));
  expect(parseInstant("2026-01-01 12:00:00+02")).toBe(Date.UTC(2026, 0, 1, 10));
  expect(parseInstant("infinity")).toBeNull();
  expect(parseInstant("0044-03-15 BC")).toBeNull();
});
