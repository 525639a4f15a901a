import { readTour, type Tour, writeTour } from "@quern/contract/library";
import { useQuery, useQueryClient } from "@tanstack/vue-query";
import { computed, onScopeDispose, watch } from "vue";
import { useRoute } from "vue-router";
import { api } from "../api.ts";
import { TOUR, type TourStep } from "../tour/steps.ts";
import { isOwnRun } from "./own-runs.ts";
import { onRunEvent } from "./runs.ts";
import { useCan } from "./session.ts";
import { useTroubleToast } from "./trouble-toast.ts";

const KEY = ["tour"];

/** How far the person is in the tour. The server remembers it, so that it goes on in the next browser. */
export function useTour() {
  const can = useCan();
  const queries = useQueryClient();
  const guard = useTroubleToast();
  const { data } = useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => api.call(readTour, { signal }),
    staleTime: Number.POSITIVE_INFINITY,
    enabled: () => can("self.read"),
  });
  /** Shown at once; what the server says of it is not waited for. */
  function write(tour: Pick<Tour, "step" | "ended">): void {
    queries.setQueryData<Tour>(KEY, { ...tour, begun: true });
    void guard(() => api.call(writeTour, { body: tour }).then(() => undefined));
  }
  const going = computed(
    () => data.value?.begun === true && !data.value.ended && can("runs.create_sql"),
  );
  const step = computed(() => Math.min(data.value?.step ?? 0, TOUR.length));
  return {
    tour: data,
    going,
    /** Counted from 0; as many as there are when all are done. */
    step,
    start: () => write({ step: 0, ended: false }),
    go: (to: number) => write({ step: Math.max(0, Math.min(TOUR.length, to)), ended: false }),
    end: () => write({ step: step.value, ended: true }),
  };
}

/** Calls `onDone` when what a step asks for was done in this tab. */
export function useTourProgress(wanted: () => TourStep["until"] | null, onDone: () => void): void {
  const route = useRoute();
  const queries = useQueryClient();
  const done = (what: TourStep["until"]) => {
    if (wanted() === what) onDone();
  };
  const look = () => {
    const [, section, id] = route.path.split("/");
    if (section === "queries" && id !== undefined) done("editor_open");
    if (section === "queries" && id !== undefined && id !== "new") done("query_saved");
    const run = queries.getQueryData<{ status: string }>(["run", route.query.run]);
    if (section === "queries" && run?.status === "succeeded") done("run_succeeded");
    const charts = queries.getQueryData<{ items: unknown[] }>(["charts", id]);
    if (section === "queries" && (charts?.items.length ?? 0) > 0) done("chart_saved");
    const dashboard = queries.getQueryData<{ tiles: { type: string }[] }>(["dashboard", id]);
    if (section === "dashboards" && dashboard?.tiles.some(({ type }) => type === "visualization"))
      done("tile_added");
  };
  watch(() => [route.path, route.query.run, wanted()], look, { immediate: true });
  onScopeDispose(queries.getQueryCache().subscribe(({ type }) => type === "updated" && look()));
  onScopeDispose(
    onRunEvent((run) => {
      if (run.status === "succeeded" && run.kind === "query" && isOwnRun(run.id))
        done("run_succeeded");
    }),
  );
}
