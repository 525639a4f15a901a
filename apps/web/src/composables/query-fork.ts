import { forkQuery } from "@quern/contract/query-forks";
import { useQueryClient } from "@tanstack/vue-query";
import { useRouter } from "vue-router";
import { api } from "../api.ts";
import { paths } from "../paths.ts";
import { useAction } from "./action.ts";

/** Duplicates a query with its charts as one's own, and goes there. */
export function useQueryFork() {
  const queries = useQueryClient();
  const router = useRouter();
  return useAction(async (id: string) => {
    const fork = await api.call(forkQuery, { params: { id }, body: {} });
    void queries.invalidateQueries({ queryKey: ["queries"] });
    await router.push(paths.query(fork.id));
  });
}
