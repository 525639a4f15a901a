import type { Cell } from "@quern/contract/results";
import { useVirtualizer } from "@tanstack/vue-virtual";
import { computed, type ShallowRef, watch } from "vue";
import { type Paint, painter, type Range } from "../grid/cell-paint.ts";
import { cellWriter, standsRight } from "../grid/cell-text.ts";
import { headOf, shownColumns } from "../grid/column-settings.ts";
import type { GridLook } from "./grid-look.ts";

/** A column as the grid draws it. `place` counts what is shown from the left; `index` is where it is in the result. */
export type GridColumn = {
  place: number;
  index: number;
  left: number;
  width: number;
  head: string;
  right: boolean;
  write: (cell: Cell) => string;
  paint: ((cell: Cell) => Paint | null) | null;
};

/** The columns may take so much of the window when pinned: beyond it there would be no room to scroll in. */
const MOST_PINNED = 0.7;

/** Where the columns of a grid stand, and which are drawn: the pinned ones, and those that the window shows. */
export function useGridColumns(config: {
  scroller: Readonly<ShallowRef<HTMLElement | null>>;
  look: GridLook;
  natural: () => number[];
  gutter: () => number;
  viewport: () => number;
  /** Room behind the last column. */
  end: number;
  /** Rows to see the precision of times by. */
  sample: () => Cell[][];
  rangeOf: (index: number) => Range | null;
}) {
  const { look } = config;
  const shown = computed(() => shownColumns(look.arranged.value));
  const widths = computed(() =>
    shown.value.map((each) => each.settings.width ?? config.natural()[each.index] ?? 120),
  );
  const pinnedCount = computed(() => {
    const count = shown.value.filter((each) => each.settings.pinned).length;
    const width = widths.value.slice(0, count).reduce((sum, each) => sum + each, config.gutter());
    return width <= config.viewport() * MOST_PINNED ? count : 0;
  });
  const looks = computed(() =>
    shown.value.map((each) => {
      const { time, color } = each.settings;
      // Only formats of times look at other cells.
      const sample =
        time === undefined ? [] : config.sample().map((row) => row[each.index] ?? null);
      const write = cellWriter(each.column, each.settings, sample);
      const paint = painter(color, color ? config.rangeOf(each.index) : null);
      const right = standsRight(each.column, each.settings);
      return { index: each.index, head: headOf(each), right, write, paint };
    }),
  );
  const pinned = computed<GridColumn[]>(() => {
    let left = config.gutter();
    return looks.value.slice(0, pinnedCount.value).map((each, place) => {
      const width = widths.value[place] ?? 120;
      left += width;
      return { ...each, place, left: left - width, width };
    });
  });
  const fixed = computed(() =>
    pinned.value.reduce((sum, each) => sum + each.width, config.gutter()),
  );
  const virtual = useVirtualizer(
    computed(() => ({
      count: shown.value.length - pinnedCount.value,
      horizontal: true,
      getScrollElement: () => config.scroller.value,
      estimateSize: (at: number) => widths.value[at + pinnedCount.value] ?? 120,
      paddingStart: fixed.value,
      paddingEnd: config.end,
      scrollPaddingStart: fixed.value,
      scrollPaddingEnd: config.end,
      overscan: 3,
    })),
  );
  watch([widths, pinnedCount], () => virtual.value.measure());
  // The same array as long as it says the same: rows that did not change are not drawn again.
  const loose = computed<GridColumn[]>((before) => {
    const next = virtual.value.getVirtualItems().flatMap((item) => {
      const place = item.index + pinnedCount.value;
      const own = looks.value[place];
      return own ? [{ ...own, place, left: item.start, width: item.size }] : [];
    });
    return before !== undefined && sameColumns(before, next) ? before : next;
  });

  return {
    shown,
    pinned,
    loose,
    fixed,
    width: computed(() => virtual.value.getTotalSize()),
    show(place: number): void {
      if (place >= pinnedCount.value)
        virtual.value.scrollToIndex(place - pinnedCount.value, { align: "auto" });
    },
  };
}

function sameColumns(before: GridColumn[], next: GridColumn[]): boolean {
  return (
    before.length === next.length &&
    next.every((item, at) => {
      const old = before[at];
      return (
        old !== undefined &&
        (Object.keys(item) as (keyof GridColumn)[]).every((key) => old[key] === item[key])
      );
    })
  );
}
export type GridColumns = ReturnType<typeof useGridColumns>;
