import { ChartConfig, ChartType } from "@quern/contract/chart-config";
import type { Cell } from "@quern/contract/results";
import { expect, test } from "vitest";
import { fromAddress, toAddress } from "./address.ts";
import { chooseChart } from "./choice.ts";
import { unfit, withType } from "./fitting.ts";
import { escaped } from "./picture.ts";
import { plotOf, plotOptions, rowAt } from "./plot.ts";
import { plotTable } from "./plot-table.ts";
import { chart, column, look, scene } from "./testing-scene.ts";

const HOSTILE = '<img src=x onerror="alert(1)">{b}\n';
const COLUMNS = [
  "day date",
  "city text",
  "v int8",
  "w float8",
  "latitude float8",
  "longitude float8",
];
const ROWS: Cell[][] = [
  ["2026-01-01", "ON", "5", 1.5, 43.6, -79.4],
  ["2026-01-02", "QC", "9007199254740993", 2.5, 45.5, -73.6],
  ["2026-01-02", HOSTILE, "7", 3.5, 49.9, -97.1],
  ["2026-01-04", "BC", null, -4, 49.3, -123.1],
  ["2026-01-05", "AB", "2", 8, 51, -114],
];
const FIELDS: Record<ChartType, Partial<ChartConfig>> = {
  line: { x: "day", y: ["v", "w"] },
  area: { x: "day", y: ["v"], series: "city", stacked: true },
  bar: { x: "city", y: ["v"], horizontal: true },
  scatter: { x: "w", y: ["v"], series: "city", size: "w" },
  pie: { x: "city", y: ["v"] },
  heatmap: { x: "day", y: ["v"], series: "city" },
  histogram: { x: "w" },
  box: { x: "city", y: ["w"] },
  funnel: { x: "city", y: ["v"] },
  stat: { y: ["v"] },
  table: {},
  region_map: { x: "city", y: ["v"] },
  point_map: { x: "city", latitude: "latitude", longitude: "longitude", size: "w" },
};
const DRAWN = ChartType.options.filter((type) => type !== "table");
const made = (type: ChartType, changes: Partial<ChartConfig> = {}) =>
  scene(chart({ type, ...FIELDS[type], ...changes }), COLUMNS, ROWS, "America/Toronto");

test.each(DRAWN)(
  "%s: options that ECharts takes, a table with every mark, rows behind the marks",
  (type) => {
    const where = made(type);
    const { plot, trouble } = plotOf(where);
    expect(trouble).toBeNull();
    if (plot === null) throw new Error("nothing is drawn");
    const options = plotOptions(where, plot, look());
    expect(options === null).toBe(type === "stat");
    const series = options === null ? [] : [options.series].flat();
    const shape = series.map((each) => {
      const { type: kind, stack, data } = each as { type: string; stack?: string; data: unknown[] };
      return `${kind}${stack ? ` in ${stack}` : ""}: ${data.length}`;
    });
    expect(shape).toMatchSnapshot();
    const table = plotTable(where, plot);
    expect(table.lines.length).toBeGreaterThan(0);
    for (const line of table.lines) expect(line.cells).toHaveLength(table.head.length);
    const behind = rowAt(plot, 0, 0);
    expect(behind === null || ROWS[behind] !== undefined).toBe(true);
  },
);

test("exact values beyond 2^53 are in the table, whatever is drawn", () => {
  for (const type of ["line", "pie", "region_map"] as const) {
    const where = made(type);
    const { plot } = plotOf(where);
    const words = plot === null ? [] : plotTable(where, plot).lines.flatMap((line) => line.cells);
    // Two rows of one day are added up, to the last digit.
    expect(words, type).toContain(
      type === "line" ? "9,007,199,254,741,000" : "9,007,199,254,740,993",
    );
  }
});

test("a column that is gone, an empty field, no rows, nothing to draw: words", () => {
  expect(plotOf(made("line", { y: ["renamed"] })).trouble?.title).toContain("renamed");
  expect(plotOf(made("line", { y: [] })).trouble?.title).toContain("Values");
  expect(
    plotOf(made("stat", { stat: { compare: "column", compare_column: "gone" } })).trouble?.title,
  ).toContain("gone");
  expect(plotOf({ ...made("line"), rows: [] }).trouble?.title).toContain("no rows");
  expect(plotOf(made("region_map", { x: "day" })).trouble?.words).toContain("province");
  expect(plotOf(made("line", { y: ["city"] })).trouble?.title).toBe("There is nothing to draw");
});

test("a logarithmic axis has no place for zero; thresholds and annotations are behind the first series", () => {
  const where = made("line", {
    y: ["w"],
    y_axis: { logarithmic: true, min: "0", max: "100" },
    thresholds: [{ value: "5", tone: "bad" }],
    annotations: [
      { at: "2026-01-02", label: HOSTILE },
      { at: "2026-01-02", to: "2026-01-04", label: "storm" },
      { at: "nonsense", label: "x" },
    ],
  });
  const { plot } = plotOf(where);
  const options = plot && plotOptions(where, plot, look());
  expect(options?.yAxis).toMatchObject({ type: "log", max: 100 });
  expect(options?.yAxis).not.toHaveProperty("min");
  const [first] = [options?.series].flat() as {
    data: unknown[][];
    markLine: { data: unknown[] };
    markArea: { data: unknown[] };
  }[];
  expect(first?.data.map(([, y]) => y)).toContain("-");
  expect(first?.markLine.data).toHaveLength(2);
  expect(first?.markArea.data).toHaveLength(2);
  expect(plot?.notes.join(" ")).toContain("logarithmic");
});

