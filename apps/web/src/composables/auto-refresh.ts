import { computed, onScopeDispose, type Ref, watch } from "vue";
import { parseRefresh, refreshText } from "../dashboard/refresh.ts";
import { useAddress } from "./query-address.ts";

/** How often the dashboard is read anew: of the address, else the dashboard's own. */
export function useRefreshChoice(own: () => number | null): {
  seconds: Ref<number | null>;
  choose: (seconds: number | null) => void;
} {
  const text = useAddress().text("refresh");
  return {
    seconds: computed(() => {
      const chosen = parseRefresh(text.value);
      return chosen === undefined ? own() : chosen;
    }),
    choose(seconds) {
      text.value = seconds === own() ? null : refreshText(seconds);
    },
  };
}

/**
 * Calls `refresh` every `seconds`, counted from the end of the one before, while the page is looked at. A page that comes back
 * into view and is overdue is refreshed at once.
 */
export function useAutoRefresh(seconds: Ref<number | null>, refresh: () => Promise<unknown>): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last = Date.now();
  let stopped = false;

  function plan(): void {
    clearTimeout(timer);
    if (stopped || seconds.value === null || document.visibilityState !== "visible") return;
    timer = setTimeout(() => void tick(), Math.max(0, last + seconds.value * 1000 - Date.now()));
  }
  async function tick(): Promise<void> {
    try {
      await refresh();
    } finally {
      last = Date.now();
      plan();
    }
  }
  watch(seconds, plan, { immediate: true });
  document.addEventListener("visibilitychange", plan);
  onScopeDispose(() => {
    stopped = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", plan);
  });
}
