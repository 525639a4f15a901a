import type { Dashboard } from "@quern/contract/dashboards";
import { computed, type Ref, ref } from "vue";
import { ownDatasources } from "../dashboard/swaps.ts";
import type { DashboardSession } from "./dashboard-session.ts";
import { usePaletteEvents } from "./palette-events.ts";
import { useCan } from "./session.ts";
import { chartTilesOf } from "./tile-runs.ts";

/** A dashboard on other datasources than its queries are saved on: what is exchanged, and what somebody is asked about it. */
export function useDashboardElsewhere(
  dashboard: () => Dashboard,
  session: DashboardSession,
  editing: Ref<boolean>,
) {
  const can = useCan();
  const owns = computed(() => ownDatasources(dashboard().tiles));
  /** `own` is the datasource that is meant at first. */
  const asked = ref<{ own: string | null } | null>(null);
  function ask(own: string | null): void {
    if (!editing.value && can("runs.create_sql")) asked.value = { own };
  }
  usePaletteEvents({ "quern:elsewhere": () => ask(null) });

  /** What the server said of the tiles of a datasource. */
  function told(own: string): { name: string | null; ended: boolean } {
    const states = chartTilesOf(dashboard())
      .filter((tile) => tile.visualization?.query.datasource.id === own)
      .map(({ id }) => session.runs.stateOf(id));
    return {
      name: states.find(({ on }) => on !== null)?.on?.name ?? null,
      ended: states.some(({ problem }) => problem?.code === "instance_ended"),
    };
  }
  return {
    owns,
    asked,
    ask,
    told,
    /** An instance that was there is not any more: the tiles are asked, and say so. */
    instanceGone: () => void session.runs.refresh({ refresh: "stale", tileIds: null }),
    choose(own: string, other: string): void {
      asked.value = null;
      session.elsewhere.set(own, other);
    },
    /** Back to the own datasource, or to all of them. */
    back(own: string | null): void {
      if (own === null) session.elsewhere.clear();
      else session.elsewhere.set(own, null);
    },
  };
}
