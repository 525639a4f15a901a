import type { Cell, Column, ColumnType } from "@quern/contract/results";
import type { ChartConfig } from "@quern/contract/visualizations";
import { isNumeric } from "../grid/cell-look.ts";
import { cellText } from "../grid/tsv.ts";
import { isTime } from "./choice.ts";

export type Point = { x: number | string; y: number; exact: string };
type Series = { name: string; points: Point[] };
export type ChartData = {
  /** How the x axis counts: instants in ms, numbers, or names in the order of the rows. */
  axis: "time" | "value" | "category";
  categories: string[];
  series: Series[];
  /** Series left out because there are too many. */
  leftOut: number;
  /** Rows of the same bar that were added up. */
  merged: boolean;
  /** Rows without a number or a place. */
  skipped: number;
  /** The x axis is in the time zone of the result, and this is UTC. */
  utc: boolean;
};

const MAX_SERIES = 20;

/** Which fields of `config` the result does not have. */
export function missingFields(config: ChartConfig, columns: Column[]): string[] {
  const names = new Set(columns.map((column) => column.name));
  return [config.x, ...config.y, ...(config.series === null ? [] : [config.series])].filter(
    (name) => !names.has(name),
  );
}

/** The points of a chart. Values become numbers only to be drawn; `exact` keeps what the engine said. */
export function chartData(config: ChartConfig, columns: Column[], rows: Cell[][]): ChartData {
  const at = (name: string) => columns.findIndex((column) => column.name === name);
  const xIndex = at(config.x);
  const xType = columns[xIndex]?.type ?? "text";
  const axis = axisOf(config.type, xType);
  const seriesIndex = config.series === null ? -1 : at(config.series);
  const categories = new Map<string, number>();
  const series = new Map<string, Point[]>();
  let skipped = 0;
  for (const row of rows) {
    const x = placeOf(row[xIndex] ?? null, axis);
    if (x === null) {
      skipped += 1;
      continue;
    }
    if (axis === "category" && !categories.has(String(x)))
      categories.set(String(x), categories.size);
    for (const measure of config.y) {
      const cell = row[at(measure)] ?? null;
      const y = cell === null ? Number.NaN : Number(cell);
      if (!Number.isFinite(y)) {
        skipped += 1;
        continue;
      }
      const name = seriesName(
        seriesIndex === -1 ? null : (row[seriesIndex] ?? null),
        seriesIndex,
        measure,
        config.y.length,
      );
      const points = series.get(name) ?? [];
      points.push({ x, y, exact: cellText(cell) });
      series.set(name, points);
    }
  }
  const drawn = largest([...series].map(([name, points]) => ({ name, points })));
  const merged = axis === "category" ? drawn.map(mergePoints).some(Boolean) : false;
  if (axis !== "category")
    for (const each of drawn) each.points.sort((a, b) => Number(a.x) - Number(b.x));
  return {
    axis,
    categories: [...categories.keys()],
    series: drawn,
    leftOut: series.size - drawn.length,
    merged,
    skipped,
    utc: axis === "time" && xType === "timestamptz",
  };
}

function axisOf(type: ChartConfig["type"], xType: ColumnType): ChartData["axis"] {
  if (type === "bar") return "category";
  if (isTime(xType)) return "time";
  return isNumeric(xType) ? "value" : "category";
}

function placeOf(cell: Cell, axis: ChartData["axis"]): number | string | null {
  if (axis === "category") return cell === null ? "NULL" : cellText(cell);
  if (cell === null) return null;
  const place = axis === "time" ? parseInstant(cellText(cell)) : Number(cell);
  return place !== null && Number.isFinite(place) ? place : null;
}

/**
 * The engine's text of a date or timestamp as ms since 1970: what has no zone is read as if it were UTC, so that the
 * axis (which is in UTC as well) says what the engine said. Null for infinity and for years that have no place here.
 */
export function parseInstant(text: string): number | null {
  const match =
    /^(\d{4,6})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?( BC)?$/.exec(
      text,
    );
  if (!match || match[9]) return null;
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "0", zone = "Z"] =
    match;
  const local = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  return local + Number(fraction) * 1000 - zoneMinutes(zone) * 60_000;
}

function zoneMinutes(zone: string): number {
  if (zone === "Z") return 0;
  const [, sign, hours = "0", minutes = "0"] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone) ?? [];
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

function seriesName(cell: Cell, seriesIndex: number, measure: string, measures: number): string {
  if (seriesIndex === -1) return measure;
  const name = cell === null ? "NULL" : cellText(cell);
  return measures > 1 ? `${name} · ${measure}` : name;
}

function largest(series: Series[]): Series[] {
  if (series.length <= MAX_SERIES) return series;
  const size = (each: Series) => each.points.reduce((sum, point) => sum + Math.abs(point.y), 0);
  return [...series].sort((a, b) => size(b) - size(a)).slice(0, MAX_SERIES);
}

/** Adds up points of the same category; true when there were any. */
function mergePoints(series: Series): boolean {
  const byPlace = new Map<string, Point>();
  for (const point of series.points) {
    const known = byPlace.get(String(point.x));
    if (known)
      byPlace.set(String(point.x), {
        x: point.x,
        y: known.y + point.y,
        exact: String(known.y + point.y),
      });
    else byPlace.set(String(point.x), point);
  }
  const merged = byPlace.size < series.points.length;
  series.points = [...byPlace.values()];
  return merged;
}
