import { createRun, type Run } from "@quern/contract/runs";
import { useQueryClient } from "@tanstack/vue-query";
import { api } from "../api.ts";
import { randomId } from "../random-id.ts";
import { refreshRuns } from "./runs.ts";

/** Makes a new run of the same thing with the same limits; gives its id. */
export function useRerun() {
  const queries = useQueryClient();
  return async (run: Run): Promise<string> => {
    const { query, datasource, sql, limits } = run;
    const body = query
      ? { query_id: query.id, limits }
      : { datasource_id: datasource?.id ?? "", sql: sql ?? "", limits };
    const { id } = await api.call(createRun, { body, idempotencyKey: randomId() });
    refreshRuns(queries);
    return id;
  };
}