test("a second axis, names and colours of series", () => {
  const where = made("line", {
    series_settings: [{ name: "w", axis: "right", label: "Wind", color: "#ff0000", type: "bar" }],
  });
  const { plot } = plotOf(where);
  const options = plot && plotOptions(where, plot, look());
  expect(options?.yAxis).toHaveLength(2);
  expect([options?.series].flat()[1]).toMatchObject({
    name: "Wind",
    color: "#ff0000",
    type: "bar",
    yAxisIndex: 1,
  });
});

test("every type is offered with words for what it lacks, and keeps what fits when the type changes", () => {
  const columns = [column("city", "text"), column("n", "int4")];
  const rows: Cell[][] = [
    ["a", 1],
    ["b", 2],
  ];
  const bar = chart({ type: "bar", x: "city", y: ["n"], legend: "none" });
  expect(unfit("bar", columns, rows)).toBeNull();
  expect(unfit("scatter", columns, rows)).toContain("two columns");
  expect(unfit("region_map", columns, rows)).toContain("province");
  expect(unfit("stat", [column("a", "text")], rows)).not.toBeNull();
  expect(withType(bar, "pie", { columns, rows })).toEqual({ ...bar, type: "pie" });
  expect(withType(bar, "histogram", { columns, rows })).toMatchObject({ x: "n", y: ["n"] });
  const back = withType({ ...bar, type: "histogram", x: "n" }, "region_map", {
    columns: [column("province", "text"), ...columns],
    rows: [
      ["ON", "a", 1],
      ["QC", "b", 2],
    ],
  });
  expect(back).toMatchObject({ type: "region_map", x: "province", y: ["n"] });
});

test("a first choice: number, map, lines, bars, counts, nothing", () => {
  expect(chooseChart([column("n", "int4")], [[1]])).toMatchObject({ type: "stat", y: ["n"] });
  expect(
    chooseChart(
      [column("province", "text"), column("n", "int4")],
      [
        ["ON", 1],
        ["QC", 2],
        ["BC", 3],
        ["Alberta", 4],
      ],
    ),
  ).toMatchObject({ type: "region_map", x: "province" });
  expect(
    chooseChart(
      [column("lat", "float8"), column("lng", "float8"), column("n", "int4")],
      [
        [43, -79, 1],
        [44, -79, 2],
      ],
    ),
  ).toMatchObject({ type: "point_map", size: "n" });
  expect(
    chooseChart(
      [column("month", "date"), column("origin", "text"), column("n", "int8")],
      [
        ["2026-01-01", "a", "1"],
        ["2026-01-01", "b", "2"],
      ],
    ),
  ).toMatchObject({ type: "line", x: "month", series: "origin" });
  expect(
    chooseChart(
      [column("k", "text"), column("id", "int4"), column("n", "int4")],
      [
        ["a", 1, 2],
        ["b", 2, 3],
      ],
    ),
  ).toMatchObject({ type: "bar", x: "k", y: ["n"] });
  expect(chooseChart([column("cause", "text")], [["a"], ["a"], ["b"], ["b"]])).toMatchObject({
    type: "bar",
    aggregate: "count",
    y: [],
  });
  expect(chooseChart([column("a", "text")], [["x"]])).toBeNull();
  expect(chooseChart([column("a", "int4")], [])).toBeNull();
});

test("what is chosen, and every type, is a valid configuration and survives the address", () => {
  for (const type of ChartType.options) {
    const config = {
      ...made(type).config,
      thresholds: [{ value: "1", tone: "bad" as const, label: HOSTILE }],
      y_axis: { title: "é & ü" },
    };
    expect(ChartConfig.parse(config)).toEqual(config);
    const parts = toAddress(config);
    const read = fromAddress({
      text: (key) => {
        const value = parts[key as keyof typeof parts];
        return typeof value === "string" ? value : null;
      },
      list: (key) => [parts[key as keyof typeof parts] ?? []].flat(),
    });
    expect(read).toEqual(config);
  }
  expect(
    fromAddress({ text: (key) => (key === "type" ? "sparkle" : null), list: () => [] }),
  ).toBeNull();
  expect(
    fromAddress({
      text: (key) => (key === "type" ? "bar" : key === "look" ? '{"most":' : null),
      list: () => [],
    })?.type,
  ).toBe("bar");
  expect(
    ChartConfig.safeParse({
      type: "line",
      x: "month",
      y: ["n"],
      series: null,
      stacked: false,
      horizontal: false,
    }).success,
  ).toBe(true);
});

test("text for SVG files is escaped", () => {
  expect(escaped(`<a href="x">&\u0007`)).toBe("&lt;a href=&quot;x&quot;&gt;&amp;\ufffd");
});
