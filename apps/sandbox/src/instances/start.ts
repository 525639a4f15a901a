/** Opens the instances of one sandbox process. */
import { mkdir } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { dirname } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "@quern/runtime/log";
import { repeat } from "@quern/runtime/loops";
import type { Registry } from "prom-client";
import { SandboxError } from "../sandbox-error.ts";
import { makeBase } from "./base.ts";
import { resolveEnvironment } from "./environment.ts";
import { type MadeInstance, type MakeOptions, makeInstance, type Workshop } from "./instance.ts";
import type { InstanceStart, Instances, InstancesStats, Purpose } from "./instances.ts";
import { observeInstances, openInstanceInstruments } from "./instruments.ts";
import { sweepLeftovers } from "./leftovers.ts";
import type { InstanceLimits } from "./limits.ts";
import { lookAround, type Machine, type MachineOptions } from "./machine.ts";
import { openPool, type Pool } from "./pool.ts";
import { openTrash } from "./trash.ts";
import { watchDisk } from "./watch.ts";

export type InstancesOptions = MachineOptions & {
  /** Of warm instances, over all layers. */
  pool: number;
  /** Whether the machine has more to do than it can: then none is started ahead. */
  busy?: () => boolean;
  /** How often what other processes of the folder left when they were killed is looked for. */
  sweep_ms?: number;
  registry: Registry;
  log: Log;
};

/** Two processes wait for each processor, as an average of the last minute. */
export function isBusy(): boolean {
  return loadavg()[0]! > cpus().length * 2;
}

export async function startInstances(options: InstancesOptions): Promise<Instances> {
  const { limits } = options;
  const shop = await openWorkshop(options);
  const { machine, instruments } = shop;
  const running = openRunning(shop);
  const sweeping = sweepNowAndThen(shop, options);
  const pool = openPool({
    capacity: options.pool,
    busy: options.busy ?? isBusy,
    make: ({ from, environment }, signal) =>
      running.make({ from, environment, purpose: "pool", limits, signal }),
    instruments,
    onError: (error) => options.log.warn({ err: error }, "trouble with the pool of instances"),
  });
  let clone_base_ms: number | null = null;
  let lookAtProxy: () => InstancesStats["proxy"] = () => null;
  observeInstances(options.registry, () => ({
    running: running.counts(),
    pool_ready: pool.state().ready,
    connections: lookAtProxy()?.connections ?? 0,
  }));
  return {
    instruments,
    engines: machine.engines,
    offersSuperuser: machine.no_superuser === null,
    environment: (asked) => resolveEnvironment(asked, machine),
    async makeBase(environment, directory, signal) {
      const begun = performance.now();
      await mkdir(dirname(directory), { recursive: true, mode: 0o700 });
      await makeBase(machine, environment, directory, signal);
      return { duration_ms: performance.now() - begun };
    },
    async start(start) {
      const wanted = { ...limits, ...start.limits };
      const warm = mayBeWarm(machine, start, wanted, limits) ? takeWarm(pool, start, wanted) : null;
      if (warm !== null) {
        instruments.startSeconds.observe({ kind: "warm" }, warm.timings.start_ms / 1000);
        return warm;
      }
      const instance = await running.make({ ...start, limits: wanted });
      clone_base_ms = smooth(clone_base_ms, instance.timings.clone_ms);
      return instance;
    },
    warm: (hint) => pool.hint(hint),
    forget: (key) => pool.forget(key),
    stats: () => ({
      ...describeMachine(machine, clone_base_ms),
      running: running.counts(),
      pool: pool.state(),
      proxy: lookAtProxy(),
    }),
    showProxy(look) {
      lookAtProxy = look;
    },
    async stop() {
      await sweeping.stop();
      running.close();
      await pool.stop();
      await running.destroyAll();
      shop.disk.stop();
      await shop.trash.emptied(EMPTYING_MS);
      await machine.uids?.stop();
    },
  };
}

