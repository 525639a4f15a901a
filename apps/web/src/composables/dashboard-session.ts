/** A dashboard that is looked at: its values, what its tiles show, how often that is read anew, and what a click does. */
import type { Dashboard, TileRun } from "@quern/contract/dashboards";
import { computed, ref, watch } from "vue";
import { useRouter } from "vue-router";
import { controlledParameters, requestValues } from "../dashboard/bindings.ts";
import {
  type Clicked,
  clickedValues,
  filterChange,
  filterNames,
  linkAddress,
  valuesQuery,
} from "../dashboard/click.ts";
import type { ChartTile } from "../dashboard/draft.ts";
import { type Swaps, writeSwaps } from "../dashboard/swaps.ts";
import { oldestFreshS } from "../dashboard/tile-words.ts";
import { t } from "../i18n/language.ts";
import { valueWords } from "../parameters/value-words.ts";
import { paths } from "../paths.ts";
import { useAutoRefresh, useRefreshChoice } from "./auto-refresh.ts";
import { useDashboardSource } from "./dashboard-source.ts";
import { useDashboardValues } from "./dashboard-values.ts";
import { useSwaps } from "./elsewhere.ts";
import { chartTilesOf, useTileRuns } from "./tile-runs.ts";

export type DashboardSession = ReturnType<typeof useDashboardSession>;
export type EarlyRuns = () => Promise<TileRun[]> | null;

/** `shown` is what stands on the page, `saved` what the server knows: they differ while somebody edits. */
export function useDashboardSession(
  shown: () => Pick<Dashboard, "params" | "tiles" | "settings">,
  saved: () => Dashboard,
  early: EarlyRuns,
) {
  const router = useRouter();
  const source = useDashboardSource();
  const charts = computed(() => chartTilesOf(shown()));
  const savedCharts = computed(() => chartTilesOf(saved()));
  const controls = computed(() => controlledParameters(shown().params, charts.value));
  const values = useDashboardValues(() => controls.value);
  const request = computed(() =>
    requestValues(saved().params, savedCharts.value, values.chosen.value),
  );
  const elsewhere = useSwaps();
  // A wall screen shows what is saved, and nothing else.
  const swaps = computed<Swaps>(() => (source.display ? {} : elsewhere.swaps.value));
  const on = computed(() => writeSwaps(swaps.value));
  const runs = useTileRuns({
    source,
    dashboardId: () => saved().id,
    values: () => (on.value === null ? request.value : { ...request.value, on: swaps.value }),
    early,
  });
  const refresh = useRefreshChoice(() => saved().settings.refresh_s);
  const freshS = computed(() => oldestFreshS(saved().settings.max_age_s, refresh.seconds.value));

  // A page that refreshes by itself shares what others of its kind made in the same time.
  const refreshStale = () =>
    runs.refresh({
      refresh: "stale",
      tileIds: null,
      maxAgeS: Math.max(0, (refresh.seconds.value ?? 5) - 1),
    });
  useAutoRefresh(refresh.seconds, refreshStale);
  // What was stored may be older than such a page shows: it is painted first, and then made anew.
  watch(
    runs.answeredAt,
    () => {
      if (refresh.seconds.value !== null) setTimeout(() => void refreshStale());
    },
    { once: true },
  );
  watch(
    () => JSON.stringify(request.value),
    () => void runs.restart(),
  );
  watch(
    () => JSON.stringify(on.value),
    () => void runs.restart({ elsewhere: true }),
  );
  // New tiles have nothing yet; a request that is on its way already did not ask for them.
  const wanted = ref(false);
  watch(
    () => saved().version,
    () => (wanted.value = true),
  );
  watch([wanted, runs.asking], ([isWanted, isAsking]) => {
    if (!isWanted || isAsking) return;
    wanted.value = false;
    void runs.refresh({ refresh: "stale", tileIds: null });
  });

  function click(tile: ChartTile, clicked: Clicked): void {
    const held = values.applied.value;
    switch (tile.click?.type) {
      case undefined:
        return;
      case "filter":
        values.apply(
          filterChange(shown().params, held, clickedValues(tile.click.set, clicked, held)),
        );
        return;
      case "dashboard":
        void router.push(
          paths.dashboard(tile.click.dashboard_id, {
            ...valuesQuery(clickedValues(tile.click.set, clicked, held)),
            ...(on.value === null ? {} : { on: on.value }),
          }),
        );
        return;
      case "query":
        void router.push(
          paths.query(tile.click.query_id, {
            ...valuesQuery(clickedValues(tile.click.set, clicked, held)),
            ...(on.value === null ? {} : { on: on.value }),
          }),
        );
        return;
      case "link": {
        const url = linkAddress(tile.click.url, clicked);
        if (url !== null) window.open(url, "_blank", "noopener,noreferrer");
      }
    }
  }

  return {
    source,
    /** What runs on other datasources than it is saved on; `on` is the same for an address. */
    swaps,
    on,
    elsewhere,
    values,
    runs,
    refresh,
    freshS,
    click,
    /** Parameters that a click on some tile sets. */
    clicked: computed(() => filterNames(charts.value.map((tile) => tile.click))),
    refreshNow: () => runs.refresh({ refresh: "all", tileIds: null }),
    refreshTile: (id: string) => runs.refresh({ refresh: "all", tileIds: [id] }),
    /** The words for a parameter's value in a text. */
    words(name: string): string | null {
      const parameter = shown().params.find((each) => each.name === name);
      if (parameter === undefined) return null;
      const value = values.applied.value[name];
      return value === undefined ? t("any") : valueWords(parameter, value);
    },
  };
}
