/** One running postmaster in a place: how it is started, what ends it, and that nothing of it is left. */
import { setTimeout as sleep } from "node:timers/promises";
import { systemCode } from "@quern/postmaster/postmaster-error";
import type { Exit } from "@quern/postmaster/spawn";
import { SandboxError } from "../sandbox-error.ts";
import { writeAccessFile } from "./access-file.ts";
import type { Ended, EndReason, Purpose, ResolvedEnvironment } from "./instances.ts";
import { becomesReady, launch, type Postmaster } from "./launch.ts";
import type { InstanceLimits } from "./limits.ts";
import type { Machine } from "./machine.ts";
import type { Place } from "./place.ts";
import { killAllOf } from "./user-processes.ts";

const DISK_FULL = /No space left on device|Disk quota exceeded/;

/** Part of the socket's name only. */
export const PORT = 5432;

/** Recovery is never needed, so this is for a machine that is badly overloaded. */
const START_PATIENCE_MS = 60_000;
const CLEAN_STOP_MS = 60_000;
const QUIT_MS = 3_000;

export type Home = Pick<Place, "data" | "socket_dir" | "uid" | "exclusive" | "cgroup">;

export type Server = {
  pid: number;
  exited: Promise<Ended>;
  /** Shutdown checkpoint included. Throws SandboxError instance_lost when it does not end as it should. */
  stopClean(): Promise<void>;
  /** Ends it at once, for a reason that `exited` then tells, and waits until no process of it is left. */
  kill(reason: EndReason, detail: string): Promise<void>;
};

/** Starts the server of `place` and waits until it takes connections. Throws SandboxError. */
export async function startServer(
  machine: Machine,
  place: Home,
  environment: ResolvedEnvironment,
  purpose: Purpose,
  limits: InstanceLimits,
  signal?: AbortSignal,
): Promise<Server> {
  const engine = machine.packaged.find((one) => one.digest === environment.engine.digest);
  if (engine === undefined) {
    throw new SandboxError(
      "unsupported_engine",
      `PostgreSQL ${environment.engine.version} is not installed here any more.`,
    );
  }
  const postmaster = await launch({
    postgres: engine.binaries.postgres,
    data: place.data,
    uid: place.uid,
    isolation: machine.isolation,
    cgroup_folders: place.cgroup?.folders ?? [],
    process_limits:
      place.cgroup === null && purpose !== "base"
        ? { data_bytes: limits.memory_bytes, processes: limits.processes }
        : null,
    settings: await serverSettings(place.socket_dir, purpose, limits),
  });
  const ending = watchEnd(postmaster, place, environment.superuser);
  if (await becomesReady(postmaster, place.data, START_PATIENCE_MS, signal)) {
    return {
      pid: postmaster.pid,
      exited: ending.exited,
      stopClean: () => stopClean(postmaster, ending.exited),
      kill: ending.kill,
    };
  }
  await ending.kill("destroyed", "it did not start");
  if (signal?.aborted) throw new SandboxError("aborted", "The start was given up.");
  throw startError(postmaster.lines);
}

/** What belongs to this machine and this instance, and so is on the command line, where no SQL changes it. */
async function serverSettings(socketDir: string, purpose: Purpose, limits: InstanceLimits) {
  return {
    listen_addresses: "",
    unix_socket_directories: socketDir,
    port: String(PORT),
    hba_file: await writeAccessFile(socketDir, purpose),
    max_connections: String(limits.connections),
    temp_file_limit: `${Math.max(1, Math.round(limits.temp_bytes / 1024))}kB`,
    ...(limits.statement_timeout_ms !== null && {
      statement_timeout: String(limits.statement_timeout_ms),
    }),
  };
}

function watchEnd(postmaster: Postmaster, place: Home, runsPrograms: boolean) {
  const killRest = async () => {
    if (place.uid !== null && place.exclusive) await killAllOf(place.uid);
  };
  let asked: { reason: EndReason; detail: string } | null = null;
  const exited = postmaster.exited.then(async (exit): Promise<Ended> => {
    // A postmaster that was killed leaves backends, which end only when they look; a superuser leaves programs.
    if (exit.code !== 0 || runsPrograms) await killRest();
    const outOfMemory = (await place.cgroup?.ranOutOfMemory()) ?? false;
    const why =
      asked ??
      (outOfMemory
        ? { reason: "memory_limit" as const, detail: "it needed more memory than it may have" }
        : describeEnd(exit, postmaster.lines));
    return { ...why, log: postmaster.lines };
  });
  return {
    exited,
    async kill(reason: EndReason, detail: string) {
      asked ??= { reason, detail };
      send(postmaster, "SIGQUIT");
      if (await endsWithin(exited, QUIT_MS)) return;
      await killRest();
      send(postmaster, "SIGKILL");
      await exited;
    },
  };
}

async function stopClean(postmaster: Postmaster, exited: Promise<Ended>): Promise<void> {
  send(postmaster, "SIGINT");
  if (!(await endsWithin(exited, CLEAN_STOP_MS))) {
    throw new SandboxError("instance_lost", "The server did not stop within a minute.");
  }
  const { reason, detail } = await exited;
  if (reason !== "stopped") {
    throw new SandboxError("instance_lost", `The server did not stop cleanly: ${detail}.`);
  }
}

function send(postmaster: Postmaster, signal: NodeJS.Signals): void {
  try {
    postmaster.child.kill(signal);
  } catch (error) {
    if (systemCode(error) !== "ESRCH") throw error;
  }
}

/** A server that cannot write its log to a full disk crashes. */
function describeEnd(exit: Exit, lines: readonly string[]): Omit<Ended, "log"> {
  if (exit.code === 0) return { reason: "stopped", detail: "it was stopped" };
  if (lines.some((line) => DISK_FULL.test(line)))
    return { reason: "disk_limit", detail: "the disk of the sandbox is full" };
  return { reason: "crashed", detail: describeExit(exit) };
}

function describeExit({ code, signal }: Exit): string {
  return signal === null
    ? `the server ended with status ${code}`
    : `the server was ended by ${signal}`;
}

async function endsWithin(exited: Promise<unknown>, ms: number): Promise<boolean> {
  const timer = new AbortController();
  const late = sleep(ms, false, { signal: timer.signal }).catch(() => false);
  const ended = await Promise.race([exited.then(() => true), late]);
  timer.abort();
  return ended;
}

function startError(lines: string[]): SandboxError {
  const said = lines.slice(-6).join("\n");
  if (DISK_FULL.test(said)) {
    return new SandboxError("disk_full", "The disk of the sandbox is full. Free some space on it.");
  }
  return new SandboxError("instance_failed", `PostgreSQL did not start in a sandbox:\n${said}`);
}
