import { listDashboards } from "@quern/contract/dashboards";
import { readPulse } from "@quern/contract/library";
import { listProjects } from "@quern/contract/projects";
import { listSchedules } from "@quern/contract/schedules";
import { useQuery, useQueryClient } from "@tanstack/vue-query";
import { computed, onScopeDispose } from "vue";
import { api } from "../api.ts";
import { onRunEvent } from "./runs.ts";
import { useCan } from "./session.ts";

const EVERY_MS = 20_000;
const GATHER_MS = 1_000;

/** How busy Quern is, kept fresh by the event stream. */
export function usePulse() {
  const can = useCan();
  return useQuery({
    queryKey: ["home", "pulse"],
    queryFn: ({ signal }) => api.call(readPulse, { signal }),
    enabled: () => can("self.read"),
    refetchInterval: EVERY_MS,
  });
}

/** The schedules that fire next, and those that fail. */
export function useHomeSchedules(limit: number) {
  const can = useCan();
  const enabled = () => can("schedules.read");
  const list = (state: "active" | "failing") =>
    useQuery({
      queryKey: ["schedules", "home", state, limit],
      queryFn: ({ signal }) => api.call(listSchedules, { query: { state, limit }, signal }),
      enabled,
      refetchInterval: EVERY_MS,
    });
  const active = list("active");
  const failing = list("failing");
  return {
    next: computed(() =>
      (active.data.value?.items ?? []).filter(({ next_fire_at }) => next_fire_at !== null),
    ),
    failing: computed(() => failing.data.value?.items ?? []),
    pending: active.isPending,
    error: active.error,
    refetch: active.refetch,
  };
}

/** A dashboard that a new person can look at: one on the flights when there is one. */
export function useSampleDashboard(enabled: () => boolean) {
  const can = useCan();
  const { data } = useQuery({
    queryKey: ["dashboards", "sample"],
    queryFn: ({ signal }) => api.call(listDashboards, { query: { limit: 50 }, signal }),
    enabled: () => enabled() && can("dashboards.read"),
  });
  return computed(() => {
    const shown = (data.value?.items ?? []).filter(({ tiles }) => tiles > 0);
    return shown.find(({ name }) => /flight/i.test(name)) ?? shown[0] ?? null;
  });
}

/** A project whose last job came to its end: the example when it is there; null while there is none. */
export function useSampleProject(enabled: () => boolean) {
  const can = useCan();
  const { data } = useQuery({
    queryKey: ["projects", "sample"],
    queryFn: ({ signal }) =>
      api.call(listProjects, { query: { status: "completed", limit: 50 }, signal }),
    enabled: () => enabled() && can("projects.read") && can("jobs.create"),
  });
  return computed(() => {
    const items = data.value?.items ?? [];
    return items.find(({ name }) => /outages|pannes/i.test(name)) ?? items[0] ?? null;
  });
}

/** Reads anew what the page says when runs come and go, once in a second however many there are. */
export function useLiveHome(): void {
  const queries = useQueryClient();
  let waiting: ReturnType<typeof setTimeout> | null = null;
  onScopeDispose(
    onRunEvent(() => {
      waiting ??= setTimeout(() => {
        waiting = null;
        void queries.invalidateQueries({ queryKey: ["home"] });
        void queries.invalidateQueries({ queryKey: ["schedules", "home"] });
      }, GATHER_MS);
    }),
  );
  onScopeDispose(() => waiting !== null && clearTimeout(waiting));
}
