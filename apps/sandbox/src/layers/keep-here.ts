/** Which states between the start of a chain and its end become layers, too. */

export type Keeping = {
  /** Time of the steps since the last state that was kept. */
  build_ms_since_kept: number;
  /** What a clone of this state costs: below some of these, replaying is as good. */
  clone_ms: number;
  is_last: boolean;
  /** Another child of this state was asked for before. */
  forked: boolean;
  /** The script says so. */
  checkpoint: boolean;
  /** Clones share blocks: a layer costs next to nothing. */
  reflink: boolean;
};

/** A layer is worth its bytes when it saves this many clones. */
const CLONES_SAVED = 4;
const LEAST_MS = 200;

/** Whether the state becomes a layer. To keep one the builder is stopped and cloned again, which takes a clone's time. */
export function keepHere(state: Keeping): boolean {
  if (state.is_last || state.checkpoint || state.forked) return true;
  const worth = Math.max(CLONES_SAVED * state.clone_ms, LEAST_MS);
  return state.build_ms_since_kept > (state.reflink ? state.clone_ms : worth);
}
