import { introspectDatasource } from "@quern/contract/datasources";
import { cancelRun } from "@quern/contract/runs";
import { useQueryClient } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, onScopeDispose, ref, toValue, watch } from "vue";
import { api } from "../api.ts";
import { t } from "../i18n/language.ts";
import { useAction } from "./action.ts";
import { awaitRun } from "./await-run.ts";
import { useSchema } from "./datasources.ts";
import { useRun } from "./runs.ts";
import { useCan } from "./session.ts";

/** Reading a datasource's schema anew: a run like any other. `failure` says why it failed at the datasource. */
function useIntrospection(datasourceId: MaybeRefOrGetter<string | null>) {
  const queries = useQueryClient();
  const failure = ref<string | null>(null);
  const runId = ref<string | null>(null);
  const progress = useRun(runId);
  const action = useAction(async (id: string) => {
    failure.value = null;
    runId.value = (await api.call(introspectDatasource, { params: { id } })).id;
    const run = await awaitRun(runId.value).finally(() => {
      runId.value = null;
    });
    failure.value =
      run.status === "succeeded" ? null : (run.error?.message ?? t("it was canceled"));
    await queries.invalidateQueries({ queryKey: ["schema", id] });
    void queries.invalidateQueries({ queryKey: ["datasource", id] });
    void queries.invalidateQueries({ queryKey: ["datasources"] });
  });
  const cancel = useAction(async (id: string) => {
    await api.call(cancelRun, { params: { id }, body: {} });
  });
  return {
    failure: computed(() => failure.value),
    busy: action.busy,
    error: computed(() => action.error.value ?? cancel.error.value),
    /** The run that reads it, while it does. */
    run: computed(() => (runId.value === null ? null : (progress.data.value ?? null))),
    canceling: cancel.busy,
    cancel: () => runId.value !== null && void cancel.run(runId.value),
    start(): void {
      const id = toValue(datasourceId);
      if (id !== null) void action.run(id);
    },
  };
}

/** Datasources whose first reading this tab has begun: a failure is not tried again and again. */
const begun = new Set<string>();
/** A new datasource is read by the server itself; only one that stays unread for so long is read from here. */
const PATIENCE_MS = 4000;

/** The schema of a datasource; one that was never read is read now, if the person may. */
export function useReadSchema(datasourceId: MaybeRefOrGetter<string | null>) {
  const can = useCan();
  const schema = useSchema(datasourceId);
  const reading = useIntrospection(datasourceId);
  const unread = computed(
    () => schema.data.value !== undefined && schema.data.value.snapshot === null,
  );
  let timer: ReturnType<typeof setTimeout> | undefined;
  watch(
    () => [toValue(datasourceId), unread.value, can("datasources.introspect")] as const,
    ([id, missing, allowed]) => {
      clearTimeout(timer);
      if (id === null || !missing || !allowed || begun.has(id)) return;
      timer = setTimeout(() => {
        begun.add(id);
        reading.start();
      }, PATIENCE_MS);
    },
    { immediate: true },
  );
  onScopeDispose(() => clearTimeout(timer));
  /** The schema is not there yet, and may still come. */
  const waiting = computed(
    () =>
      reading.busy.value ||
      (unread.value && can("datasources.introspect") && !begun.has(toValue(datasourceId) ?? "")),
  );
  return {
    schema,
    reading,
    waiting,
    snapshot: computed(() => schema.data.value?.snapshot ?? null),
  };
}