async function openWorkshop(options: InstancesOptions): Promise<Workshop> {
  const { log } = options;
  const machine = await lookAround(options);
  const onError = (error: unknown) => log.warn({ err: error }, "trouble with instances");
  const shop: Workshop = {
    machine,
    instruments: openInstanceInstruments(options.registry),
    disk: watchDisk(options.folder, onError),
    trash: openTrash(machine.trash_dir, onError),
    sizes: new Map(),
    log: (level, message, details) => log[level](details, message),
  };
  await sweep(shop, log);
  return shop;
}

async function sweep({ machine, trash }: Workshop, log: Log): Promise<void> {
  const { length: count } = await sweepLeftovers(machine);
  if (count > 0) log.info({ count }, "removed instances of a process that is no more");
  trash.empty();
}

const SWEEP_MS = 60_000;
/** Deleting may take long where a disk is slow or busy, and a process is to stop within half a minute. */
const EMPTYING_MS = 5_000;

/** A process that was killed may not come back: whoever shares its folder removes what it left. */
function sweepNowAndThen(shop: Workshop, { log, sweep_ms = SWEEP_MS }: InstancesOptions) {
  const stopping = new AbortController();
  const { signal } = stopping;
  const work = repeat(signal, log, "remove what lost instances left", async () => {
    await sleep(sweep_ms * (0.9 + Math.random() * 0.2), undefined, { signal, ref: false });
    await sweep(shop, log);
  });
  return {
    async stop() {
      stopping.abort();
      await work;
    },
  };
}

/** The instances of this process, from their start to their end. */
function openRunning(shop: Workshop) {
  const running = new Set<MadeInstance>();
  let closed = false;
  return {
    async make(start: MakeOptions): Promise<MadeInstance> {
      const instance = await makeInstance(shop, start);
      if (closed) {
        await instance.destroy();
        throw new SandboxError("aborted", "The sandbox is stopping.");
      }
      running.add(instance);
      instance.exited.then(() => running.delete(instance));
      return instance;
    },
    counts(): Record<Purpose, number> {
      const all = { base: 0, builder: 0, head: 0, person: 0, pool: 0, inspection: 0 };
      for (const { purpose } of running) all[purpose] += 1;
      return all;
    },
    close() {
      closed = true;
    },
    async destroyAll() {
      await Promise.all([...running].map((instance) => instance.destroy()));
    },
  };
}

function takeWarm(pool: Pool, start: InstanceStart, wanted: InstanceLimits): MadeInstance | null {
  const begun = performance.now();
  const warm = pool.take(start);
  if (warm === null) return null;
  warm.assign(start.purpose, wanted.wall_ms);
  const start_ms = performance.now() - begun;
  warm.timings = { ...warm.timings, clone_ms: 0, start_ms, warm: true };
  return warm;
}

function describeMachine(
  { clones, isolation, cgroups }: Machine,
  clone_base_ms: number | null,
): Pick<InstancesStats, "clone" | "isolation"> {
  return {
    clone: {
      backend: clones.reflink ? "reflink" : "copy",
      overlay: clones.overlay,
      clone_base_ms,
      note: clones.note,
    },
    isolation: { ...isolation, cgroup: cgroups?.version ?? null },
  };
}

/**
 * Warm instances have the usual limits; only how long they may run is set when they are taken. The directory of a
 * builder is one job's alone, and gone with it: only layers are kept warm.
 */
function mayBeWarm(
  { instances_dir }: Machine,
  start: InstanceStart,
  wanted: InstanceLimits,
  usual: InstanceLimits,
): boolean {
  const isFor = start.purpose === "head" || (start.purpose === "builder" && start.may_be_warm);
  if (!isFor || start.from.startsWith(`${instances_dir}/`)) return false;
  const names = Object.keys(usual) as (keyof InstanceLimits)[];
  return names.every((name) => name === "wall_ms" || wanted[name] === usual[name]);
}

function smooth(before: number | null, measured: number): number {
  return before === null ? measured : before * 0.8 + measured * 0.2;
}
