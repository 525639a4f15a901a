import type { ResultPage, Statement } from "@quern/contract/results";
import { readRunRows } from "@quern/contract/run-results";
import type { Run } from "@quern/contract/runs";
import { useQuery } from "@tanstack/vue-query";
import { computed, type Ref } from "vue";
import { api } from "../api.ts";
import { hasCode } from "../words/problems.ts";

const EVERY_MS = 1000;

/** The rows of a run that goes on, as a statement like any other, as soon as some can be read; null before. */
export function useLiveRows(run: Ref<Run | null>) {
  const running = computed(() => run.value?.status === "running" && run.value.rows > 0);
  const query = useQuery({
    queryKey: computed(() => ["live-rows", run.value?.id]),
    enabled: running,
    queryFn: async ({ signal }): Promise<ResultPage | null> => {
      try {
        const params = { id: run.value?.id ?? "" };
        return await api.call(readRunRows, { params, query: { limit: 1 }, signal });
      } catch (error) {
        // The first part is still being written.
        if (hasCode(error, "run_not_finished") || hasCode(error, "no_result")) return null;
        throw error;
      }
    },
    refetchInterval: EVERY_MS,
    structuralSharing: false,
    retry: false,
  });
  return computed<Statement | null>(() => {
    const page = query.data.value;
    if (!running.value || !page || page.total === 0) return null;
    return {
      index: page.statement,
      start: 0,
      end: 0,
      command: "",
      columns: page.columns,
      rows: page.total,
      rows_affected: null,
      bytes: 0,
      truncated: null,
      duration_ms: 0,
    };
  });
}
