import { onScopeDispose, type Ref, ref, watch } from "vue";

/** Sizes change in steps of so many pixels, so that dragging a tile's edge does not draw anew with every one. */
const STEP = 24;
const stepped = (pixels: number): number => Math.max(STEP, Math.round(pixels / STEP) * STEP);

/** The size of an element in pixels, in steps; null until it is known or while it is hidden. */
export function useFigureSize(element: Ref<HTMLElement | null>) {
  const size = ref<{ width: number; height: number } | null>(null);
  const observer = new ResizeObserver(([entry]) => {
    const { width = 0, height = 0 } = entry?.contentRect ?? {};
    if (width < 1 || height < 1) return;
    const next = { width: stepped(width), height: stepped(height) };
    if (next.width !== size.value?.width || next.height !== size.value?.height) size.value = next;
  });
  watch(element, (now, before) => {
    if (before) observer.unobserve(before);
    if (now) observer.observe(now);
  });
  onScopeDispose(() => observer.disconnect());
  return size;
}
