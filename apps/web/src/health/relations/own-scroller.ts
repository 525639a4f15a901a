import { onMounted, onScopeDispose, type Ref, ref } from "vue";

/** Where a long table stands in what scrolls it. */
export type OwnScroller = {
  scroller: Ref<HTMLElement | null>;
  /** Pixels of what stands above the table. */
  margin: Ref<number>;
  /** Height of what sticks to the top of the page before the table does. */
  top: Ref<number>;
};

/** The nearest ancestor of `table` that scrolls, measured whenever it scrolls or changes its size. */
export function useOwnScroller(table: Readonly<Ref<HTMLElement | null>>): OwnScroller {
  const scroller = ref<HTMLElement | null>(null);
  const margin = ref(0);
  const top = ref(0);
  const sizes = new ResizeObserver(measure);

  function measure(): void {
    if (table.value === null || scroller.value === null) return;
    const inner = scroller.value.getBoundingClientRect().top - scroller.value.scrollTop;
    margin.value = Math.round(table.value.getBoundingClientRect().top - inner);
    top.value = stickingAbove(table.value, scroller.value);
  }
  onMounted(() => {
    scroller.value = scrollingAncestor(table.value);
    if (scroller.value === null) return;
    scroller.value.addEventListener("scroll", measure, { passive: true });
    sizes.observe(scroller.value);
    for (const child of scroller.value.children) sizes.observe(child);
    measure();
  });
  onScopeDispose(() => {
    sizes.disconnect();
    scroller.value?.removeEventListener("scroll", measure);
  });
  return { scroller, margin, top };
}

function scrollingAncestor(element: HTMLElement | null): HTMLElement | null {
  for (let each = element?.parentElement ?? null; each !== null; each = each.parentElement)
    if (/^(auto|scroll)$/.test(getComputedStyle(each).overflowY)) return each;
  return null;
}

/** Of the direct children of the scroller that stand before the one that the table is in. */
function stickingAbove(table: HTMLElement, scroller: HTMLElement): number {
  let height = 0;
  for (const child of scroller.children) {
    if (child.contains(table)) break;
    if (child instanceof HTMLElement && getComputedStyle(child).position === "sticky")
      height += child.offsetHeight;
  }
  return height;
}
