import {
  type ConnectionReport,
  type PostgresConfig,
  testDatasource,
  testDatasourceForm,
} from "@quern/contract/datasources";
import { useQueryClient } from "@tanstack/vue-query";
import { onScopeDispose, ref } from "vue";
import { api } from "../api.ts";
import { t } from "../i18n/language.ts";
import { useAction } from "./action.ts";
import { awaitRun } from "./await-run.ts";

type Form = { config: PostgresConfig; password: string; datasourceId: string | null };

/** Tries a connection, of a form that is not saved or of a saved datasource: a run whose report tells each step. */
export function useConnectionTest() {
  const queries = useQueryClient();
  const report = ref<ConnectionReport | null>(null);
  /** Why there is no report, though the run ended. */
  const failure = ref<string | null>(null);
  const stop = new AbortController();
  onScopeDispose(() => stop.abort());

  async function follow(runId: string): Promise<void> {
    const run = await awaitRun(runId, stop.signal);
    report.value = run.report;
    if (run.report === null) failure.value = run.error?.message ?? t("The test was canceled.");
  }

  const begin = () => {
    report.value = null;
    failure.value = null;
  };
  const tryForm = useAction(async ({ config, password, datasourceId }: Form) => {
    begin();
    const body = {
      type: "postgres" as const,
      config,
      ...(password === "" ? {} : { secret: { password } }),
      ...(datasourceId !== null && password === "" ? { datasource_id: datasourceId } : {}),
    };
    await follow((await api.call(testDatasourceForm, { body })).id);
  });
  const trySaved = useAction(async (id: string) => {
    begin();
    await follow((await api.call(testDatasource, { params: { id } })).id);
    void queries.invalidateQueries({ queryKey: ["datasource", id] });
    void queries.invalidateQueries({ queryKey: ["datasources"] });
  });
  return { report, failure, tryForm, trySaved };
}
