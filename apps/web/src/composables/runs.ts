import type { RunEvent } from "@quern/contract/events";
import { listRuns, type Run, readRun } from "@quern/contract/runs";
import {
  type InfiniteData,
  keepPreviousData,
  type QueryClient,
  useInfiniteQuery,
  useQuery,
} from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { api } from "../api.ts";
import type { RunFilters } from "../runs/filters.ts";
import type { RunPage } from "../runs/head.ts";
import { isTerminal } from "../words/runs.ts";

/** The run history, the newest first, a page at a time; for a few pages, as `useRunHistory` is for many. */
export function useRunList(
  filters: MaybeRefOrGetter<RunFilters>,
  limit: number,
  enabled: MaybeRefOrGetter<boolean> = true,
) {
  const list = useInfiniteQuery({
    queryKey: computed(() => ["runs", toValue(filters), limit] as const),
    queryFn: ({ pageParam, signal }) =>
      api.call(listRuns, {
        query: { ...toValue(filters), limit, ...(pageParam === "" ? {} : { cursor: pageParam }) },
        signal,
      }),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
    enabled: computed(() => toValue(enabled)),
  });
  const runs = computed(() => list.data.value?.pages.flatMap((page) => page.items) ?? []);
  return { ...list, runs };
}

/** One run; while it is under way it is read again as long as somebody looks, should events be missed. */
export function useRun(id: MaybeRefOrGetter<string | null>) {
  return useQuery({
    queryKey: computed(() => ["run", toValue(id)] as const),
    queryFn: ({ signal }) => api.call(readRun, { params: { id: toValue(id) ?? "" }, signal }),
    enabled: computed(() => toValue(id) !== null),
    refetchInterval: (query) => {
      const run = query.state.data;
      return run !== undefined && !isTerminal(run.status) ? 3000 : false;
    },
    // A run that has ended never changes, except that its rows go after their time.
    staleTime: (query) => {
      const run = query.state.data;
      return run !== undefined && isTerminal(run.status) ? 300_000 : 0;
    },
  });
}

/** Whether `event` is older than what is known: a run never goes back. */
export function isBehind(known: Pick<Run, "status" | "rows">, event: RunEvent): boolean {
  const order = { queued: 0, running: 1, succeeded: 2, failed: 2, canceled: 2 };
  const step = order[event.status] - order[known.status];
  return step < 0 || (step === 0 && event.rows < known.rows);
}

const listeners = new Set<(event: RunEvent) => void>();

/** `listener` is called with every event of a run. Returns how to stop. */
export function onRunEvent(listener: (event: RunEvent) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Puts an event into everything that shows the run, and reads anew what an event does not carry. */
export function applyRunEvent(queries: QueryClient, event: RunEvent): void {
  const known = queries.getQueryData<Run>(["run", event.id]);
  if (known !== undefined && !isBehind(known, event)) {
    // The event has no error nor statements: a run that ends is read whole, and shown only then.
    if (isTerminal(event.status)) void queries.invalidateQueries({ queryKey: ["run", event.id] });
    else queries.setQueryData<Run>(["run", event.id], { ...known, ...event });
  }
  for (const listener of listeners) listener(event);
  let listed = false;
  queries.setQueriesData<InfiniteData<RunPage>>({ queryKey: ["runs"] }, (data) => {
    // Lists without pages, such as those of related runs, are read anew below.
    if (data?.pages === undefined) return data;
    const pages = data.pages.map((page) => {
      if (!page.items.some((run) => run.id === event.id)) return page;
      listed = true;
      const items = page.items.map((run) =>
        run.id === event.id && !isBehind(run, event) ? { ...run, ...event } : run,
      );
      return { ...page, items };
    });
    return { ...data, pages };
  });
  if (!listed || isTerminal(event.status)) refreshRuns(queries);
}

let refresh: ReturnType<typeof setTimeout> | null = null;

/** Reads the lists that show runs anew, at most once in half a second however many runs there are. */
export function refreshRuns(queries: QueryClient): void {
  if (refresh !== null) return;
  refresh = setTimeout(() => {
    refresh = null;
    void queries.invalidateQueries({ queryKey: ["runs"] });
    void queries.invalidateQueries({ queryKey: ["queries"] });
  }, 500);
}
