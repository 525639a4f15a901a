import type { SideSpec } from "@quern/store/job-spec";
import type { TreeFiles } from "@quern/store/trees";
import type { Fingerprint } from "../layers/fingerprint.ts";
import { diffStates } from "../layers/state-diff.ts";
import { makeState } from "./build-state.ts";
import { inspect } from "./inspection.ts";
import type { JobShop, JobWork } from "./job-work.ts";
import { planSide } from "./plan-job.ts";
import type { TypeWork } from "./types.ts";

/** Two states side by side: what is defined in them, and how many rows their tables have. */
export const compareStates: TypeWork = async (shop, work) => {
  const { spec, left_tree, right_tree } = work.job;
  const left = await lookAt(shop, work, spec.left!, left_tree);
  const right = await lookAt(shop, work, spec.right!, right_tree);
  const { state_key, tail_hash } = right.facts;
  return {
    state_key,
    tail_hash,
    result: {
      type: "diff",
      left: hexOf(left.facts),
      right: hexOf(right.facts),
      ...diffStates(left.fingerprint, right.fingerprint),
    },
  };
};

type Facts = { state_key: Buffer; tail_hash: Buffer };

async function lookAt(
  shop: JobShop,
  work: JobWork,
  side: SideSpec,
  tree: TreeFiles | null,
): Promise<{ fingerprint: Fingerprint; facts: Facts }> {
  const chain = await planSide(shop, work, side, tree);
  const state = await makeState(shop, work, chain);
  try {
    work.progress.begin("head", "running");
    const fingerprint = await inspect(shop, work, chain, state.directory);
    return { fingerprint, facts: { state_key: state.key, tail_hash: chain.tail_hash } };
  } finally {
    await state.board.flush();
    await state.dispose();
  }
}

function hexOf({ state_key, tail_hash }: Facts) {
  return { state_key: state_key.toString("hex"), tail_hash: tail_hash.toString("hex") };
}
