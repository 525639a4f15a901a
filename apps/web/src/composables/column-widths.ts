import type { Column } from "@quern/contract/results";
import { ref, watch } from "vue";
import { canvasMeasure, columnWidths } from "../grid/cell-look.ts";
import type { ResultRows } from "./result-rows.ts";

/** Widths of the grid's columns: by their content when the first rows come, then as a person drags them. */
export function useColumnWidths(columns: () => Column[], rows: ResultRows) {
  const measure = canvasMeasure();
  const widths = ref(columnWidths(columns(), [], measure));
  const stop = watch(rows.changes, () => {
    const first = rows.firstRows();
    if (first.length === 0) return;
    widths.value = columnWidths(columns(), first, measure);
    stop();
  });

  const set = (index: number, width: number) => {
    widths.value = widths.value.map((each, at) => (at === index ? width : each));
  };
  return {
    widths,
    /** Drags the right edge of a column by `delta` px from where it was at `start`. */
    resize: (index: number, width: number) => set(index, Math.max(40, Math.round(width))),
    /** Makes the column as wide as its content. */
    fit(index: number): void {
      const column = columns()[index];
      if (column === undefined) return;
      const cells = rows.firstRows().map((row) => [row[index] ?? null]);
      set(index, columnWidths([column], cells, measure)[0] ?? 120);
    },
  };
}
