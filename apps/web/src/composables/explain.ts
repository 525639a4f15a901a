import { explainRun, type Run } from "@quern/contract/runs";
import { useQueryClient } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { api } from "../api.ts";
import { isTerminal } from "../words/runs.ts";
import { useAction } from "./action.ts";
import { useAddress } from "./query-address.ts";
import { useRelatedRuns } from "./related-runs.ts";
import { refreshRuns, useRun } from "./runs.ts";

/**
 * The plan of a run: that of the explain which the address names (`?explain=`), else of the newest one there is. `start`
 * makes a new one; `analyze` executes the statements again.
 */
export function useExplain(run: MaybeRefOrGetter<Run>) {
  const queries = useQueryClient();
  const wanted = useAddress().text("explain");
  const related = useRelatedRuns(run);
  const newest = computed(
    () =>
      related.items.value.find((each) => each.kind === "explain" && each.status === "succeeded")
        ?.id ?? null,
  );
  const shown = useRun(() => wanted.value ?? newest.value);
  const start = useAction(async (analyze: boolean) => {
    const { id } = toValue(run);
    const started = await api.call(explainRun, { params: { id }, body: { analyze } });
    wanted.value = started.id;
    refreshRuns(queries);
  });
  const explain = computed(() => shown.data.value ?? null);
  return {
    explain,
    start,
    error: computed(() => start.error.value ?? shown.error.value),
    busy: computed(
      () => start.busy.value || (explain.value !== null && !isTerminal(explain.value.status)),
    ),
  };
}
