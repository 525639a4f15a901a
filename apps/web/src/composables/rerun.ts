import { type Run, rerunRun } from "@quern/contract/runs";
import { useQueryClient } from "@tanstack/vue-query";
import { api } from "../api.ts";
import { noteOwnRun } from "./own-runs.ts";
import { refreshRuns } from "./runs.ts";

/** Makes a new run of the same SQL, parameters and limits; gives its id. */
export function useRerun() {
  const queries = useQueryClient();
  return async (run: Pick<Run, "id">): Promise<string> => {
    const { id } = await api.call(rerunRun, { params: { id: run.id } });
    noteOwnRun(id);
    refreshRuns(queries);
    return id;
  };
}
