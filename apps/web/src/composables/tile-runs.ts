/**
 * What the tiles of a dashboard show: asked for in one request, kept fresh by the tab's event stream. While that is down, what
 * goes on is asked for with growing pauses.
 */
import { type Dashboard, runDashboard, type TileRun } from "@quern/contract/dashboards";
import type { RunEvent } from "@quern/contract/events";
import type { ParameterValues } from "@quern/contract/parameters";
import { cancelRun, readRun } from "@quern/contract/runs";
import { computed, onScopeDispose, shallowRef } from "vue";
import type { Swaps } from "../dashboard/swaps.ts";
import {
  lacksFailure,
  lacksResult,
  NO_STATE,
  type TileState,
  type TileStates,
  withAnswer,
  withOtherValues,
} from "../dashboard/tile-states.ts";
import { isTrouble } from "../words/problems.ts";
import { isTerminal } from "../words/runs.ts";
import type { DashboardSource } from "./dashboard-source.ts";
import { usePolling } from "./polling.ts";

type Values = {
  params: ParameterValues;
  tile_params: Record<string, ParameterValues>;
  /** Datasources in the place of others. */
  on?: Swaps;
};
type Wish = {
  refresh: "none" | "stale" | "all";
  tileIds: string[] | null;
  /** With `stale`: how old a result may be, in place of the dashboard's own. */
  maxAgeS?: number;
};
type Config = {
  source: DashboardSource;
  dashboardId: () => string;
  values: () => Values;
  /** The reply of a first request that was sent before the page knew the dashboard. */
  early?: () => Promise<TileRun[]> | null;
};

/** Runs that end in the same moment are asked about together. */
const GATHER_MS = 40;
const REMEMBERED = 500;

async function readTiles(config: Config, { refresh, tileIds, maxAgeS }: Wish, signal: AbortSignal) {
  const early = tileIds === null && refresh === "stale" ? config.early?.() : null;
  if (early) return await early;
  const body = {
    ...config.values(),
    ...(tileIds === null ? {} : { tile_ids: tileIds }),
    ...(maxAgeS === undefined ? {} : { max_age_s: maxAgeS }),
    refresh,
  };
  const params = { id: config.dashboardId() };
  return (await config.source.client.call(runDashboard, { params, body, signal })).items;
}

export function useTileRuns(config: Config) {
  const { source } = config;
  const states = shallowRef<TileStates>(new Map());
  const error = shallowRef<Error | null>(null);
  const asking = shallowRef(0);
  const answeredAt = shallowRef<number | null>(null);
  const stop = new AbortController();
  /** Counts up with every change of values: what was asked with others before is of no use. */
  let era = 0;
  const endings = new Map<string, RunEvent["status"]>();
  /** Tiles and runs whose results were asked for once they had ended: some give no rows, however often one asks. */
  const asked = new Set<string>();

  const stateOf = (id: string): TileState => states.value.get(id) ?? NO_STATE;
  function change(id: string, changes: Partial<TileState>): void {
    states.value = new Map(states.value).set(id, { ...stateOf(id), ...changes });
  }
  async function readFailure(tileId: string, of: number): Promise<void> {
    const id = stateOf(tileId).run?.id;
    if (id === undefined) return;
    try {
      const run = await source.client.call(readRun, { params: { id }, signal: stop.signal });
      if (of === era && stateOf(tileId).run?.id === id) change(tileId, { failure: run });
    } catch (problem) {
      if (!stop.signal.aborted && !isTrouble(problem)) throw problem;
    }
  }
  /** Reads what a tile whose run has ended does not have yet. */
  function complete(tileId: string): void {
    const state = stateOf(tileId);
    if (lacksFailure(state)) void readFailure(tileId, era);
    const key = `${tileId} ${state.run?.id}`;
    if (!lacksResult(state) || asked.has(key)) return;
    if (asked.size >= REMEMBERED) asked.clear();
    asked.add(key);
    gather(tileId);
  }
  async function ask(wish: Wish): Promise<boolean> {
    const of = era;
    asking.value += 1;
    try {
      const items = await readTiles(config, wish, stop.signal);
      if (of !== era || stop.signal.aborted) return true;
      error.value = null;
      states.value = withAnswer(states.value, items, endings);
      if (wish.tileIds === null) answeredAt.value = Date.now();
      // A result that an answer lacks although its run is known to have ended is asked for once more.
      for (const { tile_id, run } of items)
        if (lacksFailure(stateOf(tile_id)) || (run !== null && endings.has(run.id)))
          complete(tile_id);
      return true;
    } catch (problem) {
      if (stop.signal.aborted) return false;
      if (!isTrouble(problem)) throw problem;
      if (of === era) error.value = problem;
      return false;
    } finally {
      asking.value -= 1;
    }
  }

  const waiting = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  function gather(tileId: string): void {
    waiting.add(tileId);
    timer ??= setTimeout(() => {
      timer = undefined;
      const tileIds = [...waiting];
      waiting.clear();
      void ask({ refresh: "none", tileIds });
    }, GATHER_MS);
  }
  function onEvent({ id, status }: RunEvent): void {
    if (isTerminal(status)) endings.set(id, status);
    for (const oldest of endings.keys()) {
      if (endings.size <= REMEMBERED) break;
      endings.delete(oldest);
    }
    for (const [tileId, { run }] of states.value) {
      if (run === null || run.id !== id || isTerminal(run.status)) continue;
      change(tileId, { run: { ...run, status } });
      complete(tileId);
    }
  }

  const underway = computed(() =>
    [...states.value].flatMap(([id, { run }]) =>
      run !== null && !isTerminal(run.status) ? [id] : [],
    ),
  );
  usePolling({
    connected: source.connected,
    goesOn: computed(() => underway.value.length > 0),
    ask: () => ask({ refresh: "none", tileIds: underway.value }),
  });
  const stopEvents = source.onRun(onEvent);
  onScopeDispose(() => {
    stopEvents();
    stop.abort();
    clearTimeout(timer);
  });

  return {
    states,
    stateOf,
    error,
    /** When the last answer for all tiles came, in ms. */
    answeredAt,
    /** Tiles whose runs go on. */
    underway,
    asking: computed(() => asking.value > 0),
    /** Asks for all tiles, or these. Nothing is asked while an earlier request for all goes on. */
    async refresh(wish: Wish): Promise<boolean> {
      if (asking.value > 0 && wish.tileIds === null) return false;
      return await ask(wish);
    },
    /** The values have changed; or where the tiles run, and then nothing that is shown says anything about that. */
    async restart({ elsewhere = false } = {}): Promise<boolean> {
      era += 1;
      states.value = elsewhere ? new Map() : withOtherValues(states.value);
      return await ask({ refresh: "stale", tileIds: null });
    },
    async cancel(tileId: string): Promise<void> {
      const { run } = stateOf(tileId);
      if (run !== null) await source.client.call(cancelRun, { params: { id: run.id }, body: {} });
    },
  };
}

/** The tiles that show a chart. */
export function chartTilesOf(dashboard: Pick<Dashboard, "tiles">) {
  return dashboard.tiles.filter((tile) => tile.type === "visualization");
}
