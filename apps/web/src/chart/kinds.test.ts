import type { Cell } from "@quern/contract/results";
import fc from "fast-check";
import { expect, test } from "vitest";
import { boxOf, quantile, readBoxes } from "./boxes.ts";
import { readHeat } from "./heat.ts";
import { binEdges, binOf, readHistogram } from "./histogram.ts";
import { readParts } from "./parts.ts";
import { readRegions } from "./regions.ts";
import { readScatter } from "./scatter.ts";
import { OTHER } from "./scene.ts";
import { readSpots } from "./spots.ts";
import { readStat } from "./stat.ts";
import { chart, scene } from "./testing-scene.ts";

test("a pie has at most 12 slices that make the whole, the largest first, Other last", () => {
  const rows: Cell[][] = Array.from({ length: 40 }, (_, i) => [`n${i}`, i + 1]);
  const { parts, notes } = readParts(
    scene(
      chart({ type: "pie", x: "n", y: ["v"] }),
      ["n text", "v int4"],
      [...rows, ["minus", -5], ["none", 0]],
    ),
  );
  expect(parts).toHaveLength(12);
  expect(parts[0]).toMatchObject({ id: "n39", exact: "40" });
  expect(parts.at(-1)?.id).toBe(OTHER);
  expect(parts.reduce((sum, part) => sum + part.share, 0)).toBeCloseTo(1);
  expect(notes.length).toBeGreaterThan(0);
  const twelve = readParts(
    scene(chart({ type: "pie", x: "n", y: ["v"] }), ["n text", "v int4"], rows.slice(0, 12)),
  );
  expect(twelve.parts.map((part) => part.id)).not.toContain(OTHER);
});

test("a funnel keeps the order of the rows and says what is left of the step before", () => {
  const { parts } = readParts(
    scene(
      chart({ type: "funnel", x: "s", y: ["n"] }),
      ["s text", "n int4"],
      [
        ["seen", 200],
        ["bought", 50],
        ["kept", 40],
      ],
    ),
  );
  expect(parts.map((part) => [part.name, part.kept])).toEqual([
    ["seen", null],
    ["bought", 0.25],
    ["kept", 0.8],
  ]);
});

test("bins are round, cover everything and count every value once", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.integer({ min: -1e9, max: 1e9 }).map((value) => value / 1000),
        { minLength: 2, maxLength: 200 },
      ),
      fc.integer({ min: 2, max: 50 }),
      (values, bins) => {
        const sorted = [...values].sort((a, b) => a - b);
        const edges = binEdges(sorted, bins);
        expect(edges[0]).toBeLessThanOrEqual(sorted[0]!);
        expect(edges.at(-1)).toBeGreaterThanOrEqual(sorted.at(-1)!);
        for (const value of values) {
          const bin = binOf(value, edges);
          expect(value).toBeGreaterThanOrEqual(edges[bin]!);
          expect(value).toBeLessThanOrEqual(edges[bin + 1]!);
        }
      },
    ),
    { numRuns: 200 },
  );
  const data = readHistogram(
    scene(
      chart({ type: "histogram", x: "v", bins: 10 }),
      ["v float8"],
      [[0], [0.05], [0.1], [1], [null], ["NaN"]],
    ),
  );
  expect(data.edges).toHaveLength(11);
  expect(data.edges[3]).toBe(0.3);
  expect(data.series[0]?.counts.slice(0, 2)).toEqual([2, 1]);
  expect(data.series[0]?.counts.at(-1)).toBe(1);
  expect(data.notes.join(" ")).toContain("2 values");
});

test("quartiles are those of percentile_cont; what lies beyond 1.5 times the range is an outlier", () => {
  expect([0.25, 0.5, 0.75].map((share) => quantile([1, 2, 3, 4], share))).toEqual([
    1.75, 2.5, 3.25,
  ]);
  const box = boxOf([1, 2, 3, 4, 100].map((value, row) => ({ value, row })));
  expect(box?.five).toEqual([1, 2, 3, 4, 4]);
  expect(box?.outliers).toEqual([{ value: 100, row: 4 }]);
  const boxes = readBoxes(
    scene(
      chart({ type: "box", x: "k", y: ["v"] }),
      ["k text", "v int4"],
      [
        ["a", 1],
        ["b", 5],
        ["a", 3],
      ],
    ),
  );
  expect(boxes.names).toEqual(["a", "b"]);
  expect(boxes.series[0]?.boxes.map((each) => each?.count)).toEqual([2, 1]);
});

