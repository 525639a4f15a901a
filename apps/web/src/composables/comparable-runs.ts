import { listRuns, type Run } from "@quern/contract/runs";
import { useQuery } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { api } from "../api.ts";

/** The search of the history takes this much of an SQL text. */
const SEARCHED = 200;

/** The newest runs of the same saved query as `run`, or of the same SQL where there is none; not `run` itself. */
export function useComparableRuns(run: MaybeRefOrGetter<Run | undefined>) {
  const filter = computed(() => {
    const known = toValue(run);
    if (known === undefined) return null;
    if (known.query) return { query_id: known.query.id, kind: "query" as const };
    const search = (known.sql ?? "").trim().slice(0, SEARCHED);
    return { kind: "query" as const, search };
  });
  const list = useQuery({
    queryKey: computed(() => ["runs", "comparable", filter.value] as const),
    queryFn: ({ signal }) => api.call(listRuns, { query: { ...filter.value, limit: 100 }, signal }),
    enabled: computed(() => filter.value !== null && filter.value.search !== ""),
  });
  return {
    ...list,
    items: computed(() =>
      (list.data.value?.items ?? []).filter((each) => each.id !== toValue(run)?.id),
    ),
  };
}
