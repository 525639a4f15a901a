import { listQueryVersions, readQuery } from "@quern/contract/queries";
import { listVisualizations } from "@quern/contract/visualizations";
import { useQuery } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { api } from "../api.ts";

export function useSavedQuery(id: MaybeRefOrGetter<string | null>) {
  return useQuery({
    queryKey: computed(() => ["query", toValue(id)] as const),
    queryFn: ({ signal }) => api.call(readQuery, { params: { id: toValue(id) ?? "" }, signal }),
    enabled: computed(() => toValue(id) !== null),
  });
}

/** The last 200 saves of a query, the newest first. */
export function useVersions(id: MaybeRefOrGetter<string>, enabled: MaybeRefOrGetter<boolean>) {
  return useQuery({
    queryKey: computed(() => ["versions", toValue(id)] as const),
    queryFn: ({ signal }) =>
      api.call(listQueryVersions, { params: { id: toValue(id) }, query: { limit: 200 }, signal }),
    enabled: computed(() => toValue(enabled)),
  });
}

/** The charts that are saved with a query. */
export function useCharts(queryId: MaybeRefOrGetter<string | null>) {
  return useQuery({
    queryKey: computed(() => ["charts", toValue(queryId)] as const),
    queryFn: ({ signal }) =>
      api.call(listVisualizations, { query: { query_id: toValue(queryId) ?? "" }, signal }),
    enabled: computed(() => toValue(queryId) !== null),
  });
}
