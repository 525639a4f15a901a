import { ref } from "vue";

/** How far a head is dragged before it is a drag and not a click, px. */
const THRESHOLD = 6;

type Config = {
  /** The column, by its index, whose head is at this place of the window; null beside all. */
  columnAt: (x: number, y: number) => number | null;
  drop: (index: number, beside: number) => void;
};

/** Dragging of a column's head to another place. `over` is the column that it would take the place of. */
export function useColumnDrag({ columnAt, drop }: Config) {
  const dragged = ref<number | null>(null);
  const over = ref<number | null>(null);
  /** A click that ends a drag is none. */
  let ended = false;

  return {
    dragged,
    over,
    start(event: PointerEvent, index: number): void {
      if (event.button !== 0 || event.pointerType !== "mouse") return;
      const from = event.clientX;
      const stop = new AbortController();
      const { signal } = stop;
      const finish = (commit: boolean) => {
        const target = over.value;
        ended = dragged.value !== null;
        if (commit && ended && target !== null && target !== index) drop(index, target);
        dragged.value = null;
        over.value = null;
        stop.abort();
        setTimeout(() => {
          ended = false;
        });
      };
      addEventListener(
        "pointermove",
        (move) => {
          if (dragged.value === null && Math.abs(move.clientX - from) < THRESHOLD) return;
          dragged.value = index;
          over.value = columnAt(move.clientX, move.clientY);
        },
        { signal },
      );
      addEventListener("pointerup", () => finish(true), { signal });
      addEventListener("pointercancel", () => finish(false), { signal });
      addEventListener("keydown", (key) => key.key === "Escape" && finish(false), { signal });
    },
    wasDrag: () => ended,
  };
}
