import type { ChartConfig, ChartType } from "@quern/contract/chart-config";
import type { Column, ColumnType } from "@quern/contract/results";
import { isNumeric } from "../grid/cell-look.ts";
import { t } from "../i18n/language.ts";

const TIMES = new Set<ColumnType>(["date", "timestamp", "timestamptz"]);
export const isTime = (type: ColumnType): boolean => TIMES.has(type);

export type Role = "x" | "y" | "series" | "size" | "latitude" | "longitude";
/** What kind of column a role takes; `several` of them for `y`. */
export type Need = {
  role: Role;
  label: string;
  takes: "any" | "number" | "measurable";
  required: boolean;
  several?: boolean;
};

const along = { role: "x", label: t("Along"), takes: "any", required: true } as const;
const values = {
  role: "y",
  label: t("Values"),
  takes: "number",
  required: true,
  several: true,
} as const;
const value = { role: "y", label: t("Value"), takes: "number", required: true } as const;
const split = {
  role: "series",
  label: t("A series for each"),
  takes: "any",
  required: false,
} as const;
const names = { role: "x", label: t("Names"), takes: "any", required: true } as const;

/** The columns that each type of chart is made of. */
export const NEEDS: Record<ChartType, Need[]> = {
  line: [along, values, split],
  area: [along, values, split],
  bar: [along, values, split],
  scatter: [
    { role: "x", label: t("Across"), takes: "measurable", required: true },
    { ...values, label: t("Up") },
    split,
    { role: "size", label: t("Size"), takes: "number", required: false },
  ],
  pie: [names, value],
  funnel: [{ ...names, label: t("Steps") }, value],
  heatmap: [
    { ...along, label: t("Across") },
    { role: "series", label: t("Up"), takes: "any", required: true },
    value,
  ],
  histogram: [
    { role: "x", label: t("Values to count"), takes: "measurable", required: true },
    split,
  ],
  box: [{ ...along, label: t("A box for each"), required: false }, values],
  stat: [value, { role: "x", label: t("In the order of"), takes: "any", required: false }],
  table: [],
  region_map: [{ ...names, label: t("Regions") }, value],
  point_map: [
    { role: "latitude", label: t("Latitude"), takes: "number", required: true },
    { role: "longitude", label: t("Longitude"), takes: "number", required: true },
    { role: "x", label: t("Names"), takes: "any", required: false },
    { role: "size", label: t("Size"), takes: "number", required: false },
    split,
  ],
};

export const takesColumn = (need: Need, { type }: Column): boolean =>
  need.takes === "any" || isNumeric(type) || (need.takes === "measurable" && isTime(type));

/** The columns that `config` puts into a role. */
export function columnsOf(config: ChartConfig, role: Role): string[] {
  if (role === "y") return config.y;
  const name = config[role];
  return name === null || name === undefined ? [] : [name];
}

/** Rows can be counted without a value to add up. */
export const countsRows = (config: ChartConfig): boolean =>
  config.aggregate === "count" && config.y.length === 0;

export type Trouble = { title: string; words: string };

/** Why the chart cannot be drawn from these columns, and what to do; null when it can. */
export function fieldTrouble(config: ChartConfig, columns: Column[]): Trouble | null {
  const known = new Map(columns.map((column) => [column.name, column]));
  const needs = NEEDS[config.type];
  const wanted = [
    ...needs.flatMap((need) => columnsOf(config, need.role)),
    ...(config.type === "stat" &&
    config.stat?.compare === "column" &&
    config.stat.compare_column !== undefined
      ? [config.stat.compare_column]
      : []),
  ];
  const gone = [...new Set(wanted)].filter((name) => !known.has(name));
  if (gone.length > 0)
    return {
      title: t(
        "This result has no column called {names} | This result has no columns called {names}",
        { n: gone.length, names: gone.join(", ") },
      ),
      words: t("The query has changed since the chart was made. Choose other fields."),
    };
  for (const need of needs) {
    const chosen = columnsOf(config, need.role);
    if (need.required && chosen.length === 0 && !(need.role === "y" && countsRows(config)))
      return {
        title: t("The field “{field}” is empty", { field: need.label }),
        words: t("Choose a column for it, or another type of chart."),
      };
  }
  return null;
}
