import {
  createDashboard,
  type Dashboard,
  type DashboardInput,
  duplicateDashboard,
  listDashboardVersions,
  readDashboard,
} from "@quern/contract/dashboards";
import type { QueryClient } from "@tanstack/vue-query";
import { useQuery, useQueryClient } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { api } from "../api.ts";
import { randomId } from "../random-id.ts";
import { useAction } from "./action.ts";

export const dashboardQuery = (id: string) => ({
  queryKey: ["dashboard", id] as const,
  queryFn: ({ signal }: { signal: AbortSignal }) =>
    api.call(readDashboard, { params: { id }, signal }),
});

export function useDashboard(id: MaybeRefOrGetter<string>) {
  return useQuery(computed(() => dashboardQuery(toValue(id))));
}

/** Puts what the API answered with in the place of what was known, and has the lists read anew. */
export function rememberDashboard(queries: QueryClient, dashboard: Dashboard): Dashboard {
  queries.setQueryData(dashboardQuery(dashboard.id).queryKey, dashboard);
  void queries.invalidateQueries({ queryKey: ["dashboards"] });
  void queries.invalidateQueries({ queryKey: ["dashboard-versions", dashboard.id] });
  return dashboard;
}

/** The last 200 saves of a dashboard, the newest first. */
export function useDashboardVersions(id: MaybeRefOrGetter<string>) {
  return useQuery({
    queryKey: computed(() => ["dashboard-versions", toValue(id)] as const),
    queryFn: ({ signal }) =>
      api.call(listDashboardVersions, {
        params: { id: toValue(id) },
        query: { limit: 200 },
        signal,
      }),
  });
}

export function useDashboardMake() {
  const queries = useQueryClient();
  let key = randomId();
  return {
    create: useAction(async (input: DashboardInput) => {
      const made = await api.call(createDashboard, { body: input, idempotencyKey: key });
      key = randomId();
      return rememberDashboard(queries, made);
    }),
    duplicate: useAction(async (id: string, name: string) =>
      rememberDashboard(
        queries,
        await api.call(duplicateDashboard, { params: { id }, body: { name } }),
      ),
    ),
  };
}
