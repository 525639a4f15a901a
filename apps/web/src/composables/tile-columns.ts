import { listRuns, readRun } from "@quern/contract/runs";
import type { Tile } from "@quern/contract/tiles";
import { useQuery } from "@tanstack/vue-query";
import { computed } from "vue";
import { api } from "../api.ts";

/** Names of the columns that a tile's query gave last; those of its chart's settings while no run of it is known. */
export function useTileColumns(tile: () => Tile) {
  const visualization = computed(() => {
    const shown = tile();
    return shown.type === "visualization" ? shown.visualization : null;
  });
  const run = useQuery({
    queryKey: computed(() => ["query-columns", visualization.value?.query.id] as const),
    enabled: computed(() => visualization.value !== null),
    queryFn: async ({ signal }): Promise<string[]> => {
      const query_id = visualization.value?.query.id ?? "";
      const list = await api.call(listRuns, {
        query: { query_id, status: "succeeded", limit: 1 },
        signal,
      });
      const last = list.items[0];
      if (last === undefined) return [];
      const { statements } = await api.call(readRun, { params: { id: last.id }, signal });
      const columns = statements.findLast((each) => each.columns !== null)?.columns ?? [];
      return columns.map((column) => column.name);
    },
    staleTime: 60_000,
  });
  return computed<string[]>(() => {
    const known = run.data.value ?? [];
    if (known.length > 0) return [...new Set(known.filter((name) => name !== ""))];
    const config = visualization.value?.config;
    return config === undefined
      ? []
      : [config.x, ...config.y, config.series].filter((name): name is string => !!name);
  });
}
