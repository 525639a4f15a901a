import type { Cell, Column, ColumnType } from "@quern/contract/results";
import { t } from "../i18n/language.ts";
import { cellText } from "./tsv.ts";

const NUMERIC = new Set<ColumnType>(["int2", "int4", "int8", "float4", "float8", "numeric"]);

const TIMES = new Set<ColumnType>(["date", "time", "timestamp", "timestamptz"]);

export function isNumeric(type: ColumnType): boolean {
  return NUMERIC.has(type);
}

const MAX_SHOWN = 300;

/** A cell on one line: line ends and tabs become signs, and what no column is wide enough for is left out. */
export function shownText(cell: Cell): string {
  const text = cellText(cell);
  const cut = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
  return cut.replace(/\r\n|\n|\r/g, "↵").replaceAll("\t", "⇥");
}

/** The words of a column's head: a name can be empty, as in `select 1 as ""`. */
export function columnTitle(column: Column): string {
  return column.name === "" ? t("(no name)") : column.name;
}

const MIN_WIDTH = 64;
/** The first rows tend to hold the small numbers: room for ten digits. */
const MIN_NUMBER = 104;
const MAX_WIDTH = 420;
const PADDING = 24;

export type Measure = (text: string, bold: boolean) => number;

/** A width in px for each column, by its head and the rows at hand. */
export function columnWidths(
  columns: Column[],
  rows: Cell[][],
  measure: Measure,
  most = MAX_WIDTH,
): number[] {
  const sample = rows.slice(0, columns.length > 200 ? 10 : 60);
  return columns.map((column, index) => {
    let widest = Math.max(
      measure(columnTitle(column), true),
      measure(column.source_type, false) * 0.85,
    );
    for (const row of sample) {
      const cell = row[index] ?? null;
      const shown = cell === null ? "NULL" : shownText(cell).slice(0, most / 5);
      // Digits differ in width: the zero stands for those of later rows. Numbers are drawn a little wider still.
      const text =
        NUMERIC.has(column.type) || TIMES.has(column.type) ? shown.replace(/\d/g, "0") : shown;
      widest = Math.max(widest, measure(text, false) * (NUMERIC.has(column.type) ? 1.08 : 1));
    }
    return Math.round(
      Math.max(NUMERIC.has(column.type) ? MIN_NUMBER : MIN_WIDTH, Math.min(most, widest + PADDING)),
    );
  });
}

/** Measures text as the grid draws it. */
export function canvasMeasure(): Measure {
  const context = document.createElement("canvas").getContext("2d");
  return (text, bold) => {
    if (context === null) return text.length * 7.5;
    context.font = `${bold ? "600 " : ""}13px "Inter Variable", sans-serif`;
    return context.measureText(text).width;
  };
}
