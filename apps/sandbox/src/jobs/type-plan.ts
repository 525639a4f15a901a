import { lookUp } from "./build-state.ts";
import { planJob } from "./plan-job.ts";
import { MAX_VOLATILE } from "./type-run.ts";
import type { TypeWork } from "./types.ts";

/** What a run would do, step by step, and why. Nothing is run. */
export const planOnly: TypeWork = async (shop, work) => {
  const chain = await planJob(shop, work);
  const { found, board } = await lookUp(shop, work, chain);
  await board.flush();
  const last = chain.keys.length - 1;
  const depth = found?.layer?.depth ?? -1;
  const prefix_depth = Math.max(0, depth);
  const state_key = chain.keys[last]!;
  return {
    tail_hash: chain.tail_hash,
    state_key,
    snapshot: {
      tail_hash: chain.tail_hash.toString("hex"),
      state_key: state_key.toString("hex"),
      layer_id: depth === last ? (found?.layer?.id ?? null) : null,
      hit: depth === last ? "full" : depth > 0 ? "prefix" : "miss",
      prefix_depth,
      depth: last,
      replayed_steps: last - prefix_depth,
      volatile: chain.steps.flatMap(({ volatile }) => volatile).slice(0, MAX_VOLATILE),
      reproducible: depth === last ? (found?.layer?.reproducible ?? null) : null,
    },
  };
};
