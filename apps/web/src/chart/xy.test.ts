import type { Cell } from "@quern/contract/results";
import fc from "fast-check";
import { expect, test } from "vitest";
import { addDecimals, compareDecimals, subtractDecimals } from "./decimals.ts";
import { OTHER } from "./scene.ts";
import { chart, scene } from "./testing-scene.ts";
import { readXy, type Xy } from "./xy.ts";

const bar = chart({ type: "bar", x: "k", y: ["v"] });
const line = chart({ type: "line", x: "at", y: ["v"] });
const exacts = (data: Xy, series = 0) => data.series[series]?.points.map((point) => point.exact);

test("rows of one place are added up to the last digit, and it says so", () => {
  const data = readXy(
    scene(
      bar,
      ["k text", "v numeric"],
      [
        ["a", "9007199254740993"],
        ["a", "0.1"],
        ["b", "0.1"],
        ["b", "0.2"],
        [null, "4"],
      ],
    ),
  );
  expect(data.places).toEqual(["a", "b", "NULL"]);
  expect(exacts(data)).toEqual(["9007199254740993.1", "0.3", "4"]);
  expect(data.notes.join(" ")).toContain("added up");
});

test("every aggregate: mean, least, greatest, rows; without a measure rows are counted", () => {
  const rows: Cell[][] = [
    ["a", "9007199254740993"],
    ["a", "9007199254740992"],
    ["a", null],
  ];
  const of = (aggregate: "mean" | "min" | "max" | "count", y = ["v"]) =>
    exacts(readXy(scene({ ...bar, aggregate, y }, ["k text", "v int8"], rows)))?.[0];
  expect(of("min")).toBe("9007199254740992");
  expect(of("max")).toBe("9007199254740993");
  expect(of("count")).toBe("2");
  expect(of("count", [])).toBe("3");
  expect(Number(of("mean")) / 9007199254740992).toBeCloseTo(1, 12);
});

test("most names: the largest stay, Other is the last and loses nothing", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          fc.constantFrom("a", "b", "c", "d", "e", "f"),
          fc.integer({ min: -1000, max: 1000 }),
        ),
        { minLength: 1, maxLength: 60 },
      ),
      fc.integer({ min: 1, max: 6 }),
      (rows, most) => {
        const data = readXy(scene({ ...bar, most }, ["k text", "v int4"], rows));
        const total = rows.reduce((sum, [, value]) => sum + value, 0);
        const drawn = (data.series[0]?.points ?? []).reduce(
          (sum, point) => addDecimals(sum, point.exact ?? "0"),
          "0",
        );
        expect(drawn).toBe(String(total));
        const named = new Set(rows.map(([name]) => name)).size;
        expect(data.places.length).toBe(named > most ? most + 1 : named);
        if (named > most) expect(data.places.at(-1)).toBe(OTHER);
      },
    ),
    { numRuns: 200 },
  );
});

test("stacked parts add up to the aggregate of their place, 10,000 series too, and shares to 100", () => {
  const rows: Cell[][] = Array.from({ length: 30_000 }, (_, i) => [
    `p${i % 3}`,
    `s${i % 10_000}`,
    (i % 97) + 1,
  ]);
  const stacked = { ...bar, series: "s", stacked: true };
  const data = readXy(scene(stacked, ["k text", "s text", "v int4"], rows));
  expect(data.series).toHaveLength(20);
  expect(data.series.some((series) => series.id === OTHER)).toBe(true);
  data.places.forEach((place, index) => {
    const whole = rows
      .filter(([name]) => name === place)
      .reduce((sum, row) => sum + Number(row[2]), 0);
    expect(data.series.reduce((sum, series) => sum + (series.points[index]?.y ?? 0), 0)).toBe(
      whole,
    );
  });
  const shares = readXy(scene({ ...stacked, percent: true }, ["k text", "s text", "v int4"], rows));
  shares.places.forEach((_, index) => {
    expect(
      shares.series.reduce((sum, series) => sum + (series.points[index]?.y ?? 0), 0),
    ).toBeCloseTo(100);
  });
});

test("of 10,000 lines the 20 largest are drawn, and it says how many are not", () => {
  const rows: Cell[][] = Array.from({ length: 10_000 }, (_, i) => ["2026-01-01", `s${i}`, i]);
  const data = readXy(scene({ ...line, series: "s" }, ["at date", "s text", "v int4"], rows));
  expect(data.series).toHaveLength(20);
  expect(data.series.map((series) => series.id)).toContain("s9999");
  expect(data.notes.join(" ")).toContain("9,980");
});

test("missing days are gaps, zeros or bridged; trading days have no weekend", () => {
  const days = ["2026-03-02", "2026-03-03", "2026-03-05", "2026-03-06", "2026-03-09", "2026-03-10"];
  const rows: Cell[][] = days.map((day) => [day, 1]);
  const of = (missing?: "gap" | "zero" | "connect") =>
    readXy(
      scene({ ...line, ...(missing ? { missing } : {}) }, ["at date", "v int4"], rows),
    ).series[0]?.points.map((point) => point.y);
  expect(of()).toEqual([1, 1, null, 1, 1, 1, 1]);
  expect(of("zero")).toEqual([1, 1, 0, 1, 1, 1, 1]);
  expect(of("connect")?.filter((y) => y !== null)).toHaveLength(6);
});

test("lines keep times without a rhythm where they are, infinity and NULL are said to be left out", () => {
  const data = readXy(
    scene(
      line,
      ["at timestamp", "v int8"],
      [
        ["2026-02-01 10:00:07", "9007199254740993"],
        ["2026-01-01", "1"],
        [null, "5"],
        ["infinity", "5"],
      ],
    ),
  );
  expect(data.axis).toBe("time");
  expect(exacts(data)).toEqual(["1", "9007199254740993"]);
  expect(data.notes.join(" ")).toContain("2 values");
});

test("bars by value: sorted by the sum of their series, smallest or largest first", () => {
  const rows: Cell[][] = [
    ["a", 2],
    ["b", 9],
    ["c", 5],
  ];
  const places = (sort: "value_ascending" | "value_descending" | "x") =>
    readXy(scene({ ...bar, sort }, ["k text", "v int4"], rows)).places;
  expect(places("value_descending")).toEqual(["b", "c", "a"]);
  expect(places("value_ascending")).toEqual(["a", "c", "b"]);
  expect(
    readXy(
      scene(
        { ...bar, sort: "x" },
        ["k text", "v int4"],
        [
          ["v10", 1],
          ["v9", 1],
        ],
      ),
    ).places,
  ).toEqual(["v9", "v10"]);
});

test("decimals are added, subtracted and compared to the last digit", () => {
  expect(addDecimals("1e-7", "1")).toBe("1.0000001");
  expect(subtractDecimals("9007199254740993", "9007199254740992")).toBe("1");
  expect(subtractDecimals("-1", "-3")).toBe("2");
  expect(compareDecimals("9007199254740993", "9007199254740992")).toBeGreaterThan(0);
  expect(compareDecimals("0.10", "0.1")).toBe(0);
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }),
      fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }),
      (a, b) => {
        expect(addDecimals(String(a), String(b))).toBe(String(a + b));
        expect(Math.sign(compareDecimals(String(a), String(b)))).toBe(a < b ? -1 : a > b ? 1 : 0);
      },
    ),
  );
});
