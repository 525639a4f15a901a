import { useToast } from "@nuxt/ui/composables";
import type { ChartConfig } from "@quern/contract/chart-config";
import {
  changeDashboard,
  createDashboard,
  type Dashboard,
  listDashboards,
  readDashboard,
} from "@quern/contract/dashboards";
import { readQuery } from "@quern/contract/queries";
import {
  changeVisualization,
  createVisualization,
  deleteVisualization,
  type Visualization,
} from "@quern/contract/visualizations";
import { useQueryClient } from "@tanstack/vue-query";
import { useRouter } from "vue-router";
import { api } from "../api.ts";
import {
  chartTile,
  draftOf,
  inputOf,
  type TileVisualization,
  withTile,
} from "../dashboard/draft.ts";
import { t } from "../i18n/language.ts";
import { paths } from "../paths.ts";
import { randomId } from "../random-id.ts";
import { useAction } from "./action.ts";
import { rememberDashboard } from "./dashboards.ts";

/** What can be done with the charts of a query, each deed with its own failure. */
export function useChartDeeds(queryId: () => string | null) {
  const queries = useQueryClient();
  const reread = () => queries.invalidateQueries({ queryKey: ["charts"] });

  return {
    create: useAction(
      async (name: string, config: ChartConfig): Promise<Visualization | undefined> => {
        const query_id = queryId();
        if (query_id === null) return undefined;
        const made = await api.call(createVisualization, { body: { query_id, name, config } });
        await reread();
        return made;
      },
    ),
    /** Refuses to write over what somebody else saved meanwhile. */
    save: useAction(async (chart: Visualization, config: ChartConfig) => {
      const { id, updated_at } = chart;
      const saved = await api.call(changeVisualization, {
        params: { id },
        body: { config, updated_at },
      });
      await reread();
      return saved;
    }),
    rename: useAction(async (chart: Visualization, name: string) => {
      const saved = await api.call(changeVisualization, {
        params: { id: chart.id },
        body: { name },
      });
      await reread();
      return saved;
    }),
    remove: useAction(async (chart: Visualization) => {
      await api.call(deleteVisualization, { params: { id: chart.id } });
      await reread();
      return true;
    }),
  };
}

/** The dashboards with a tile of the chart that one may see. */
export async function dashboardsOf(chart: Visualization, signal: AbortSignal): Promise<string[]> {
  const { items } = await api.call(listDashboards, {
    query: { query_id: chart.query_id, limit: 50 },
    signal,
  });
  const all = await Promise.all(
    items.map(({ id }) => api.call(readDashboard, { params: { id }, signal })),
  );
  const shows = (dashboard: Dashboard) =>
    dashboard.tiles.some(
      (tile) => tile.type === "visualization" && tile.visualization_id === chart.id,
    );
  return all.filter(shows).map(({ name }) => name);
}

/** Puts a saved chart on a dashboard that there is, or on a new one. */
export function useDashboardTile() {
  const queries = useQueryClient();
  const router = useRouter();
  const toast = useToast();

  async function tileOf(chart: Visualization): Promise<TileVisualization> {
    const query = await api.call(readQuery, { params: { id: chart.query_id } });
    const { id, name, version, params, datasource } = query;
    return {
      id: chart.id,
      name: chart.name,
      config: chart.config,
      query: { id, name, version, params, datasource },
    };
  }
  function say(dashboard: Dashboard): void {
    rememberDashboard(queries, dashboard);
    toast.add({
      title: t("The chart is on “{name}”", { name: dashboard.name }),
      color: "success",
      icon: "i-lucide-layout-dashboard",
      actions: [
        {
          label: t("Open the dashboard"),
          color: "neutral",
          variant: "outline",
          onClick: () => void router.push(paths.dashboard(dashboard.id)),
        },
      ],
    });
  }
  return {
    addTo: useAction(async (chart: Visualization, id: string): Promise<true> => {
      const [shown, dashboard] = await Promise.all([
        tileOf(chart),
        api.call(readDashboard, { params: { id } }),
      ]);
      const draft = draftOf(dashboard);
      const tiles = inputOf(withTile(draft, chartTile(randomId(), draft, shown))).tiles;
      say(
        await api.call(changeDashboard, {
          params: { id },
          body: { version: dashboard.version, tiles },
        }),
      );
      return true;
    }),
    addToNew: useAction(async (chart: Visualization, name: string): Promise<true> => {
      const shown = await tileOf(chart);
      // What the query asks for, the dashboard asks for: a chart that cannot run is no start.
      const draft = {
        name,
        description: "",
        params: shown.query.params,
        settings: { refresh_s: null, max_age_s: 300, time_zone: null },
        tiles: [],
      };
      const { tiles } = inputOf(withTile(draft, chartTile(randomId(), draft, shown)));
      say(await api.call(createDashboard, { body: { name, params: shown.query.params, tiles } }));
      return true;
    }),
  };
}
