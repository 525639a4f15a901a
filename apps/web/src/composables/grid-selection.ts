import { useToast } from "@nuxt/ui/composables";
import type { Column } from "@quern/contract/results";
import { computed, type Ref, ref } from "vue";
import {
  type Bounds,
  boxOf,
  cellCount,
  moveBy,
  type Place,
  type Selection,
} from "../grid/selection.ts";
import { toTsv } from "../grid/tsv.ts";
import { countOf } from "../words/count.ts";
import { copyText } from "./clipboard.ts";
import type { ResultRows } from "./result-rows.ts";
import { useTroubleToast } from "./trouble-toast.ts";

/** More cells than this are a file, not a clipboard. */
const MAX_COPIED = 500_000;

type Config = {
  rows: ResultRows;
  columns: () => Column[];
  bounds: Ref<Bounds>;
  /** Brings a cell into view. */
  show: (place: Place) => void;
  /** Opens a cell in the viewer. */
  view: () => void;
};

/** What is selected in the grid, moved by keys and mouse, and copied as tab-separated text. */
export function useGridSelection({ rows, columns, bounds, show, view }: Config) {
  const selection = ref<Selection | null>(null);
  const box = computed(() => (selection.value === null ? null : boxOf(selection.value)));
  const toast = useToast();
  const guard = useTroubleToast();

  function select(place: Place, extend: boolean): void {
    selection.value = {
      anchor: extend && selection.value ? selection.value.anchor : place,
      focus: place,
    };
  }

  function selectAll(): void {
    const { rows: count, columns: width } = bounds.value;
    if (count === 0 || width === 0) return;
    selection.value = {
      anchor: { row: 0, column: 0 },
      focus: { row: count - 1, column: width - 1 },
    };
  }

  async function copy(area: "cells" | "row", withHeader: boolean): Promise<void> {
    const chosen = box.value;
    if (chosen === null) return;
    const whole = area === "row" ? { ...chosen, left: 0, right: bounds.value.columns - 1 } : chosen;
    if (cellCount(whole) > MAX_COPIED) {
      toast.add({
        title: `${countOf(cellCount(whole), "cell")} are too many for the clipboard`,
        description: "Select fewer, or download the result as a file.",
        color: "warning",
        icon: "i-lucide-clipboard-x",
      });
      return;
    }
    await guard(async () => {
      const found = await rows.readAll(whole.top, whole.bottom + 1);
      const cells = found.map((row) => row.slice(whole.left, whole.right + 1));
      const head = columns()
        .slice(whole.left, whole.right + 1)
        .map((column) => column.name);
      await copyText(toTsv(cells, withHeader ? head : undefined));
    });
  }

  function onKeydown(event: KeyboardEvent): void {
    const mod = event.metaKey || event.ctrlKey;
    const key = event.key;
    if (mod && key.toLowerCase() === "c") {
      if (getSelection()?.toString()) return;
      event.preventDefault();
      void copy("cells", event.shiftKey);
    } else if (mod && key.toLowerCase() === "a") {
      event.preventDefault();
      selectAll();
    } else if ((key === "Enter" || key === " ") && !mod && selection.value) {
      event.preventDefault();
      view();
    } else {
      const from = selection.value ?? {
        anchor: { row: 0, column: -1 },
        focus: { row: 0, column: -1 },
      };
      const next = moveBy(from, { key, shift: event.shiftKey, mod }, bounds.value);
      if (next === null || bounds.value.rows === 0) return;
      event.preventDefault();
      selection.value = next;
      show(next.focus);
    }
  }

  return { selection, box, select, selectAll, copy, onKeydown };
}
