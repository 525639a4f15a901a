import { jobError } from "@quern/contract/job-error";
import type { Snapshot } from "@quern/contract/jobs";
import type { Layer } from "../layers/layer-store.ts";
import type { Chain } from "../planner/plan.ts";
import { makeStateForHead, type ReadyState, type RunningState } from "./build-state.ts";
import { runHead } from "./head.ts";
import { JobFailure } from "./job-failure.ts";
import type { JobShop, JobWork } from "./job-work.ts";
import { planJob } from "./plan-job.ts";
import type { TypeWork } from "./types.ts";

const NO_HEAD = "The job names no head: neither a file of the project nor SQL of its own.";

/** The head on the state that its tail makes. */
export const runJob: TypeWork = async (shop, work) => {
  const chain = await planJob(shop, work);
  if (chain.head === null) throw new JobFailure(jobError("missing_head", "planning", NO_HEAD));
  const state = await makeStateForHead(shop, work, chain);
  try {
    const snapshot = snapshotOf(chain, state);
    const facts = { tail_hash: chain.tail_hash, state_key: state.key, snapshot };
    const noted = state.board.flush();
    const { run_id, instance } = await runHead(shop, work, chain, state, chain.head, facts);
    work.progress.begin("storing", "publishing");
    if (state.layer) warmFor(shop, work, chain, state.layer);
    await noted;
    const { clone, warm } = instance.timings;
    return { ...facts, run_id, metrics: { ...timesOf(work), clone, warm } };
  } finally {
    await state.dispose();
  }
};

/** Heads of the same state are likely, and so are edits of the files since the layer before it. */
function warmFor(shop: JobShop, { job }: JobWork, { environment }: Chain, layer: Layer): void {
  shop.instances.warm({ key: layer.state_key, from: layer.directory, environment });
  const { parent_key: key } = layer;
  if (key !== null)
    shop.instances.warm({ key, from: shop.layers.directoryOf(job.org_id, key), environment });
}

/** Of those that are listed: what there is more of says nothing new. */
export const MAX_VOLATILE = 200;

export function snapshotOf(chain: Chain, state: ReadyState | RunningState): Snapshot {
  return {
    tail_hash: chain.tail_hash.toString("hex"),
    state_key: state.key.toString("hex"),
    layer_id: state.layer?.id ?? null,
    hit: state.hit,
    prefix_depth: state.prefix_depth,
    depth: chain.steps.length,
    replayed_steps: state.replayed_steps,
    volatile: chain.steps.flatMap(({ volatile }) => volatile).slice(0, MAX_VOLATILE),
    reproducible: state.layer?.reproducible ?? null,
  };
}

export function timesOf({ progress }: JobWork) {
  return {
    plan_ms: progress.spent("parsing") + progress.spent("planning"),
    lookup_ms: progress.spent("lookup"),
    build_ms: progress.spent("building") + progress.spent("publishing"),
    boot_ms: progress.spent("booting"),
    head_ms: progress.spent("head"),
  };
}
