import { useToast } from "@nuxt/ui/composables";
import { deleteQuery, listQueries, type Query, restoreQuery } from "@quern/contract/queries";
import { keepPreviousData, useInfiniteQuery, useQueryClient } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { api } from "../api.ts";
import { useTroubleToast } from "./trouble-toast.ts";

export type QueryFilters = { search?: string; datasource_id?: string };

/** Saved queries, the last changed first, a page at a time. */
export function useQueryList(filters: MaybeRefOrGetter<QueryFilters>, limit: number) {
  const list = useInfiniteQuery({
    queryKey: computed(() => ["queries", "list", toValue(filters), limit] as const),
    queryFn: ({ pageParam, signal }) =>
      api.call(listQueries, {
        query: { ...toValue(filters), limit, ...(pageParam === "" ? {} : { cursor: pageParam }) },
        signal,
      }),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
  });
  return {
    ...list,
    items: computed(() => list.data.value?.pages.flatMap((page) => page.items) ?? []),
  };
}

/** Deletes a query at once and offers to bring it back. */
export function useQueryDelete() {
  const queries = useQueryClient();
  const toast = useToast();
  const guard = useTroubleToast();
  const reread = () => queries.invalidateQueries({ queryKey: ["queries"] });

  async function restore(query: Query): Promise<void> {
    await guard(async () => {
      await api.call(restoreQuery, { params: { id: query.id } });
      await reread();
    });
  }
  return async (query: Query): Promise<void> => {
    const done = await guard(() =>
      api.call(deleteQuery, { params: { id: query.id } }).then(reread),
    );
    if (!done) return;
    queries.removeQueries({ queryKey: ["query", query.id] });
    toast.add({
      title: `“${query.name.slice(0, 60)}” is deleted`,
      description: "Its runs stay in the history.",
      icon: "i-lucide-trash-2",
      color: "neutral",
      duration: 12_000,
      actions: [
        { label: "Undo", color: "neutral", variant: "outline", onClick: () => void restore(query) },
      ],
    });
  };
}
