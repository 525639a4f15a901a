import type { Cell, Column } from "@quern/contract/results";
import { shallowRef, watch } from "vue";
import { canvasMeasure, columnWidths } from "../grid/cell-look.ts";
import type { ResultRows } from "./result-rows.ts";

/** The widths that columns have by their content, px: by their heads at first, then by the rows that came first. */
export function useColumnWidths(columns: () => Column[], rows: ResultRows) {
  const measure = canvasMeasure();
  const natural = shallowRef(columnWidths(columns(), [], measure));
  const sample = shallowRef<Cell[][]>([]);
  const stop = watch(rows.changes, () => {
    const first = rows.firstRows();
    if (first.length === 0) return;
    sample.value = first.slice(0, 200);
    natural.value = columnWidths(columns(), first, measure);
    stop();
  });
  return {
    natural,
    /** The rows that came first, once: what is drawn by a look at other rows must not change with every row that comes. */
    sample,
    /** As wide as `texts`, which is what of the column is on the screen, and its head. */
    fitting(column: Column, texts: string[]): number {
      const own = { ...column, type: "text" as const };
      return (
        columnWidths(
          [own],
          texts.map((text) => [text]),
          measure,
          WIDEST,
        )[0] ?? 120
      );
    },
  };
}

/** A column that somebody fits to its content may be wider than it would be by itself. */
const WIDEST = 1_200;
