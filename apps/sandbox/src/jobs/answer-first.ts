/**
 * A head is answered before its state is kept. The files that no layer has are run in an instance, which the head then gets for itself;
 * after the answer they are run once more in a builder, and what that gives becomes the layer: nothing of the head is in it. Both are
 * one turn of the single flight of the state, so that whoever else wants it waits for the layer as ever.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { noteKeptStates } from "@quern/store/job-layers";
import type { Instance } from "../instances/instances.ts";
import type { Build, Holder, Layer, LeasedLayer } from "../layers/layer-store.ts";
import type { Chain } from "../planner/plan.ts";
import { silentProgress } from "./job-progress.ts";
import type { JobShop, JobWork } from "./job-work.ts";
import { isRepeatable } from "./repeatable.ts";
import { openStateBuild, type StateBuild } from "./state-build.ts";
import type { StepBoard } from "./step-board.ts";

type Asked = { chain: Chain; build: StateBuild; parent: LeasedLayer };

/** Another process may wait for the state, of which this one does not know: a head that takes longer does not keep it waiting. */
const LONGEST_HEAD_MS = 2_000;

/**
 * An instance that has the state at the end of the chain, for one head; null when there is a layer of it by now instead: another job
 * made it, or this one did so first, because others wait, the files took long, or they might give something else the second time.
 */
export async function makeForHead(
  shop: JobShop,
  work: JobWork,
  asked: Asked,
): Promise<Instance | null> {
  const { chain, build, parent } = asked;
  const to = chain.keys.length - 1;
  const mayRepeat = await isRepeatable(chain, parent.depth, shop.files);
  const holder: Holder = { kind: "build", id: randomUUID() };
  const leaving = new AbortController();
  const leave = () => leaving.abort(work.signal.reason);
  let give = (_: Instance) => {};
  const given = new Promise<Instance>((resolve) => {
    give = resolve;
  });
  const again: Layer[] = [];
  const make: Build = async (signal, others) => {
    const builder = { ...work, signal };
    const replayed = await build.replayInOne(parent, to, shop.times.answer_first_ms, builder);
    if ("state_key" in replayed) return replayed;
    if (!mayRepeat || others.wait() || work.signal.aborted)
      return build.keepAtOnce(to, replayed, builder);
    // From here on the instance is the job's, and its end does not end the flight.
    work.signal.removeEventListener("abort", leave);
    const turn = shop.behind.begin(work.job.org_id, chain.keys[to]!, {
      over: kept,
      abandon: () => leaving.abort(),
      afterwards: () => tellKept(shop, work, chain, again),
    });
    give(replayed.instance);
    const late = delay(LONGEST_HEAD_MS, undefined, { ref: false });
    const free = await turn.wait(Promise.race([work.ended, late]), others.come, signal);
    try {
      const progress = silentProgress();
      const second = openStateBuild(shop, { ...work, holder, progress, signal }, chain, UNSEEN);
      const layer = await second.replay(to);
      again.push(...second.published());
      return layer;
    } finally {
      free();
    }
  };
  work.signal.addEventListener("abort", leave, { once: true });
  if (work.signal.aborted) leave();
  const kept = keep(shop, work, chain.keys[to]!, holder, make, leaving.signal);
  try {
    return await Promise.race([given, kept.then(() => null)]);
  } finally {
    work.signal.removeEventListener("abort", leave);
  }
}

/** The chain of the job shows what was run for its answer. */
const UNSEEN: StepBoard = {
  note: () => {},
  outcome: () => "pending",
  flush: async () => {},
};

async function keep(
  { layers }: JobShop,
  { job }: JobWork,
  key: Buffer,
  holder: Holder,
  make: Build,
  signal: AbortSignal,
): Promise<void> {
  try {
    await layers.single(job.org_id, key, holder, make, signal);
  } finally {
    await layers.release(holder);
  }
}

/** The job's answer named no layer. Heads of these states are likely, and so are edits of the file behind them. */
async function tellKept(
  shop: JobShop,
  work: JobWork,
  { environment }: Chain,
  layers: readonly Layer[],
): Promise<void> {
  for (const { state_key: key, directory: from } of layers)
    shop.instances.warm({ key, from, environment });
  await work.ended;
  const states = layers.map(({ id, state_key, bytes }) => ({ layer_id: id, state_key, bytes }));
  await noteKeptStates(shop.db, work.job.id, states);
}
