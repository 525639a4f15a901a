import type { ChartConfig } from "@quern/contract/chart-config";
import type { Cell, Column } from "@quern/contract/results";
import { computed, ref } from "vue";
import { canvasMeasure, type Measure } from "../grid/cell-look.ts";
import { type Painter, painter, rangeOf } from "../grid/cell-paint.ts";
import { type CellWriter, readableWriter, standsRight } from "../grid/cell-text.ts";
import { type ArrangedColumn, arrange, headOf, shownColumns } from "../grid/column-settings.ts";
import { type LocalSort, orderOf } from "../grid/row-order.ts";

/** A column as a table figure draws it. */
export type FigureColumn = ArrangedColumn & {
  head: string;
  right: boolean;
  write: CellWriter;
  paint: Painter | null;
  left: number;
  width: number;
};

const LEAST = 56;
const MOST = 360;
const SAMPLE = 80;

/** The columns, their places and the order of the rows of a table made from `config`. `room` is the width to fill, px. */
export function useTableFigure(props: {
  config: () => ChartConfig;
  columns: () => Column[];
  rows: () => Cell[][];
  zone: () => string | null;
  room: () => number;
}) {
  const measure = canvasMeasure();
  const sort = ref<LocalSort | null>(null);
  const drawn = computed(() => {
    const rows = props.rows();
    const arranged = arrange(props.columns(), props.config().table?.columns ?? []);
    return shownColumns(arranged).map((each) => {
      const cells = rows.map((row) => row[each.index] ?? null);
      const write = readableWriter(each.column, each.settings, cells, props.zone());
      const column = {
        ...each,
        head: headOf(each),
        right: standsRight(each.column, each.settings),
        write,
        paint: painter(each.settings.color, rangeOf(cells)),
      };
      return { ...column, width: each.settings.width ?? naturalWidth(column, cells, measure) };
    });
  });
  const placed = computed<FigureColumn[]>(() => {
    const wide = fill(drawn.value, props.room());
    let left = 0;
    return drawn.value.map((each, place) => {
      const width = wide[place] ?? each.width;
      left += width;
      return { ...each, left: left - width, width };
    });
  });
  const order = computed(() => {
    const by = sort.value;
    const type = by === null ? "text" : (props.columns()[by.column]?.type ?? "text");
    return orderOf(props.rows(), type, by);
  });

  return {
    placed,
    order,
    sort,
    width: computed(() => placed.value.reduce((sum, each) => sum + each.width, 0)),
    pinnedWidth: computed(() =>
      placed.value.reduce((sum, each) => (each.settings.pinned ? sum + each.width : sum), 0),
    ),
    /** Up, down, as they came. */
    press(column: number): void {
      const current = sort.value?.column === column ? sort.value.direction : null;
      sort.value = current === "desc" ? null : { column, direction: current ? "desc" : "asc" };
    },
  };
}

function naturalWidth(
  { head, write, settings }: Pick<FigureColumn, "head" | "write" | "settings">,
  cells: Cell[],
  measure: Measure,
): number {
  let widest = measure(head, true) + 18;
  for (const cell of cells.slice(0, SAMPLE)) {
    const text = cell === null ? "NULL" : write(cell).slice(0, 80);
    widest = Math.max(widest, measure(text.replace(/\d/g, "0"), false));
  }
  const icon = settings.color?.type === "thresholds" || settings.color?.type === "values" ? 20 : 0;
  return Math.round(Math.max(LEAST, Math.min(MOST, widest + 22 + icon)));
}

/** Widths that fill the room: what is left over goes to the columns nobody set a width for, in proportion. */
function fill(columns: { width: number; settings: FigureColumn["settings"] }[], room: number) {
  const total = columns.reduce((sum, each) => sum + each.width, 0);
  const free = columns.filter((each) => each.settings.width === undefined);
  const stretched = free.length > 0 ? free : columns;
  const base = stretched.reduce((sum, each) => sum + each.width, 0);
  const extra = room - total;
  if (extra <= 0 || base === 0) return columns.map((each) => each.width);
  return columns.map((each) =>
    stretched.includes(each) ? each.width + (extra * each.width) / base : each.width,
  );
}
