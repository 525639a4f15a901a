import { onScopeDispose, type Ref, shallowRef, watch } from "vue";

/** So far outside of the window something is made ready already. */
const MARGIN_PX = 400;
const waiting = new WeakMap<Element, () => void>();
let observer: IntersectionObserver | null = null;

function shared(): IntersectionObserver {
  observer ??= new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) if (isIntersecting) waiting.get(target)?.();
    },
    { rootMargin: `${MARGIN_PX}px` },
  );
  return observer;
}

/** Becomes true, for good, when the element comes near what is seen of the page. */
export function useNear(element: Ref<HTMLElement | null>): Ref<boolean> {
  const near = shallowRef(false);
  let watched: HTMLElement | null = null;
  const forget = () => {
    if (watched !== null) observer?.unobserve(watched);
    watched = null;
  };
  watch(
    element,
    (next) => {
      forget();
      if (next === null || near.value) return;
      watched = next;
      waiting.set(next, () => {
        near.value = true;
        forget();
      });
      shared().observe(next);
    },
    { immediate: true, flush: "post" },
  );
  onScopeDispose(forget);
  return near;
}
