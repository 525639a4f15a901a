import type { ChartConfig } from "@quern/contract/chart-config";
import { addDecimals, compareDecimals } from "./decimals.ts";

export type Aggregate = NonNullable<ChartConfig["aggregate"]>;

/** What rows of one place and series come to. */
export type Accumulator = {
  /** Rows with a value. */
  count: number;
  /** The sum, the least or the greatest, in the engine's digits; empty while there is none. */
  text: string;
  /** The first row, for what a click on the mark asks. */
  row: number;
};

export const emptyAccumulator = (row: number): Accumulator => ({ count: 0, text: "", row });

/** Takes one more value into `into`. */
export function accumulate(into: Accumulator, text: string, aggregate: Aggregate): void {
  into.count += 1;
  if (aggregate === "count") return;
  if (into.count === 1) into.text = text;
  else if (aggregate === "min") into.text = compareDecimals(text, into.text) < 0 ? text : into.text;
  else if (aggregate === "max") into.text = compareDecimals(text, into.text) > 0 ? text : into.text;
  else into.text = addDecimals(into.text, text);
}

/** The value as text; null when no row had one. A mean has 15 significant digits. */
export function aggregateOf(of: Accumulator, aggregate: Aggregate): string | null {
  if (aggregate === "count") return String(of.count);
  if (of.count === 0) return null;
  if (aggregate !== "mean" || of.count === 1) return of.text;
  return String(Number((Number(of.text) / of.count).toPrecision(15)));
}
