import { useToast } from "@nuxt/ui/composables";
import {
  deleteQuery,
  listQueries,
  type Query,
  type QuerySort,
  restoreQuery,
} from "@quern/contract/queries";
import { keepPreviousData, useInfiniteQuery, useQueryClient } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { api } from "../api.ts";
import { t } from "../i18n/language.ts";
import { hasCode } from "../words/problems.ts";
import { rereadLibrary } from "./library.ts";
import { useTroubleToast } from "./trouble-toast.ts";

export type QueryFilters = {
  search?: string;
  datasource_id?: string;
  folder_id?: string;
  tag?: string;
  favorite?: "true";
  created_by?: string;
  sort?: QuerySort;
};

/** Saved queries, the last changed first unless sorted otherwise, a page at a time. */
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

/** Deletes queries at once and offers to bring them back. */
export function useQueryDelete() {
  const queries = useQueryClient();
  const toast = useToast();
  const guard = useTroubleToast();

  async function restore(deleted: readonly Named[]): Promise<void> {
    await guard(() =>
      inTurns(deleted, (query) => api.call(restoreQuery, { params: { id: query.id } })),
    );
    rereadLibrary(queries);
  }
  return async (...chosen: Named[]): Promise<void> => {
    const deleted: Named[] = [];
    await guard(() =>
      inTurns(chosen, async (query) => {
        try {
          await api.call(deleteQuery, { params: { id: query.id } });
          deleted.push(query);
        } catch (error) {
          // Somebody else deleted it at the same time: that is what was wanted.
          if (!hasCode(error, "not_found")) throw error;
        }
      }),
    );
    for (const { id } of deleted) queries.removeQueries({ queryKey: ["query", id] });
    rereadLibrary(queries);
    const [first] = deleted;
    if (first === undefined) return;
    toast.add({
      title:
        deleted.length === 1
          ? t("“{name}” is deleted", { name: first.name.slice(0, 60) })
          : t("{n} query is deleted | {n} queries are deleted", { n: deleted.length }),
      description: t("Their runs stay in the history."),
      icon: "i-lucide-trash-2",
      color: "neutral",
      duration: 12_000,
      actions: [
        {
          label: t("Undo"),
          color: "neutral",
          variant: "outline",
          onClick: () => void restore(deleted),
        },
      ],
    });
  };
}

type Named = Pick<Query, "id" | "name">;
const AT_ONCE = 5;

/** Does `deed` for all, a few at the same time; the first that fails ends it. */
async function inTurns<T>(all: readonly T[], deed: (one: T) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < all.length; from += AT_ONCE)
    await Promise.all(all.slice(from, from + AT_ONCE).map(deed));
}
