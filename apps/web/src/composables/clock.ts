import { type ComputedRef, computed, onScopeDispose, type Ref, ref } from "vue";
import { serverSkew } from "../api.ts";

/** The time now in ms, refreshed every `intervalMs` while the page is looked at. */
export function useNow(intervalMs: number): Ref<number> {
  const now = ref(Date.now());
  const timer = setInterval(() => {
    if (document.visibilityState === "visible") now.value = Date.now();
  }, intervalMs);
  onScopeDispose(() => clearInterval(timer));
  return now;
}

/** The same by the server's clock, which its times are to be held against: a laptop's may be minutes off. */
export function useServerNow(intervalMs: number): ComputedRef<number> {
  const now = useNow(intervalMs);
  return computed(() => now.value + serverSkew());
}

/** False at first and true once `ms` have gone by: what would flash for less than that is not shown. */
export function useLate(ms = 300): Ref<boolean> {
  const late = ref(false);
  const timer = setTimeout(() => {
    late.value = true;
  }, ms);
  onScopeDispose(() => clearTimeout(timer));
  return late;
}
