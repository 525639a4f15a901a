import { changeSettings, readSettings, type SettingsChange } from "@quern/contract/settings";
import { useQuery, useQueryClient } from "@tanstack/vue-query";
import { api } from "../api.ts";
import { useAction } from "./action.ts";

const KEY = ["settings"];

/** What an admin has set for everybody, and how to change it. */
export function useSettings() {
  const queries = useQueryClient();
  const read = useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => api.call(readSettings, { signal }),
  });
  const save = useAction(async (change: SettingsChange) => {
    const changed = await api.call(changeSettings, { body: change });
    queries.setQueryData(KEY, changed);
    return changed;
  });
  return { ...read, save };
}
