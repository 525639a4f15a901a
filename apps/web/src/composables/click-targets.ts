import type { Parameter } from "@quern/contract/parameters";
import type { TileClick } from "@quern/contract/tiles";
import { useQuery } from "@tanstack/vue-query";
import { computed } from "vue";
import { useDashboardList } from "./dashboard-list.ts";
import { dashboardQuery } from "./dashboards.ts";
import { useSavedQuery } from "./queries.ts";
import { useQueryList } from "./query-list.ts";

/** What a click can lead to, and the parameters of what it leads to. */
export function useClickTargets(click: () => TileClick | null) {
  const dashboards = useDashboardList({}, 200);
  const queries = useQueryList({}, 200);
  const dashboardId = computed(() => {
    const to = click();
    return to?.type === "dashboard" ? to.dashboard_id : null;
  });
  const queryId = computed(() => {
    const to = click();
    return to?.type === "query" ? to.query_id : null;
  });
  const dashboard = useQuery(
    computed(() => ({
      ...dashboardQuery(dashboardId.value ?? ""),
      enabled: dashboardId.value !== null,
    })),
  );
  const query = useSavedQuery(queryId);
  const choices = (items: { id: string; name: string }[]) =>
    items.map(({ id, name }) => ({ value: id, label: name }));
  return {
    dashboards: computed(() => choices(dashboards.items.value)),
    queries: computed(() => choices(queries.items.value)),
    targetParams: computed<Parameter[]>(() => {
      if (dashboardId.value !== null) return dashboard.data.value?.params ?? [];
      return queryId.value === null ? [] : (query.data.value?.params ?? []);
    }),
  };
}
