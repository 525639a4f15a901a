import type { TableColumn } from "@quern/contract/chart-config";
import type { Cell, Column, ColumnType } from "@quern/contract/results";
import { formatNumber } from "../format/number.ts";
import { formatTime, precisionOf } from "../format/time.ts";
import { isNumeric, shownText } from "./cell-look.ts";

const CALENDAR = new Set<ColumnType>(["date", "timestamp", "timestamptz"]);

export type CellWriter = (cell: Cell) => string;

/** Whether a column's times can be written in words; a time of day only as it is. */
export function hasCalendar(type: ColumnType): boolean {
  return CALENDAR.has(type);
}

/**
 * How the cells of a column are written on one line: by its format, else as the engine wrote them. `cells` are those at
 * hand, by which all times of the column are equally fine. `zone` is where a timestamptz is shown, null for the viewer's.
 */
export function cellWriter(
  column: Column,
  { format, time }: Pick<TableColumn, "format" | "time">,
  cells: Cell[],
  zone: string | null = null,
): CellWriter {
  if (format !== undefined) return (cell) => formatNumber(cell, format);
  if (time !== undefined && (CALENDAR.has(column.type) || column.type === "time")) {
    const precision = precisionOf(cells, column.type);
    return (cell) => formatTime(cell, column.type, time, { precision, zone });
  }
  return shownText;
}

/** As `cellWriter`, for tables that are read and not examined: times are written in words without being told to. */
export function readableWriter(
  column: Column,
  settings: Pick<TableColumn, "format" | "time">,
  cells: Cell[],
  zone: string | null,
): CellWriter {
  const time =
    settings.time ?? (CALENDAR.has(column.type) ? { style: "auto" as const } : undefined);
  return cellWriter(column, time === undefined ? settings : { ...settings, time }, cells, zone);
}

/** Numbers, and text that a number format is for, stand at the right. */
export function standsRight(column: Column, settings: Pick<TableColumn, "format">): boolean {
  return isNumeric(column.type) || settings.format !== undefined;
}
