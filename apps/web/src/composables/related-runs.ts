import { listRuns, type Run } from "@quern/contract/runs";
import { useQuery } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { api } from "../api.ts";

const SHOWN = 20;

/** The newest runs that do `run` again, explain it or work on its rows. */
export function useRelatedRuns(run: MaybeRefOrGetter<Run>) {
  const list = useQuery({
    queryKey: computed(() => ["runs", "related", toValue(run).id] as const),
    queryFn: ({ signal }) =>
      api.call(listRuns, { query: { related_to: toValue(run).id, limit: SHOWN }, signal }),
  });
  return {
    items: computed(() => list.data.value?.items ?? []),
    more: computed(() => list.data.value?.next_cursor != null),
    refetch: list.refetch,
  };
}
