import { computed, type Ref, ref, watch } from "vue";
import {
  type Bounds,
  boxOf,
  isInside,
  moveBy,
  type Place,
  type Selection,
} from "../grid/selection.ts";

type Config = {
  bounds: Ref<Bounds>;
  /** Which columns stand where; a change of it makes a selection mean other cells. */
  order: () => unknown;
  /** Brings a cell into view. */
  show: (place: Place) => void;
};

/** What is selected in the grid, moved by keys and mouse. Columns are counted as they are shown, from the left. */
export function useGridSelection({ bounds, order, show }: Config) {
  const selection = ref<Selection | null>(null);
  const box = computed(() => (selection.value === null ? null : boxOf(selection.value)));
  watch(order, () => {
    selection.value = null;
  });

  function select(place: Place, extend: boolean): void {
    selection.value = {
      anchor: extend && selection.value ? selection.value.anchor : place,
      focus: place,
    };
  }

  let dragging = false;

  return {
    selection,
    box,
    select,
    /** The mouse goes down on a cell; the menu of a selection leaves it as it is. */
    press(event: PointerEvent, row: number, column: number): void {
      if (event.button === 2 && box.value && isInside(box.value, row, column)) return;
      select({ row, column }, event.shiftKey);
      dragging = event.button === 0 && event.pointerType === "mouse";
      addEventListener("pointerup", () => (dragging = false), { once: true });
    },
    /** The mouse came over a cell. */
    enter(row: number, column: number): void {
      if (dragging) select({ row, column }, true);
    },
    selectAll(): void {
      const { rows: count, columns: width } = bounds.value;
      if (count === 0 || width === 0) return;
      selection.value = {
        anchor: { row: 0, column: 0 },
        focus: { row: count - 1, column: width - 1 },
      };
    },
    selectColumn(column: number): void {
      const { rows } = bounds.value;
      if (rows === 0) return;
      selection.value = { anchor: { row: 0, column }, focus: { row: rows - 1, column } };
    },
    selectRow(row: number, extend: boolean): void {
      const last = bounds.value.columns - 1;
      if (last < 0) return;
      const from = extend && selection.value ? selection.value.anchor.row : row;
      selection.value = { anchor: { row: from, column: 0 }, focus: { row, column: last } };
    },
    /** Moves by rows, for buttons: the column stays. */
    step(rows: number): void {
      if (selection.value === null) return;
      const { row, column } = selection.value.focus;
      const place = { row: Math.max(0, Math.min(bounds.value.rows - 1, row + rows)), column };
      select(place, false);
      show(place);
    },
    /** False for keys that move nothing. */
    move(event: KeyboardEvent): boolean {
      const from = selection.value ?? {
        anchor: { row: 0, column: -1 },
        focus: { row: 0, column: -1 },
      };
      const mod = event.metaKey || event.ctrlKey;
      const next = moveBy(from, { key: event.key, shift: event.shiftKey, mod }, bounds.value);
      if (next === null || bounds.value.rows === 0 || bounds.value.columns === 0) return false;
      selection.value = next;
      show(next.focus);
      return true;
    },
  };
}
export type GridSelection = ReturnType<typeof useGridSelection>;
