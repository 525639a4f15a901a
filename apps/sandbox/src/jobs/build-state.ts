/**
 * Makes the state of a chain: out of the cache where it can, by running files where it must. Nobody ever gets a state whose server was
 * not stopped cleanly.
 */
import { join } from "node:path";
import type { SnapshotHit } from "@quern/contract/job-status";
import type { Instance } from "../instances/instances.ts";
import { keepHere } from "../layers/keep-here.ts";
import type { Build, Found, Layer, LeasedLayer } from "../layers/layer-store.ts";
import type { Chain } from "../planner/plan.ts";
import { unknownState } from "./job-failure.ts";
import type { JobShop, JobWork } from "./job-work.ts";
import { runScript } from "./script-step.ts";
import { openStepBoard, type StepBoard } from "./step-board.ts";

/** A state that instances can be cloned from. */
export type ReadyState = {
  key: Buffer;
  directory: string;
  /** null: it is this job's alone, and gone with `dispose`. */
  layer: LeasedLayer | null;
  hit: SnapshotHit;
  /** Files whose state was there. */
  prefix_depth: number;
  replayed_steps: number;
  board: StepBoard;
  dispose(): Promise<void>;
};

/** Throws JobFailure, CacheError, SandboxError, or the reason of the job's signal. */
export async function makeState(shop: JobShop, work: JobWork, chain: Chain): Promise<ReadyState> {
  const { found, board } = await lookUp(shop, work, chain);
  const last = chain.keys.length - 1;
  const depth = found?.layer?.depth ?? -1;
  const facts = { key: chain.keys[last]!, board, prefix_depth: Math.max(0, depth) };
  const build = openBuild(shop, work, chain, board);
  if (found?.layer && (depth === last || chain.known)) {
    const { layer } = found;
    const rest = { hit: "full" as const, replayed_steps: 0, dispose: async () => {} };
    return { ...facts, ...rest, layer, directory: layer.directory };
  }
  if (chain.known) throw unknownState("The state was evicted a moment ago. Run its project again.");
  work.progress.begin("building", "preparing");
  const hit = depth > 0 ? "prefix" : "miss";
  if (chain.private_from === null) {
    const layer = await build.shared(last);
    await board.flush();
    const rest = { hit, replayed_steps: build.replayed(), dispose: async () => {} } as const;
    return { ...facts, ...rest, layer, directory: layer.directory };
  }
  const from = await build.shared(chain.private_from - 1);
  const instance = await build.privately(from);
  await board.flush();
  const rest = {
    hit,
    replayed_steps: build.replayed(),
    dispose: () => instance.destroy(),
  } as const;
  return { ...facts, ...rest, layer: null, directory: instance.directory };
}

/** What the cache has of the chain, and the steps as they stand. */
export async function lookUp(
  shop: JobShop,
  work: JobWork,
  chain: Chain,
): Promise<{ found: Found | null; board: StepBoard }> {
  work.progress.begin("lookup", "preparing");
  const { org_id, snapshot_ttl_s } = work.job;
  const shared = chain.keys.slice(0, chain.private_from ?? chain.keys.length);
  const found = await shop.layers.find(org_id, shared, work.holder, { ttl_s: snapshot_ttl_s });
  const onError = (error: unknown) => work.log.debug({ err: error }, "could not note steps");
  return { found, board: openStepBoard(shop.db, work.job, chain, found, onError) };
}

