/** The rows that `POST /runs/{id}/statistics` gives, one a column of the result, read by the names of their columns. */
import type { Cell, Column } from "@quern/contract/results";
import { z } from "zod";
import { formatDecimal } from "../words/count.ts";
import { cellText } from "./tsv.ts";

const exact = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const Top = z.array(z.object({ value: exact, count: z.number() }));
const Histogram = z.array(z.object({ from: exact, to: exact, count: z.number() }));

type TopValue = { value: string | null; count: number };
type Bucket = { from: string; to: string; count: number };
export type ColumnStatistics = {
  column: number;
  nulls: number;
  distinct: number | null;
  /** Beyond some size the engine estimates how many different values there are. */
  distinctIsExact: boolean;
  /** Exact, as the engine prints them. */
  min: string | null;
  max: string | null;
  mean: string | null;
  sum: string | null;
  trueCount: number | null;
  top: TopValue[];
  histogram: Bucket[];
};

const textOrNull = (cell: Cell | undefined): string | null =>
  cell == null ? null : cellText(cell);
const countOrNull = (cell: Cell | undefined): number | null => (cell == null ? null : Number(cell));

function parseJson(cell: Cell | undefined): unknown {
  return typeof cell === "string" ? JSON.parse(cell) : null;
}

export function readStatistics(columns: Column[], rows: Cell[][]): ColumnStatistics[] {
  const at = new Map(columns.map((column, index) => [column.name, index]));
  return rows.map((row) => {
    const cell = (name: string): Cell | undefined => {
      const index = at.get(name);
      return index === undefined ? undefined : row[index];
    };
    const top = Top.safeParse(parseJson(cell("top")));
    const histogram = Histogram.safeParse(parseJson(cell("histogram")));
    return {
      column: Number(cell("column")),
      nulls: Number(cell("nulls") ?? 0),
      distinct: countOrNull(cell("distinct")),
      distinctIsExact: cell("distinct_is_exact") !== false,
      min: textOrNull(cell("min")),
      max: textOrNull(cell("max")),
      mean: textOrNull(cell("mean")),
      sum: textOrNull(cell("sum")),
      trueCount: countOrNull(cell("true_count")),
      top: top.success
        ? top.data.map(({ value, count }) => ({
            value: value === null ? null : String(value),
            count,
          }))
        : [],
      histogram: histogram.success
        ? histogram.data.map(({ from, to, count }) => ({
            from: String(from),
            to: String(to),
            count,
          }))
        : [],
    };
  });
}

/** `12.4 %` of a whole, and never `0 %` or `100 %` of what is not. */
export function shareWords(part: number, whole: number): string {
  if (whole === 0 || part === 0) return "0 %";
  if (part === whole) return "100 %";
  const percent = (part / whole) * 100;
  if (percent < 0.1) return `< ${formatDecimal(0.1, 1)} %`;
  return percent > 99.9 ? `> ${formatDecimal(99.9, 1)} %` : `${formatDecimal(percent, 1)} %`;
}
