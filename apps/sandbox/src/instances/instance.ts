/** Makes one instance: a place, a clone in it, a server on that; and takes all of it away again. */
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { type CloneBackend, chooseBackend } from "../clones/backend.ts";
import { bytesBelow, cloneDirectory } from "../clones/clone.ts";
import { SandboxError } from "../sandbox-error.ts";
import type { Ended, EndReason, Instance, Purpose, ResolvedEnvironment } from "./instances.ts";
import type { InstanceInstruments } from "./instruments.ts";
import type { InstanceLimits } from "./limits.ts";
import type { Machine } from "./machine.ts";
import { makePlace, type Place } from "./place.ts";
import { READER } from "./profile.ts";
import { PORT, type Server, startServer } from "./server.ts";
import type { Trash } from "./trash.ts";
import type { DiskWatch } from "./watch.ts";

export type Workshop = {
  machine: Machine;
  disk: DiskWatch;
  trash: Trash;
  instruments: InstanceInstruments;
  /** Bytes of layers by path: they never change. */
  sizes: Map<string, number>;
  log(level: "info" | "warn", message: string, details: Record<string, unknown>): void;
};

export type MakeOptions = {
  from: string;
  environment: ResolvedEnvironment;
  purpose: Purpose;
  limits: InstanceLimits;
  signal?: AbortSignal;
};

/** An instance that can still be given another purpose and another end (the pool does). */
export type MadeInstance = Instance & {
  assign(purpose: Purpose, wall_ms: number | null, id?: string): void;
};

export async function makeInstance(shop: Workshop, options: MakeOptions): Promise<MadeInstance> {
  const { machine, instruments } = shop;
  const { environment, purpose, limits, signal } = options;
  const begun = performance.now();
  const backend = await backendFor(shop, options);
  const place = await makePlace(machine, limits);
  try {
    await cloneDirectory({
      backend,
      from: options.from,
      place: place.folder,
      uid: place.uid,
      setpriv: machine.isolation.setpriv,
      signal,
    });
    const cloned = performance.now();
    const server = await startServer(machine, place, environment, purpose, limits, signal);
    const clone_ms = cloned - begun;
    const start_ms = performance.now() - cloned;
    instruments.cloneSeconds.observe({ backend }, clone_ms / 1000);
    instruments.startSeconds.observe({ kind: "cold" }, (clone_ms + start_ms) / 1000);
    return hold(shop, options, place, server, { clone_ms, start_ms, warm: false, clone: backend });
  } catch (error) {
    await discard(shop, place);
    if (signal?.aborted) throw new SandboxError("aborted", "The start was given up.");
    throw error;
  }
}

async function backendFor(shop: Workshop, { from, purpose }: MakeOptions): Promise<CloneBackend> {
  const { clones, clone_wanted } = shop.machine;
  // A builder's directory is published; a layer of which there is a warm clone may be evicted.
  const stays = purpose !== "builder" && purpose !== "pool";
  const matters = stays && clones.overlay && !clones.reflink && clone_wanted === "auto";
  return chooseBackend(clone_wanted, clones, matters ? await sizeOf(shop, from) : 0, stays);
}

const KNOWN_SIZES = 10_000;

async function sizeOf({ sizes }: Workshop, layer: string): Promise<number> {
  const bytes = sizes.get(layer) ?? (await bytesBelow(layer));
  if (sizes.size >= KNOWN_SIZES) sizes.clear();
  sizes.set(layer, bytes);
  return bytes;
}

function hold(
  shop: Workshop,
  options: MakeOptions,
  place: Place,
  server: Server,
  timings: Instance["timings"],
): MadeInstance {
  const { limits, environment } = options;
  let wall: NodeJS.Timeout | undefined;
  let gone: Promise<void> | undefined;
  const unwatch = shop.disk.add({
    folder: timings.clone === "overlay" ? join(place.folder, "upper") : place.data,
    limit_bytes: limits.disk_bytes,
    over: (used) => end("disk_limit", `its files take ${used} of ${limits.disk_bytes} bytes`),
  });
  const end = (reason: EndReason, detail: string) => {
    server
      .kill(reason, detail)
      .catch((error) => shop.log("warn", "an instance does not end", { id: place.id, err: error }));
  };
  const exited = server.exited.then((ended): Ended => {
    unwatch();
    clearTimeout(wall);
    if (ended.reason !== "stopped" && ended.reason !== "destroyed") {
      shop.instruments.kills.inc({ reason: ended.reason });
      shop.log("warn", "an instance was lost", {
        id: place.id,
        reason: ended.reason,
        detail: ended.detail,
      });
    }
    return ended;
  });
  const instance: MadeInstance = {
    id: place.id,
    purpose: options.purpose,
    directory: place.data,
    socket_dir: place.socket_dir,
    port: PORT,
    database: "project",
    owner: { user: "owner", password: null },
    reader: options.purpose === "inspection" ? { user: READER, password: null } : null,
    environment,
    limits,
    started_at: new Date(),
    timings,
    exited,
    stop: () => server.stopClean(),
    async destroy() {
      // What cannot be removed now is removed by the next process that starts.
      gone ??= server
        .kill("destroyed", "it was given up")
        .then(() => discard(shop, place))
        .catch((error) =>
          shop.log("warn", "an instance left something behind", { id: place.id, err: error }),
        );
      await gone;
    },
    assign(purpose, wall_ms, id) {
      instance.purpose = purpose;
      if (id !== undefined) instance.id = id;
      clearTimeout(wall);
      if (wall_ms === null) return;
      wall = setTimeout(() => end("wall_clock", `it may run for ${wall_ms} ms`), wall_ms).unref();
    },
  };
  instance.assign(options.purpose, limits.wall_ms);
  return instance;
}

async function discard(shop: Workshop, place: Place): Promise<void> {
  await place.remove();
  shop.trash.empty();
}