function openBuild(shop: JobShop, work: JobWork, chain: Chain, board: StepBoard) {
  const { org_id } = work.job;
  const { environment } = chain;
  let replayed = 0;

  /** The layer of step `to`, whoever builds it. */
  async function shared(to: number, waiter = work): Promise<LeasedLayer> {
    const key = chain.keys[to]!;
    let mine = false;
    const build: Build = (signal) => {
      mine = true;
      return to === 0 ? makeBase(signal) : replay(to, { ...work, signal });
    };
    const layer = await shop.layers.single(org_id, key, work.holder, build, waiter.signal);
    for (let n = to; !mine && n >= 0 && board.outcome(n) === "pending"; n--)
      board.note(n, { outcome: "built", reason: "shared" });
    board.note(to, { kept: true, layer_id: layer.id, bytes: layer.bytes });
    return layer;
  }

  async function makeBase(signal: AbortSignal): Promise<Layer> {
    const began = performance.now();
    work.progress.log(
      "info",
      `Making an empty database of PostgreSQL ${environment.engine.version}`,
    );
    const directory = join(await shop.layers.workspace("base"), "data");
    await shop.instances.makeBase(environment, directory, signal);
    board.note(0, { outcome: "built", duration_ms: performance.now() - began, kept: true });
    return publish(0, null, directory, performance.now() - began, "copy");
  }

  /** Runs what is missing up to `to`, and keeps states on the way where that is worth it. */
  async function replay(to: number, builder: JobWork): Promise<Layer> {
    const keys = chain.keys.slice(0, to + 1);
    const found = await shop.layers.find(org_id, keys, work.holder, { counted: false });
    if (found.layer?.depth === to) return found.layer;
    let from: LeasedLayer | Layer = found.layer ?? (await shared(0, builder));
    const forks = await shop.layers.noteChain(org_id, keys.slice(from.depth));
    const base = from.depth;
    while (from.depth < to) {
      const isFork = (n: number) => forks[n - base] ?? false;
      from = await replayToNextLayer(from, to, isFork, builder);
    }
    return from;
  }

  async function replayToNextLayer(
    from: LeasedLayer | Layer,
    to: number,
    isFork: (n: number) => boolean,
    builder: JobWork,
  ): Promise<Layer> {
    const instance = await startBuilder(from, builder);
    const began = performance.now();
    try {
      for (let n = from.depth + 1; ; n++) {
        await runStep(n, instance, builder);
        const keep = keepHere({
          build_ms_since_kept: performance.now() - began,
          clone_ms: instance.timings.clone_ms,
          is_last: n === to || chain.keep === "all",
          forked: isFork(n),
          checkpoint: chain.keep === "auto" && chain.steps[n - 1]!.checkpoint,
          reflink: instance.timings.clone === "reflink",
        });
        if (!keep || (chain.keep === "tail" && n !== to)) continue;
        builder.progress.begin("publishing", "publishing");
        await instance.stop("clean");
        const { directory, timings } = instance;
        const spent = performance.now() - began + timings.clone_ms + timings.start_ms;
        const layer = await publish(n, from, directory, spent, timings.clone);
        board.note(n, { kept: true, layer_id: layer.id, bytes: layer.bytes });
        if (n < to) builder.progress.begin("building", "preparing");
        return layer;
      }
    } finally {
      await instance.destroy();
    }
  }

  /** Runs the files whose states nobody is to see, in an instance that is stopped when this resolves. */
  async function privately(from: LeasedLayer): Promise<Instance> {
    const instance = await startBuilder(from, work);
    try {
      for (let n = from.depth + 1; n < chain.keys.length; n++) await runStep(n, instance, work);
      await instance.stop("clean");
      return instance;
    } catch (error) {
      await instance.destroy();
      throw error;
    }
  }

  async function startBuilder(from: LeasedLayer | Layer, builder: JobWork): Promise<Instance> {
    const instance = await shop.instances.start({
      from: from.directory,
      key: from.state_key,
      environment,
      purpose: "builder",
      holder: { kind: "job", id: work.job.id },
      signal: builder.signal,
    });
    try {
      if ("assertHeld" in from) await from.assertHeld();
      return instance;
    } catch (error) {
      await instance.destroy();
      throw error;
    }
  }

  async function runStep(n: number, instance: Instance, builder: JobWork): Promise<void> {
    const step = chain.steps[n - 1]!;
    board.note(n, { outcome: "building" });
    try {
      const done = await runScript(shop, builder, instance, step);
      replayed += 1;
      board.note(n, { outcome: "built", ...done });
      const words = `${done.statements} statements in ${Math.round(done.duration_ms)} ms`;
      builder.progress.log("info", words, { path: step.path });
    } catch (error) {
      board.note(n, { outcome: "failed" });
      throw error;
    }
  }

  async function publish(
    n: number,
    parent: Layer | null,
    directory: string,
    build_ms: number,
    clone: Instance["timings"]["clone"],
  ): Promise<Layer> {
    const steps = chain.steps.slice(0, n);
    return shop.layers.publish({
      org_id,
      state_key: chain.keys[n]!,
      parent_key: parent?.state_key ?? null,
      env_key: environment.env_key,
      depth: n,
      directory,
      build_ms,
      engine: environment.engine.version,
      clone,
      volatile: steps.flatMap(({ volatile }) => volatile),
      ttl_s: work.job.snapshot_ttl_s,
      paths: steps.map(({ path }) => path),
      steps: n - (parent?.depth ?? 0),
    });
  }

  return { shared, privately, replayed: () => replayed };
}
