import { readQuery } from "@quern/contract/queries";
import { listVisualizations } from "@quern/contract/visualizations";
import { keepPreviousData, useQuery } from "@tanstack/vue-query";
import { computed, ref } from "vue";
import { api } from "../api.ts";
import type { TileVisualization } from "../dashboard/draft.ts";

/** Saved charts of all queries, to choose one for a tile; `details` are what a tile needs of the chosen one. */
export function useChartChoice() {
  const search = ref("");
  const chosen = ref<string | null>(null);
  const list = useQuery({
    queryKey: computed(() => ["charts", "search", search.value] as const),
    queryFn: ({ signal }) =>
      api.call(listVisualizations, {
        query: { ...(search.value === "" ? {} : { search: search.value }), limit: 100 },
        signal,
      }),
    placeholderData: keepPreviousData,
    // A chart that was just saved in another tab is there when one comes back.
    refetchOnWindowFocus: "always",
    staleTime: 0,
  });
  const charts = computed(() => list.data.value?.items ?? []);
  const picked = computed(() => charts.value.find((each) => each.id === chosen.value) ?? null);
  const details = useQuery({
    queryKey: computed(
      () => ["chart-details", picked.value?.id, picked.value?.updated_at] as const,
    ),
    enabled: computed(() => picked.value !== null),
    queryFn: async ({ signal }): Promise<TileVisualization> => {
      const { id, name, config, query_id } = picked.value!;
      const query = await api.call(readQuery, { params: { id: query_id }, signal });
      const { version, params, datasource } = query;
      return {
        id,
        name,
        config,
        query: { id: query.id, name: query.name, version, params, datasource },
      };
    },
  });
  return { search, chosen, charts, list, details };
}
