/** A long list of the API of which only a window is read: the rows that are looked at, and some on both sides. */
import { keepPreviousData, useQuery } from "@tanstack/vue-query";
import { computed, ref, watch } from "vue";
import { STEP, type Window, windowAt } from "./window.ts";

/**
 * `key` is all that the answer depends on; `reset` says when the list is another one, so that it begins at its top again.
 * `read` answers the rows of a window. What was read before is shown until the next answer is there.
 */
export function useWindowedList<T, A extends { items: T[] }>(config: {
  key: () => readonly unknown[];
  reset: () => unknown;
  read: (window: Window, signal: AbortSignal) => Promise<A>;
  total: (answer: A) => number;
}) {
  const start = ref(0);
  const asked = computed(() => JSON.stringify(config.reset()));
  watch(asked, () => {
    start.value = 0;
  });
  const { data, error, refetch, isPending, isPlaceholderData } = useQuery({
    queryKey: computed(() => [...config.key(), start.value]),
    queryFn: async ({ signal }) => {
      const offset = start.value;
      const answer = await config.read({ offset, limit: STEP * 2.5 }, signal);
      return { offset, answer };
    },
    placeholderData: keepPreviousData,
  });
  return {
    /** Which list it is, for LongTable.vue. */
    asked,
    answer: computed(() => data.value?.answer),
    total: computed(() => (data.value === undefined ? 0 : config.total(data.value.answer))),
    /** Undefined while it is on its way. */
    rowAt: (index: number): T | undefined =>
      data.value?.answer.items[index - data.value.offset] ?? undefined,
    /** Says which row is the first that is looked at. */
    see(first: number): void {
      start.value = windowAt(first);
    },
    error,
    refetch,
    isPending,
    isPlaceholderData,
  };
}
