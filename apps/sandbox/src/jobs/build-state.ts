/**
 * Makes the state of a chain: out of the cache where it can, by running files where it must. What is kept or cloned comes from a server
 * that was stopped cleanly.
 */
import type { SnapshotHit } from "@quern/contract/job-status";
import type { Instance } from "../instances/instances.ts";
import type { Found, LeasedLayer } from "../layers/layer-store.ts";
import type { Chain } from "../planner/plan.ts";
import { makeForHead } from "./answer-first.ts";
import { unknownState } from "./job-failure.ts";
import type { JobShop, JobWork } from "./job-work.ts";
import { openStateBuild } from "./state-build.ts";
import { openStepBoard, type StepBoard } from "./step-board.ts";

type StateFacts = {
  key: Buffer;
  hit: SnapshotHit;
  /** Files whose state was there. */
  prefix_depth: number;
  replayed_steps: number;
  board: StepBoard;
  /** Gives up what of it is this job's alone. */
  dispose(): Promise<void>;
};

/** A state that instances can be cloned from. */
export type ReadyState = StateFacts & {
  /** null: it is this job's alone. */
  layer: LeasedLayer | null;
  directory: string;
};

/** An instance that has the state, for one head, which destroys it, while no layer has it: that is made behind the answer. */
export type RunningState = StateFacts & {
  layer: null;
  instance: Instance;
  /** What the instance was cloned from. */
  parent: LeasedLayer;
};

/** Throws JobFailure, CacheError, SandboxError, or the reason of the job's signal. */
export async function makeState(shop: JobShop, work: JobWork, chain: Chain): Promise<ReadyState> {
  const { found, board } = await lookUp(shop, work, chain);
  const full = fullHit(chain, found, board);
  if (full !== null) return full;
  work.progress.begin("building", "preparing");
  const build = openStateBuild(shop, work, chain, board);
  const facts = factsOf(chain, found, board);
  if (chain.private_from === null) {
    const layer = await build.shared(chain.keys.length - 1);
    await board.flush();
    return { ...facts, layer, directory: layer.directory, replayed_steps: build.replayed() };
  }
  const from = await build.shared(chain.private_from - 1);
  const instance = await build.privately(from);
  await board.flush();
  return {
    ...facts,
    ...{ layer: null, directory: instance.directory, replayed_steps: build.replayed() },
    dispose: () => instance.destroy(),
  };
}

/** The same for one head, which may be answered before the state is kept. */
export async function makeStateForHead(
  shop: JobShop,
  work: JobWork,
  chain: Chain,
): Promise<ReadyState | RunningState> {
  // Who says what is to be kept wants it to be there.
  if (chain.known || chain.private_from !== null || chain.keep !== "auto")
    return makeState(shop, work, chain);
  const { found, board } = await lookUp(shop, work, chain);
  const full = fullHit(chain, found, board);
  if (full !== null) return full;
  work.progress.begin("building", "preparing");
  const build = openStateBuild(shop, work, chain, board);
  const facts = factsOf(chain, found, board);
  const parent = found.layer;
  const instance = parent === null ? null : await makeForHead(shop, work, { chain, build, parent });
  if (parent !== null && instance !== null) {
    const replayed_steps = build.replayed();
    return { ...facts, layer: null, instance, parent, replayed_steps };
  }
  const layer = await build.shared(chain.keys.length - 1);
  await board.flush();
  return { ...facts, layer, directory: layer.directory, replayed_steps: build.replayed() };
}

/** What the cache has of the chain, and the steps as they stand. */
export async function lookUp(
  shop: JobShop,
  work: JobWork,
  chain: Chain,
): Promise<{ found: Found; board: StepBoard }> {
  work.progress.begin("lookup", "preparing");
  const { org_id, snapshot_ttl_s } = work.job;
  const shared = chain.keys.slice(0, chain.private_from ?? chain.keys.length);
  // Another job was answered and its state is being kept: a moment more, and it is a hit.
  await shop.behind.settled(org_id, shared.at(-1)!, work.signal);
  const found = await shop.layers.find(org_id, shared, work.holder, { ttl_s: snapshot_ttl_s });
  const onError = (error: unknown) => work.log.debug({ err: error }, "could not note steps");
  return { found, board: openStepBoard(shop.db, work.job, chain, found, onError) };
}

/** Throws JobFailure when the state was to be there and is not. */
function fullHit(chain: Chain, found: Found, board: StepBoard): ReadyState | null {
  const { layer } = found;
  const isLast = layer?.depth === chain.keys.length - 1;
  if (layer && (isLast || chain.known))
    return { ...factsOf(chain, found, board), hit: "full", layer, directory: layer.directory };
  if (chain.known) throw unknownState("The state was evicted a moment ago. Run its project again.");
  return null;
}

function factsOf(chain: Chain, { layer }: Found, board: StepBoard): StateFacts {
  const prefix_depth = Math.max(0, layer?.depth ?? 0);
  return {
    ...{ key: chain.keys.at(-1)!, hit: prefix_depth > 0 ? "prefix" : "miss", prefix_depth, board },
    ...{ replayed_steps: 0, dispose: async () => {} },
  };
}
