import {
  changeSnippet,
  createSnippet,
  deleteSnippet,
  listSnippets,
  type SnippetInput,
} from "@quern/contract/snippets";
import { useQuery, useQueryClient } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { api } from "../api.ts";
import { useAction } from "./action.ts";

const KEY = ["snippets"] as const;

/** The organisation's snippets, in the order of their names. */
export function useSnippets(enabled: MaybeRefOrGetter<boolean>) {
  return useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => api.call(listSnippets, { signal }),
    select: ({ items }) => items,
    staleTime: 60_000,
    enabled: computed(() => toValue(enabled)),
  });
}

/** Keeping, changing and deleting of snippets. */
export function useSnippetDeeds() {
  const queries = useQueryClient();
  const reread = () => queries.invalidateQueries({ queryKey: KEY });
  return {
    save: useAction(async (id: string | null, body: SnippetInput) => {
      const saved =
        id === null
          ? await api.call(createSnippet, { body })
          : await api.call(changeSnippet, { params: { id }, body });
      await reread();
      return saved;
    }),
    remove: useAction(async (id: string) => {
      await api.call(deleteSnippet, { params: { id } });
      await reread();
      return true;
    }),
  };
}
