import { introspectDatasource } from "@quern/contract/datasources";
import { useQueryClient } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, ref, toValue } from "vue";
import { api } from "../api.ts";
import { useAction } from "./action.ts";
import { awaitRun } from "./await-run.ts";

/** Reading a datasource's schema anew: a run like any other. `failure` says why it failed at the datasource. */
export function useIntrospection(datasourceId: MaybeRefOrGetter<string | null>) {
  const queries = useQueryClient();
  const failure = ref<string | null>(null);
  const action = useAction(async (id: string) => {
    failure.value = null;
    const { id: runId } = await api.call(introspectDatasource, { params: { id } });
    const run = await awaitRun(runId);
    failure.value = run.status === "succeeded" ? null : (run.error?.message ?? "it was canceled");
    await queries.invalidateQueries({ queryKey: ["schema", id] });
    void queries.invalidateQueries({ queryKey: ["datasource", id] });
    void queries.invalidateQueries({ queryKey: ["datasources"] });
  });
  return {
    failure: computed(() => failure.value),
    busy: action.busy,
    error: action.error,
    start(): void {
      const id = toValue(datasourceId);
      if (id !== null) void action.run(id);
    },
  };
}
