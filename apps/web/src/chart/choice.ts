import type { Cell, Column, ColumnType } from "@quern/contract/results";
import type { ChartConfig } from "@quern/contract/visualizations";
import { isNumeric } from "../grid/cell-look.ts";

const TIMES = new Set<ColumnType>(["date", "timestamp", "timestamptz"]);
const CATEGORIES = new Set<ColumnType>(["text", "bool", "uuid", "other", "time", "interval"]);

export const isTime = (type: ColumnType): boolean => TIMES.has(type);
const isCategory = (type: ColumnType): boolean => CATEGORIES.has(type);

/** More values than this in a column do not make readable series. */
const MAX_SERIES = 12;
/** A second measure is drawn beside the first only when their sizes are comparable. */
const MAX_RATIO = 20;

/**
 * A first chart of a result: time and number make lines, category and number bars, and a text column with few
 * values splits them into series. Null when there is no number to draw.
 */
export function chooseChart(columns: Column[], rows: Cell[][]): ChartConfig | null {
  const numbers = indexes(columns, (column) => isNumeric(column.type));
  const times = indexes(columns, (column) => isTime(column.type));
  const categories = indexes(columns, (column) => isCategory(column.type));
  const x = times[0] ?? widest(categories, rows) ?? (numbers.length > 1 ? numbers[0] : undefined);
  if (x === undefined) return null;
  const measures = measuresOf(
    columns,
    numbers.filter((index) => index !== x),
    rows,
  );
  if (measures.length === 0) return null;
  const repeats = distinct(rows, x) < rows.length;
  const splits = categories.filter(
    (index) => index !== x && distinct(rows, index) <= MAX_SERIES && distinct(rows, index) > 1,
  );
  const series = repeats ? splits[0] : undefined;
  const name = (index: number) => columns[index]!.name;
  return {
    type: isTime(columns[x]!.type) || isNumeric(columns[x]!.type) ? "line" : "bar",
    x: name(x),
    y: [...new Set((series === undefined ? measures : measures.slice(0, 1)).map(name))],
    series: series === undefined ? null : name(series),
    stacked: false,
    horizontal: false,
  };
}

function indexes(columns: Column[], test: (column: Column) => boolean): number[] {
  return columns.flatMap((column, index) =>
    test(column) && column.name.length <= 200 ? [index] : [],
  );
}

function distinct(rows: Cell[][], index: number): number {
  return new Set(rows.map((row) => row[index])).size;
}

/** Of several categories, the one with the most values goes along the axis; the others can be series. */
function widest(categories: number[], rows: Cell[][]): number | undefined {
  return categories.reduce<number | undefined>(
    (best, index) =>
      best === undefined || distinct(rows, index) > distinct(rows, best) ? index : best,
    undefined,
  );
}

function measuresOf(columns: Column[], numbers: number[], rows: Cell[][]): number[] {
  const named = numbers.filter(
    (index) => !/(^|_)(id|key|year|month|day)$/i.test(columns[index]!.name),
  );
  const useful = named.length > 0 ? named : numbers;
  const size = (index: number) =>
    Math.max(0, ...rows.slice(0, 2000).map((row) => Math.abs(Number(row[index] ?? 0)) || 0));
  const [first, ...rest] = useful;
  if (first === undefined) return [];
  const most = size(first);
  const alike = rest.filter(
    (index) => size(index) <= most * MAX_RATIO && size(index) * MAX_RATIO >= most,
  );
  return [first, ...alike].slice(0, 5);
}
