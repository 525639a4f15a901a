import { type Ref, ref, watch } from "vue";
import { useShortcuts } from "./shortcuts.ts";

/** `j`, `k` and Enter in a list of `count` rows: returns the row they stand on, -1 for none. */
export function useListKeys(
  count: () => number,
  open: (index: number) => void,
  rowElement: (index: number) => HTMLElement | null,
): Ref<number> {
  const current = ref(-1);
  const move = (step: number) => {
    if (count() === 0) return;
    current.value = Math.max(0, Math.min(count() - 1, current.value + step));
    rowElement(current.value)?.scrollIntoView({ block: "nearest" });
    rowElement(current.value)?.focus({ preventScroll: true });
  };
  watch(count, (length) => {
    if (current.value >= length) current.value = length - 1;
  });
  useShortcuts({
    j: () => move(1),
    k: () => move(-1),
    o: () => current.value >= 0 && open(current.value),
  });
  return current;
}
