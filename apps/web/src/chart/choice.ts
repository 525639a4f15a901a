import type { ChartConfig } from "@quern/contract/chart-config";
import type { Cell, Column, ColumnType } from "@quern/contract/results";
import { isNumeric } from "../grid/cell-look.ts";
import { bestMap } from "./maps/names.ts";
import { isTime } from "./roles.ts";
import { nameOf } from "./scene.ts";

const CATEGORIES = new Set<ColumnType>(["text", "bool", "uuid", "other", "time", "interval"]);
const isCategory = (type: ColumnType): boolean => CATEGORIES.has(type);

/** More values than this in a column do not make readable series. */
const MAX_SERIES = 12;
/** A second measure is drawn beside the first only when their sizes are comparable. */
const MAX_RATIO = 20;
/** More bars than this are read better from top to bottom. */
const MAX_STANDING = 14;
/** What is looked at to choose. */
const SAMPLE = 5_000;

const PLAIN = { series: null, stacked: false, horizontal: false } as const;

/** The columns of a result by what they can be, and how many values they have. */
type Shape = {
  columns: Column[];
  rows: Cell[][];
  numbers: number[];
  times: number[];
  categories: number[];
  distinct: (index: number) => number;
};

/**
 * A first chart of a result. One row is a number; coordinates and names of provinces or states are a map; time and number
 * make lines, category and number bars, and a text column with few values splits them into series; names that repeat
 * are counted. Null when there is nothing to draw.
 */
export function chooseChart(columns: Column[], rows: Cell[][]): ChartConfig | null {
  const shape = shapeOf(columns, rows.slice(0, SAMPLE));
  if (rows.length === 0) return null;
  return statOf(shape) ?? mapOf(shape) ?? seriesOf(shape) ?? countOf(shape);
}

function shapeOf(columns: Column[], rows: Cell[][]): Shape {
  const known = new Map<number, number>();
  const seen = new Set<string>();
  const first = columns.map(({ name }) => {
    const fresh = !seen.has(name) && name.length <= 200;
    seen.add(name);
    return fresh;
  });
  const where = (test: (type: ColumnType) => boolean) =>
    columns.flatMap((column, index) => (first[index] && test(column.type) ? [index] : []));
  return {
    columns,
    rows,
    numbers: where(isNumeric),
    times: where(isTime),
    categories: where(isCategory),
    distinct(index) {
      const count = known.get(index) ?? new Set(rows.map((row) => row[index])).size;
      known.set(index, count);
      return count;
    },
  };
}

const nameIn = ({ columns }: Shape, index: number): string => columns[index]?.name ?? "";

function statOf(shape: Shape): ChartConfig | null {
  if (shape.rows.length !== 1) return null;
  const [measure] = measuresOf(shape, shape.numbers);
  if (measure === undefined) return null;
  return { ...PLAIN, type: "stat", x: null, y: [nameIn(shape, measure)] };
}

function mapOf(shape: Shape): ChartConfig | null {
  const named = (pattern: RegExp) =>
    shape.numbers.find((index) => pattern.test(nameIn(shape, index)));
  const [latitude, longitude] = [named(/^lat(itude)?$/i), named(/^(lon|lng|long|longitude)$/i)];
  const others = shape.numbers.filter((index) => index !== latitude && index !== longitude);
  const measures = measuresOf(shape, others);
  if (latitude !== undefined && longitude !== undefined) {
    const [size] = measures;
    const name = widest(shape);
    return {
      ...PLAIN,
      type: "point_map",
      x: name === undefined ? null : nameIn(shape, name),
      y: measures.slice(0, 1).map((index) => nameIn(shape, index)),
      latitude: nameIn(shape, latitude),
      longitude: nameIn(shape, longitude),
      ...(size === undefined ? {} : { size: nameIn(shape, size) }),
    };
  }
  if (shape.times.length > 0 || measures[0] === undefined) return null;
  const region = shape.categories.find((index) => isRegion(shape, index));
  if (region === undefined) return null;
  return {
    ...PLAIN,
    type: "region_map",
    x: nameIn(shape, region),
    y: [nameIn(shape, measures[0])],
  };
}

/** Most values of the column are provinces or states, and each stands for itself. */
function isRegion(shape: Shape, index: number): boolean {
  const names = [...new Set(shape.rows.map((row) => nameOf(row[index] ?? null)))];
  if (names.length < 4 || names.length < shape.rows.length * 0.9) return false;
  return (bestMap(names)?.known ?? 0) >= names.length * 0.7;
}

function seriesOf(shape: Shape): ChartConfig | null {
  const { numbers, times, categories, distinct, rows } = shape;
  const x = times[0] ?? widest(shape) ?? (numbers.length > 1 ? numbers[0] : undefined);
  if (x === undefined) return null;
  const measures = measuresOf(
    shape,
    numbers.filter((index) => index !== x),
  );
  if (measures.length === 0) return null;
  const repeats = distinct(x) < rows.length;
  const series = repeats
    ? categories.find(
        (index) => index !== x && distinct(index) <= MAX_SERIES && distinct(index) > 1,
      )
    : undefined;
  const type = shape.columns[x]?.type ?? "text";
  const line = isTime(type) || isNumeric(type);
  const chosen = series === undefined ? measures : measures.slice(0, 1);
  return {
    type: line ? "line" : "bar",
    x: nameIn(shape, x),
    y: [...new Set(chosen.map((index) => nameIn(shape, index)))],
    series: series === undefined ? null : nameIn(shape, series),
    stacked: false,
    horizontal: !line && distinct(x) > MAX_STANDING,
  };
}

/** How often each name occurs, where names repeat and there is no number. */
function countOf(shape: Shape): ChartConfig | null {
  if (shape.numbers.length > 0) return null;
  const repeating = shape.categories.find(
    (index) => shape.distinct(index) > 1 && shape.distinct(index) * 2 <= shape.rows.length,
  );
  if (repeating === undefined) return null;
  return {
    ...PLAIN,
    type: "bar",
    x: nameIn(shape, repeating),
    y: [],
    aggregate: "count",
    sort: "value_descending",
    horizontal: shape.distinct(repeating) > MAX_STANDING,
  };
}

/** Of several categories, the one with the most values goes along the axis; the others can be series. */
function widest({ categories, distinct }: Shape): number | undefined {
  return categories.reduce<number | undefined>(
    (best, index) => (best === undefined || distinct(index) > distinct(best) ? index : best),
    undefined,
  );
}

function measuresOf(shape: Shape, numbers: number[]): number[] {
  const named = numbers.filter(
    (index) => !/(^|_)(id|key|year|month|day)$/i.test(nameIn(shape, index)),
  );
  const useful = named.length > 0 ? named : numbers;
  const size = (index: number) =>
    shape.rows
      .slice(0, 2_000)
      .reduce((most, row) => Math.max(most, Math.abs(Number(row[index] ?? 0)) || 0), 0);
  const [first, ...rest] = useful;
  if (first === undefined) return [];
  const most = size(first);
  const alike = rest.filter(
    (index) => size(index) <= most * MAX_RATIO && size(index) * MAX_RATIO >= most,
  );
  return [first, ...alike].slice(0, 5);
}
