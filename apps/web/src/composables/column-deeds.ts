import type { Cell } from "@quern/contract/results";
import type { SortKey } from "@quern/contract/run-results";
import { computed, ref, type ShallowRef, watch } from "vue";
import { nextSort } from "../grid/view-address.ts";
import { useColumnDrag } from "./column-drag.ts";
import type { useColumnWidths } from "./column-widths.ts";
import type { GridColumn, GridColumns } from "./grid-columns.ts";
import type { GridLook } from "./grid-look.ts";

const NARROWEST = 40;
const WIDEST = 2_000;

/** What a person does to a column of the grid: drag, resize, fit, sort, open its menu. */
export function useColumnDeeds(config: {
  scroller: Readonly<ShallowRef<HTMLElement | null>>;
  look: GridLook;
  layout: GridColumns;
  fitting: ReturnType<typeof useColumnWidths>["fitting"];
  /** The rows on the screen. */
  rows: () => (Cell[] | null)[];
  /** null where rows cannot be sorted. */
  sort: () => SortKey[] | null;
  setSort: (sort: SortKey[]) => void;
  selectColumn: (place: number) => void;
}) {
  const { look, layout, scroller } = config;
  const menuOf = ref<{ index: number; head: HTMLElement } | null>(null);
  const headOf = (index: number | undefined): HTMLElement | null =>
    scroller.value?.querySelector<HTMLElement>(`[data-column="${index}"]`) ?? null;
  // A column that is pinned or moved gets another head: the menu hangs on to it.
  watch(
    () => look.arranged.value,
    () => {
      const head = headOf(menuOf.value?.index);
      if (menuOf.value !== null && head !== null) menuOf.value = { ...menuOf.value, head };
    },
    { flush: "post" },
  );
  const drag = useColumnDrag({
    columnAt(x, y) {
      const head = document.elementFromPoint(x, y)?.closest<HTMLElement>("[data-column]");
      return head && scroller.value?.contains(head) ? Number(head.dataset.column) : null;
    },
    drop: (index, beside) => look.move(index, { beside }),
  });
  const drawnColumn = (index: number): GridColumn | undefined =>
    [...layout.pinned.value, ...layout.loose.value].find((each) => each.index === index);

  function resize(index: number, to: number): void {
    look.change(index, { width: Math.max(NARROWEST, Math.min(WIDEST, Math.round(to))) });
  }

  return {
    drag,
    menuOf,
    menuColumn: computed(
      () => look.arranged.value.find((each) => each.index === menuOf.value?.index) ?? null,
    ),
    openMenu(index: number, head: HTMLElement): void {
      menuOf.value = { index, head };
    },
    closeMenu(): void {
      menuOf.value = null;
      scroller.value?.focus();
    },
    /** Opens the menu of a column whose head is on the screen. */
    openMenuOf(index: number | undefined): void {
      const head = headOf(index);
      if (index !== undefined && head) menuOf.value = { index, head };
    },
    press(event: MouseEvent, column: GridColumn): void {
      if (drag.wasDrag()) return;
      const sort = config.sort();
      if (sort === null) config.selectColumn(column.place);
      else config.setSort(nextSort(sort, column.index, event.shiftKey));
    },
    sortBy(index: number, direction: SortKey["direction"] | null): void {
      const others = (config.sort() ?? []).filter((key) => key.column !== index);
      config.setSort(direction === null ? others : [{ column: index, direction }]);
    },
    resize,
    widen(index: number, by: number): void {
      const own = drawnColumn(index);
      if (own) resize(index, own.width + by);
    },
    /** As wide as what of the column is on the screen. */
    fit(index: number): void {
      const column = look.arranged.value.find((each) => each.index === index)?.column;
      const own = drawnColumn(index);
      if (!column || !own) return;
      const texts = config.rows().map((cells) => {
        const cell = cells?.[index] ?? null;
        return cell === null ? "NULL" : own.write(cell);
      });
      resize(index, config.fitting({ ...column, name: own.head }, texts));
    },
  };
}
