import { readRunHistogram } from "@quern/contract/run-history";
import { listRuns } from "@quern/contract/runs";
import {
  type InfiniteData,
  keepPreviousData,
  useInfiniteQuery,
  useQuery,
  useQueryClient,
} from "@tanstack/vue-query";
import { computed, onScopeDispose, type Ref } from "vue";
import { api } from "../api.ts";
import { fitsStatus, type RunFilters } from "../runs/filters.ts";
import { mergeHead, type RunPage } from "../runs/head.ts";
import { isTrouble } from "../words/problems.ts";
import { isBehind, onRunEvent } from "./runs.ts";

const PAGE = 100;
const HEAD_MS = 700;

/** The run history of a page that may hold tens of thousands: patched by events, its newest page read anew, never all. */
export function useRunHistory(filters: Ref<RunFilters>) {
  const queries = useQueryClient();
  const key = computed(() => ["run-history", filters.value] as const);
  const list = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }): Promise<RunPage> =>
      api.call(listRuns, {
        query: {
          ...filters.value,
          limit: PAGE,
          ...(pageParam === "" ? {} : { cursor: pageParam }),
        },
        signal,
      }),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
    refetchOnWindowFocus: false,
  });

  async function readHead(): Promise<void> {
    const at = key.value;
    try {
      const head = await api.call(listRuns, { query: { ...filters.value, limit: PAGE } });
      queries.setQueryData<InfiniteData<RunPage, string>>([...at], (data) => {
        if (data === undefined) return data;
        const pages = mergeHead(data.pages, head);
        return { pages, pageParams: data.pageParams.slice(0, pages.length) };
      });
    } catch (error) {
      // The strip at the top tells of a lost server; after a reconnect everything is read anew.
      if (!isTrouble(error)) throw error;
    }
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  const headSoon = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      void readHead();
    }, HEAD_MS);
  };
  const stop = onRunEvent((event) => {
    queries.setQueryData<InfiniteData<RunPage, string>>([...key.value], (data) => {
      if (data === undefined) return data;
      const pages = data.pages.map((page) => {
        if (!page.items.some((run) => run.id === event.id)) return page;
        const items = page.items
          .map((run) => (run.id === event.id && !isBehind(run, event) ? { ...run, ...event } : run))
          .filter((run) => fitsStatus(filters.value, run.status));
        return { ...page, items };
      });
      return { ...data, pages };
    });
    headSoon();
  });
  onScopeDispose(() => {
    stop();
    clearTimeout(timer);
  });

  const runs = computed(() => list.data.value?.pages.flatMap((page) => page.items) ?? []);
  const searchedTo = computed(() => list.data.value?.pages.at(-1)?.searched_to ?? null);
  return { ...list, runs, searchedTo };
}

const HISTOGRAM_MS = 15_000;

/** How many runs there were over the shown time; read again every 15 s. A chosen range does not narrow it. */
export function useRunHistogram(
  filters: Ref<RunFilters>,
  shown: Ref<{ from: string; to: string }>,
) {
  const query = computed(() => {
    const { from: _from, to: _to, ...rest } = filters.value;
    return { ...rest, ...shown.value, buckets: 60 };
  });
  return useQuery({
    queryKey: computed(() => ["run-histogram", query.value] as const),
    queryFn: ({ signal }) => api.call(readRunHistogram, { query: query.value, signal }),
    placeholderData: keepPreviousData,
    refetchInterval: HISTOGRAM_MS,
  });
}
