/** What each tile shows, as the server's answers and the events of runs come in, in whatever order. */
import type { TileRun } from "@quern/contract/dashboards";
import type { RunStatus } from "@quern/contract/run-started";
import type { Run } from "@quern/contract/runs";

export type TileState = Omit<TileRun, "tile_id"> & {
  /** The newest run for these values, when it failed. */
  failure: Run | null;
  /** `last_good` was made with other values: what is asked for now has not come yet. */
  outdated: boolean;
};
export type TileStates = ReadonlyMap<string, TileState>;
/** How runs ended, by id: an event may come before the answer that names its run. */
type Endings = ReadonlyMap<string, RunStatus>;

export const NO_STATE: TileState = {
  run: null,
  last_good: null,
  problem: null,
  on: null,
  failure: null,
  outdated: false,
};

const hasFailed = ({ run }: Pick<TileState, "run">): boolean =>
  run?.status === "failed" || run?.status === "canceled";

/** The states with what the server answered. A last good result is never lost for an answer without one. */
export function withAnswer(states: TileStates, items: TileRun[], endings: Endings): TileStates {
  const next = new Map(states);
  for (const { tile_id, ...item } of items) {
    const before = next.get(tile_id) ?? NO_STATE;
    const known = item.run ?? (before.outdated ? null : before.run);
    const run = known && { ...known, status: endings.get(known.id) ?? known.status };
    const state: TileState = {
      run,
      problem: item.problem,
      on: item.on,
      last_good: item.last_good ?? before.last_good,
      outdated: item.last_good === null && before.last_good !== null && before.outdated,
      failure: null,
    };
    const sameFailure = hasFailed(state) && before.failure?.id === run?.id;
    next.set(tile_id, sameFailure ? { ...state, failure: before.failure } : state);
  }
  return next;
}

/** The values have changed: what is shown stays, marked, until what belongs to them comes. */
export function withOtherValues(states: TileStates): TileStates {
  const next = new Map<string, TileState>();
  for (const [id, { last_good }] of states)
    next.set(id, { ...NO_STATE, last_good, outdated: last_good !== null });
  return next;
}

/** Failed, and why has still to be read. */
export const lacksFailure = (state: TileState): boolean =>
  hasFailed(state) && state.failure === null;

/** Succeeded, and what it gave has still to be asked for. */
export const lacksResult = ({ run, last_good }: TileState): boolean =>
  run?.status === "succeeded" && last_good?.run_id !== run.id;
