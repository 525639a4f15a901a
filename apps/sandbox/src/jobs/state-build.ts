/** Runs the files of a chain that no layer has, and keeps the states that are worth it. */
import { join } from "node:path";
import type { Instance } from "../instances/instances.ts";
import { keepHere } from "../layers/keep-here.ts";
import type { Build, Layer, LeasedLayer } from "../layers/layer-store.ts";
import type { Chain } from "../planner/plan.ts";
import { JobFailure } from "./job-failure.ts";
import type { JobShop, JobWork } from "./job-work.ts";
import { runScript } from "./script-step.ts";
import type { StepBoard } from "./step-board.ts";

export type StateBuild = ReturnType<typeof openStateBuild>;

/** An instance in which files were run one after the other since `from`. */
export type Replayed = { instance: Instance; from: Layer; spent_ms: number };

export function openStateBuild(shop: JobShop, work: JobWork, chain: Chain, board: StepBoard) {
  const { org_id } = work.job;
  const { environment } = chain;
  const published: Layer[] = [];
  let replayed = 0;

  const usual = (to: number): Build => {
    return (signal) => (to === 0 ? makeBase(signal) : replay(to, { ...work, signal }));
  };

  /** The layer of step `to`, whoever builds it; by `make` when it is this job's turn. */
  async function shared(to: number, waiter = work, make = usual(to)): Promise<LeasedLayer> {
    let mine = false;
    const build: Build = (signal, others) => {
      mine = true;
      return make(signal, others);
    };
    const layer = await shop.layers.single(
      ...([org_id, chain.keys[to]!, work.holder, build, waiter.signal] as const),
    );
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
  async function replay(to: number, builder = work): Promise<Layer> {
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
        const spent_ms = performance.now() - began;
        const keep = keepHere({
          build_ms_since_kept: spent_ms,
          clone_ms: instance.timings.clone_ms,
          is_last: n === to || chain.keep === "all",
          forked: isFork(n),
          checkpoint: chain.keep === "auto" && chain.steps[n - 1]!.checkpoint,
          reflink: instance.timings.clone === "reflink",
        });
        if (!keep || (chain.keep === "tail" && n !== to)) continue;
        const layer = await keepState(n, { instance, from, spent_ms }, builder);
        if (n < to) builder.progress.begin("building", "preparing");
        return layer;
      }
    } finally {
      await instance.destroy();
    }
  }

  /**
   * Runs what is missing up to `to` in one instance, which goes on running. After `patience_ms` the state reached is kept and the rest
   * is done as ever: what takes long is not to be done twice.
   */
  async function replayInOne(
    from: LeasedLayer,
    to: number,
    patience_ms: number,
    builder: JobWork,
  ): Promise<Replayed | Layer> {
    const instance = await startBuilder(from, builder, true);
    const began = performance.now();
    try {
      for (let n = from.depth + 1; n <= to; n++) {
        await runStep(n, instance, builder);
        const spent_ms = performance.now() - began;
        if (spent_ms < patience_ms) continue;
        const layer = await keepAtOnce(n, { instance, from, spent_ms }, builder);
        if (n === to) return layer;
        builder.progress.begin("building", "preparing");
        return await replay(to, builder);
      }
      return { instance, from, spent_ms: performance.now() - began };
    } catch (error) {
      await instance.destroy();
      if (!instance.timings.warm || !isInstanceLost(error)) throw error;
      builder.log.warn({ err: error }, "an instance that was started ahead is gone: starting anew");
      return replay(to, builder);
    }
  }

  /** Stops the instance that has state `n`, and makes a layer of it. */
  async function keepState(
    n: number,
    { instance, from, spent_ms }: Replayed,
    builder: JobWork,
  ): Promise<Layer> {
    builder.progress.begin("publishing", "publishing");
    await instance.stop("clean");
    const { directory, timings } = instance;
    const spent = spent_ms + timings.clone_ms + timings.start_ms;
    const layer = await publish(n, from, directory, spent, timings.clone);
    board.note(n, { kept: true, layer_id: layer.id, bytes: layer.bytes });
    return layer;
  }

  /** The same, and nothing of the instance is left. */
  async function keepAtOnce(n: number, replayed: Replayed, builder: JobWork): Promise<Layer> {
    try {
      return await keepState(n, replayed, builder);
    } finally {
      await replayed.instance.destroy();
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

  async function startBuilder(
    from: LeasedLayer | Layer,
    builder: JobWork,
    may_be_warm = false,
  ): Promise<Instance> {
    const instance = await shop.instances.start({
      from: from.directory,
      key: from.state_key,
      environment,
      purpose: "builder",
      may_be_warm,
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
      // Whoever cancels a job is not told that its file is wrong.
      board.note(n, { outcome: builder.signal.aborted ? "skipped" : "failed" });
      // The job ends before the next write is due.
      await board.flush();
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
    const layer = await shop.layers.publish({
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
    published.push(layer);
    return layer;
  }

  return {
    ...{ shared, replay, replayInOne, keepAtOnce, privately },
    /** Layers that were made, in the order of the chain. */
    published: () => published,
    /** How many files were run. */
    replayed: () => replayed,
  };
}

function isInstanceLost(error: unknown): boolean {
  return error instanceof JobFailure && error.facts.code === "instance_lost";
}
