import type { Category } from "@quern/contract/health/databases";
import { listFindings, readFinding, type Severity } from "@quern/contract/health/findings";
import {
  keepPreviousData,
  type QueryClient,
  useInfiniteQuery,
  useQuery,
} from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { api } from "../../api.ts";
import { useCan } from "../../composables/session.ts";

const LOOK_EVERY_MS = 30_000;
const PAGE = 200;

export type FindingFilters = {
  status?: "open" | "snoozed" | "muted" | "resolved" | "all";
  severity?: Severity;
  category?: Category;
  rule?: string;
  database_id?: string;
  object?: string;
  statement_id?: string;
  search?: string;
};

/** Findings, the gravest first, a page at a time. */
export function useFindings(filters: MaybeRefOrGetter<FindingFilters>, limit = PAGE) {
  const can = useCan();
  const list = useInfiniteQuery({
    queryKey: computed(() => ["health", "findings", "list", toValue(filters), limit] as const),
    queryFn: ({ pageParam, signal }) =>
      api.call(listFindings, {
        query: {
          ...toValue(filters),
          limit,
          ...(pageParam === "" ? {} : { cursor: pageParam }),
        },
        signal,
      }),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
    enabled: () => can("health.read"),
    // All pages that are shown are read anew: many of them less often.
    refetchInterval: ({ state }) => LOOK_EVERY_MS * Math.max(1, state.data?.pages.length ?? 1),
  });
  return {
    ...list,
    findings: computed(() => list.data.value?.pages.flatMap(({ items }) => items) ?? []),
  };
}

export function useFinding(id: MaybeRefOrGetter<string>) {
  const can = useCan();
  return useQuery({
    queryKey: computed(() => ["health", "findings", "one", toValue(id)] as const),
    queryFn: ({ signal }) => api.call(readFinding, { params: { id: toValue(id) }, signal }),
    enabled: () => can("health.read"),
    refetchInterval: LOOK_EVERY_MS,
  });
}

/** All that shows findings, scores or their number reads them anew. */
export function rereadFindings(queries: QueryClient): void {
  void queries.invalidateQueries({ queryKey: ["health"] });
}