test("a heatmap adds up each pair and sorts numbers as numbers", () => {
  const heat = readHeat(
    scene(
      chart({ type: "heatmap", x: "h", y: ["v"], series: "d" }),
      ["h int4", "d text", "v int4"],
      [
        [10, "Mon", 1],
        [9, "Mon", 2],
        [9, "Mon", 3],
        [9, "Sun", 7],
      ],
    ),
  );
  expect(heat.across).toEqual(["9", "10"]);
  expect(heat.up).toEqual(["Mon", "Sun"]);
  expect(heat.cells.map(({ x, y, exact }) => [x, y, exact])).toEqual([
    [1, 0, "1"],
    [0, 0, "5"],
    [0, 1, "7"],
  ]);
  expect([heat.least, heat.greatest]).toEqual([1, 7]);
});

test("regions by code and name come together; unknown ones are named", () => {
  const data = readRegions(
    scene(
      chart({ type: "region_map", x: "p", y: ["n"] }),
      ["p text", "n int4"],
      [
        ["ON", 1],
        ["Ontario", 2],
        ["québec", 4],
        ["<b>Atlantis</b>", 9],
      ],
    ),
  );
  expect(data.map).toBe("canada-provinces");
  expect(data.regions.map(({ code, exact, row }) => [code, exact, row])).toEqual([
    ["CA-ON", "3", 0],
    ["CA-QC", "4", 2],
  ]);
  expect(data.notes.join(" ")).toContain("<b>Atlantis</b>");
});

test("points go onto the map that holds them; impossible places are left out", () => {
  const config = chart({ type: "point_map", latitude: "la", longitude: "lo" });
  const of = (rows: Cell[][]) => readSpots(scene(config, ["la float8", "lo float8"], rows));
  expect(
    of([
      [32.7, -97],
      [29, -95],
      [43.6, -79.4],
    ]).map,
  ).toBe("us-states");
  expect(
    of([
      [43.6, -79.4],
      [45.5, -73.6],
    ]).map,
  ).toBe("canada-provinces");
  expect(
    of([
      [143.6, -79.4],
      [45.5, -73.6],
      [null, 3],
    ]).series[0]?.spots,
  ).toHaveLength(1);
});

test("scatter keeps every row and its size", () => {
  const data = readScatter(
    scene(
      chart({ type: "scatter", x: "a", y: ["b"], size: "c" }),
      ["a int4", "b int4", "c int4"],
      [
        [1, 2, 4],
        [1, 2, -9],
        [null, 1, 1],
      ],
    ),
  );
  expect(data.series[0]?.dots.map((dot) => dot.row)).toEqual([0, 1]);
  expect(data.largest).toBe(9);
});

test("a number: the latest of its times, against the row before, with a word for its tone", () => {
  const config = chart({
    type: "stat",
    x: "day",
    y: ["v"],
    thresholds: [
      { value: "100", tone: "bad", label: "Too many" },
      { value: "0", tone: "good" },
    ],
    stat: { compare: "previous_row", better: "down" },
  });
  const rows: Cell[][] = [
    ["2026-01-03", "120"],
    ["2026-01-01", "80"],
    ["2026-01-02", "100"],
  ];
  const stat = readStat(scene(config, ["day date", "v int8"], rows));
  expect(stat).toMatchObject({
    exact: "120",
    row: 0,
    tone: "bad",
    toneWords: "Too many",
    spark: [80, 100, 120],
  });
  expect(stat.comparison).toMatchObject({
    direction: "up",
    difference: "20",
    share: 0.2,
    base: "100",
    tone: "bad",
  });
  const target = readStat(
    scene(
      { ...config, stat: { compare: "target", target: "9007199254740993", better: "up" } },
      ["day date", "v int8"],
      [["2026-01-01", "9007199254740994"]],
    ),
  );
  expect(target.comparison).toMatchObject({ direction: "up", difference: "1", tone: "good" });
  expect(readStat(scene(config, ["day date", "v int8"], [["2026-01-01", null]]))).toMatchObject({
    exact: null,
    comparison: null,
  });
  expect(
    readStat(
      scene(
        { ...config, stat: { compare: "first_row" } },
        ["day date", "v int8"],
        [
          ["2026-01-01", "0"],
          ["2026-01-02", "5"],
        ],
      ),
    ).comparison?.share,
  ).toBeNull();
});
