import { useToast } from "@nuxt/ui/composables";
import {
  type DashboardSummary,
  deleteDashboard,
  listDashboards,
  restoreDashboard,
} from "@quern/contract/dashboards";
import { keepPreviousData, useInfiniteQuery, useQueryClient } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { api } from "../api.ts";
import { t } from "../i18n/language.ts";
import { useTroubleToast } from "./trouble-toast.ts";

export type DashboardFilters = {
  search?: string;
  folder_id?: string;
  tag?: string;
  favorite?: "true";
};

/** Dashboards, the last changed first, a page at a time. */
export function useDashboardList(filters: MaybeRefOrGetter<DashboardFilters>, limit: number) {
  const list = useInfiniteQuery({
    queryKey: computed(() => ["dashboards", "list", toValue(filters), limit] as const),
    queryFn: ({ pageParam, signal }) =>
      api.call(listDashboards, {
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

/** Deletes a dashboard at once and offers to bring it back. False when it could not be deleted. */
export function useDashboardDelete() {
  const queries = useQueryClient();
  const toast = useToast();
  const guard = useTroubleToast();
  const reread = () => queries.invalidateQueries({ queryKey: ["dashboards"] });

  async function restore(id: string): Promise<void> {
    await guard(async () => {
      await api.call(restoreDashboard, { params: { id } });
      await reread();
    });
  }
  return async ({ id, name }: Pick<DashboardSummary, "id" | "name">): Promise<boolean> => {
    const done = await guard(async () => {
      await api.call(deleteDashboard, { params: { id } });
      await reread();
    });
    if (!done) return false;
    queries.removeQueries({ queryKey: ["dashboard", id] });
    toast.add({
      title: t("“{name}” is deleted", { name: name.slice(0, 60) }),
      description: t("Its queries and charts stay."),
      icon: "i-lucide-trash-2",
      color: "neutral",
      duration: 12_000,
      actions: [
        { label: t("Undo"), color: "neutral", variant: "outline", onClick: () => void restore(id) },
      ],
    });
    return true;
  };
}
