import type { Fingerprint } from "../layers/fingerprint.ts";
import { compareFingerprints } from "../layers/state-diff.ts";
import type { Chain } from "../planner/plan.ts";
import { makeState } from "./build-state.ts";
import { inspect } from "./inspection.ts";
import { unknownState } from "./job-failure.ts";
import type { JobShop, JobWork } from "./job-work.ts";
import { planJob } from "./plan-job.ts";
import { snapshotOf, timesOf } from "./type-run.ts";
import type { TypeWork } from "./types.ts";

const NO_FILES =
  "A state that is named by its key cannot be built a second time: verify it with the files that make it.";

/** Whether the files make the same state each time: it is built anew, from nothing, and compared with the one that is kept. */
export const verifyState: TypeWork = async (shop, work) => {
  const chain = await planJob(shop, work);
  if (chain.known) throw unknownState(NO_FILES);
  const state = await makeState(shop, work, { ...chain, private_from: null });
  const kept = await inspect(shop, work, chain, state.directory);
  work.progress.log("info", "Building the state a second time, from nothing");
  const anew = await buildAnew(shop, work, chain);
  const differences = compareFingerprints(kept, anew);
  const reproducible = differences.length === 0;
  if (state.layer) await shop.layers.noteReproducible(state.layer.id, reproducible);
  return {
    tail_hash: chain.tail_hash,
    state_key: state.key,
    snapshot: { ...snapshotOf(chain, state), reproducible },
    metrics: timesOf(work),
    result: {
      type: "verify",
      state_key: state.key.toString("hex"),
      layer_id: state.layer?.id ?? null,
      reproducible,
      differences,
    },
  };
};

async function buildAnew(shop: JobShop, work: JobWork, chain: Chain): Promise<Fingerprint> {
  const state = await makeState(shop, work, { ...chain, private_from: 1 });
  try {
    return await inspect(shop, work, chain, state.directory);
  } finally {
    await state.dispose();
  }
}
