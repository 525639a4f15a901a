import { describeRunResult, readRunRows } from "@quern/contract/run-results";
import { useQuery } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { api } from "../api.ts";
import { type ColumnStatistics, readStatistics } from "../grid/statistics.ts";
import { useDerivedRun } from "./derived-run.ts";

/** Statistics of every column of a result: a run of their own, read whole, once `wanted`. */
export function useColumnStatistics(
  runId: MaybeRefOrGetter<string>,
  statement: MaybeRefOrGetter<number>,
  wanted: MaybeRefOrGetter<boolean> = true,
) {
  const run = useDerivedRun(
    () => (toValue(wanted) ? ["statistics", toValue(runId), toValue(statement)] : null),
    () =>
      api.call(describeRunResult, {
        params: { id: toValue(runId) },
        body: { statement: toValue(statement) },
      }),
  );
  const query = useQuery({
    queryKey: computed(() => ["statistics-rows", run.done.value?.id]),
    enabled: computed(() => run.done.value !== null),
    queryFn: async ({ signal }): Promise<ColumnStatistics[]> => {
      const page = await api.call(readRunRows, {
        params: { id: run.done.value?.id ?? "" },
        query: { limit: 1_600 },
        signal,
      });
      return readStatistics(page.columns, page.rows);
    },
    staleTime: Number.POSITIVE_INFINITY,
  });
  return { run, columns: query.data, readError: query.error, refetch: query.refetch };
}
