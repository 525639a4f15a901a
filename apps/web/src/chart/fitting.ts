/** Which types of chart suit a result, and what becomes of a configuration when its type changes. */
import type { ChartConfig, ChartType } from "@quern/contract/chart-config";
import type { Cell, Column } from "@quern/contract/results";
import { isNumeric } from "../grid/cell-look.ts";
import { t } from "../i18n/language.ts";
import { bestMap } from "./maps/names.ts";
import { columnsOf, countsRows, isTime, NEEDS, type Need, takesColumn } from "./roles.ts";
import { nameOf } from "./scene.ts";

const LATITUDE = /^lat(itude)?$/i;
const LONGITUDE = /^(lon|lng|long|longitude)$/i;

/** Why a type does not suit the columns, in words; null when it does. */
export function unfit(type: ChartType, columns: Column[], rows: Cell[][]): string | null {
  const numbers = columns.filter((column) => isNumeric(column.type));
  const measurable = columns.filter((column) => isNumeric(column.type) || isTime(column.type));
  const noNumber = numbers.length === 0 ? t("It needs a column of numbers.") : null;
  switch (type) {
    case "table":
      return null;
    case "stat":
      return noNumber;
    case "histogram":
      return measurable.length === 0 ? t("It needs a column of numbers or times.") : null;
    case "box":
      return noNumber ?? (rows.length < 5 ? t("It needs at least five rows.") : null);
    case "scatter":
      return measurable.length < 2 || numbers.length === 0
        ? t("It needs two columns of numbers, or a time and a number.")
        : null;
    case "heatmap":
      return (
        noNumber ??
        (columns.length < 3
          ? t("It needs two columns of names or times besides the number.")
          : null)
      );
    case "region_map":
      return (
        noNumber ??
        (regionColumn(columns, rows) === null
          ? t("No column holds provinces of Canada or states of the United States.")
          : null)
      );
    case "point_map":
      return columns.some(({ name }) => LATITUDE.test(name)) &&
        columns.some(({ name }) => LONGITUDE.test(name))
        ? null
        : t("It needs columns called latitude and longitude, or columns that you choose for them.");
    case "bar":
      return columns.length < 2 ? (noNumber ?? t("It needs a second column to go along.")) : null;
    default:
      return noNumber ?? (columns.length < 2 ? t("It needs a second column to go along.") : null);
  }
}

/** The first column most of whose names are provinces or states. */
function regionColumn(columns: Column[], rows: Cell[][]): string | null {
  return columns.find(({ name }) => isRegionColumn(columns, rows, name))?.name ?? null;
}

function isRegionColumn(columns: Column[], rows: Cell[][], name: string): boolean {
  const index = columns.findIndex((column) => column.name === name);
  const type = columns[index]?.type ?? "text";
  if (isNumeric(type) || isTime(type)) return false;
  const names = [...new Set(rows.slice(0, 1_000).map((row) => nameOf(row[index] ?? null)))];
  return names.length > 0 && (bestMap(names)?.known ?? 0) * 2 >= names.length;
}

/**
 * `config` with another type: every setting stays, and columns stay where they fit. What the new type needs and lacks is
 * taken from `before`, the columns when it was last of this type, else guessed.
 */
export function withType(
  config: ChartConfig,
  type: ChartType,
  {
    columns,
    rows,
    before,
  }: { columns: Column[]; rows: Cell[][]; before?: ChartConfig | undefined },
): ChartConfig {
  const next: ChartConfig = { ...config, type };
  const region = type === "region_map" ? regionColumn(columns, rows) : null;
  /** A map of regions needs their names, where the result has any. */
  const isPlaceFor = (need: Need, name: string) =>
    need.role !== "x" || region === null || isRegionColumn(columns, rows, name);
  for (const need of NEEDS[type]) {
    const chosen = columnsOf(next, need.role).filter(
      (name) => fitsColumn(need, name, columns) && isPlaceFor(need, name),
    );
    if (chosen.length > 0 || (need.role === "y" && countsRows(next))) {
      if (need.role === "y") next.y = chosen;
      continue;
    }
    if (!need.required) continue;
    const kept =
      before === undefined
        ? []
        : columnsOf(before, need.role).filter((name) => fitsColumn(need, name, columns));
    put(next, need, kept.length > 0 ? kept : guess(need, next, columns, rows));
  }
  return next;
}

function fitsColumn(need: Need, name: string, columns: Column[]): boolean {
  const column = columns.find((each) => each.name === name);
  return column !== undefined && takesColumn(need, column);
}

function put(config: ChartConfig, { role }: Need, names: string[]): void {
  const [first] = names;
  if (role === "y") config.y = names;
  else if (first === undefined) return;
  else config[role] = first;
}

function guess(need: Need, config: ChartConfig, columns: Column[], rows: Cell[][]): string[] {
  const used = new Set([config.x, config.series, ...config.y]);
  const fitting = columns.filter((column) => takesColumn(need, column)).map(({ name }) => name);
  const free = fitting.filter((name) => !used.has(name));
  const named = (pattern: RegExp) => fitting.filter((name) => pattern.test(name)).slice(0, 1);
  if (need.role === "latitude") return named(LATITUDE);
  if (need.role === "longitude") return named(LONGITUDE);
  if (config.type === "region_map" && need.role === "x") {
    const region = regionColumn(columns, rows);
    if (region !== null) return [region];
  }
  const best = need.takes === "any" ? byKind(free, columns) : free;
  return (best.length > 0 ? best : fitting).slice(0, 1);
}

/** Names and times before numbers. */
function byKind(names: string[], columns: Column[]): string[] {
  const number = (name: string) =>
    isNumeric(columns.find((column) => column.name === name)?.type ?? "text");
  return [...names.filter((name) => !number(name)), ...names.filter(number)];
}
