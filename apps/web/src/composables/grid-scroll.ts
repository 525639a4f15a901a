import {
  computed,
  type MaybeRefOrGetter,
  onScopeDispose,
  ref,
  type ShallowRef,
  toValue,
  watch,
} from "vue";
import {
  isScaled,
  maxTop,
  type RowSpace,
  scrollHeight,
  scrollOfTop,
  topOfScroll,
  topToShow,
  visibleRows,
} from "../grid/row-window.ts";

const BASE = 1_000;

/**
 * Scrolling of a long table in `scroller`, below a head of `headHeight` px. `top` is where the content stands; rows
 * are drawn at `offsetOf(row)`. When the scroll bar is scaled, the wheel moves the content by its own pixels all the same.
 */
export function useGridScroll(
  scroller: Readonly<ShallowRef<HTMLElement | null>>,
  rows: MaybeRefOrGetter<number>,
  rowHeight: MaybeRefOrGetter<number>,
  headHeight: number,
) {
  const top = ref(0);
  const scrollTop = ref(0);
  const viewport = ref(0);
  const width = ref(0);
  const space = computed<RowSpace>(() => ({
    rows: toValue(rows),
    rowHeight: toValue(rowHeight),
    viewport: Math.max(0, viewport.value - headHeight),
  }));
  // The same object as long as the same rows are seen.
  const shown = computed<{ first: number; end: number }>((before) => {
    const next = visibleRows(space.value, top.value);
    return before?.first === next.first && before.end === next.end ? before : next;
  });
  const height = computed(() => headHeight + scrollHeight(space.value));
  const base = computed(() =>
    isScaled(space.value) ? Math.floor(shown.value.first / BASE) * BASE : 0,
  );
  let ownScroll: number | null = null;

  const resize = new ResizeObserver(() => {
    viewport.value = scroller.value?.clientHeight ?? 0;
    width.value = scroller.value?.clientWidth ?? 0;
  });
  watch(scroller, (element, before) => {
    if (before) resize.unobserve(before);
    if (element) resize.observe(element);
  });
  onScopeDispose(() => resize.disconnect());

  function onScroll(): void {
    const at = scroller.value?.scrollTop ?? 0;
    scrollTop.value = at;
    // A scroll that `moveTo` made already set the exact place; the bar only has whole pixels.
    if (ownScroll !== null && Math.abs(ownScroll - at) < 1) {
      ownScroll = null;
      return;
    }
    ownScroll = null;
    top.value = topOfScroll(space.value, at);
  }

  function moveTo(next: number): void {
    const clamped = Math.max(0, Math.min(maxTop(space.value), next));
    top.value = clamped;
    const element = scroller.value;
    if (!element) return;
    const at = Math.round(scrollOfTop(space.value, clamped));
    if (Math.round(element.scrollTop) === at) return;
    ownScroll = at;
    element.scrollTop = at;
    scrollTop.value = element.scrollTop;
  }

  function onWheel(event: WheelEvent): void {
    if (!isScaled(space.value) || event.deltaY === 0 || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? space.value.rowHeight : 1;
    moveTo(top.value + event.deltaY * pixels);
    if (scroller.value) scroller.value.scrollLeft += event.deltaX;
  }

  return {
    shown,
    height,
    /** Of the window that rows are seen through, px. */
    width,
    onScroll,
    onWheel,
    pageRows: computed(() =>
      Math.max(1, Math.floor(space.value.viewport / space.value.rowHeight) - 1),
    ),
    /**
     * Rows are drawn `placeOf(row)` below an element that is `shift` below the start. While the content scrolls only the
     * element moves, and its rows need not be drawn anew; the place of a row changes once in `BASE` rows.
     */
    shift: computed(
      () =>
        headHeight +
        base.value * space.value.rowHeight +
        (isScaled(space.value) ? scrollTop.value - top.value : 0),
    ),
    placeOf: (row: number) => (row - base.value) * space.value.rowHeight,
    /** Where in the scrolled element a row is drawn; while the bar is not scaled, that never changes. */
    offsetOf: (row: number) =>
      headHeight +
      row * space.value.rowHeight +
      (isScaled(space.value) ? scrollTop.value - top.value : 0),
    show: (row: number) => moveTo(topToShow(space.value, top.value, row)),
  };
}
