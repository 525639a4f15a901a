/**
 * Starts the postmaster of one instance: in its control group, network and IPC namespaces, as its own user without any
 * capability, and bound to die with this process. The server reaches its data directory by descriptor 3, because the
 * folders above it are closed to every user but ours.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { systemCode } from "@quern/postmaster/postmaster-error";
import type { Exit } from "@quern/postmaster/spawn";

/** How instances are kept apart on this machine. */
export type Isolation = {
  /** A uid for each (root on Linux). */
  uids: boolean;
  /** `unshare --net --ipc` works. */
  network: boolean;
  /** util-linux's setpriv is there: the server dies with this process. */
  setpriv: boolean;
  notes: string[];
};

export type Launch = {
  postgres: string;
  data: string;
  /** Null: as ourselves. */
  uid: number | null;
  isolation: Isolation;
  cgroup_folders: string[];
  /** Limits of each process, for want of a group. */
  process_limits: { data_bytes: number; processes: number } | null;
  settings: Record<string, string>;
};

export type Postmaster = {
  pid: number;
  child: ChildProcess;
  exited: Promise<Exit>;
  /** The last lines it wrote. */
  lines: string[];
};

const KEPT_LINES = 40;
/** Rather an instance than anything else when the machine runs out of memory. */
const OOM_SCORE = 800;

/** `$1` to `--` are groups to join; what follows is executed. Core files would hold users' data. */
const JOIN_AND_RUN = `
while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs" || exit 71; shift; done
shift
echo ${OOM_SCORE} > /proc/self/oom_score_adj
ulimit -c 0
exec "$@"`;

export async function launch(options: Launch): Promise<Postmaster> {
  const linux = process.platform === "linux";
  const handle = linux
    ? await open(options.data, constants.O_RDONLY | constants.O_DIRECTORY)
    : null;
  const lines: string[] = [];
  try {
    const { command, args } = commandOf(options, linux ? "/proc/self/fd/3" : options.data);
    const child = spawn(command, args, {
      cwd: "/",
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
      // A process group of its own: Ctrl-C must not reach it before us.
      detached: true,
      stdio: ["ignore", "ignore", "pipe", handle?.fd ?? "ignore"],
    });
    const exited = new Promise<Exit>((resolve) => {
      child.once("error", (error) => {
        lines.push(error.message);
        resolve({ code: null, signal: null });
      });
      child.once("exit", (code, signal) => resolve({ code, signal }));
    });
    createInterface({ input: child.stderr! }).on("line", (line) => {
      lines.push(line.slice(0, 500));
      if (lines.length > KEPT_LINES) lines.shift();
    });
    return { pid: child.pid ?? 0, child, exited, lines };
  } finally {
    await handle?.close();
  }
}

function commandOf(options: Launch, data: string): { command: string; args: string[] } {
  const { uid, isolation, cgroup_folders, process_limits, settings } = options;
  const server = [
    options.postgres,
    "-D",
    data,
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];
  if (process.platform !== "linux") return { command: server[0]!, args: server.slice(1) };
  const apart = uid !== null && isolation.network ? ["unshare", "--net", "--ipc", "--"] : [];
  const bounded =
    process_limits !== null && isolation.setpriv
      ? [
          "prlimit",
          `--data=${process_limits.data_bytes}`,
          // Counted over all processes of a user, so only where each instance has one of its own.
          ...(uid === null ? [] : [`--nproc=${process_limits.processes}`]),
          "--",
        ]
      : [];
  const user =
    uid === null
      ? []
      : [
          `--reuid=${uid}`,
          `--regid=${uid}`,
          "--clear-groups",
          "--inh-caps=-all",
          "--bounding-set=-all",
        ];
  const privileges = isolation.setpriv
    ? ["setpriv", ...user, "--no-new-privs", "--pdeathsig=QUIT", "--"]
    : [];
  return {
    command: "/bin/sh",
    args: [
      ...["-c", JOIN_AND_RUN, "sh", ...cgroup_folders, "--"],
      ...bounded,
      ...apart,
      ...privileges,
      ...server,
    ],
  };
}

/**
 * Waits for the status `ready` in line 8 of the pid file, as pg_ctl does. False when the server ended instead, or did
 * not become ready in time.
 */
export async function becomesReady(
  postmaster: Postmaster,
  data: string,
  patience_ms: number,
  signal?: AbortSignal,
): Promise<boolean> {
  let ended = false;
  const end = postmaster.exited.then(() => {
    ended = true;
  });
  const deadline = Date.now() + patience_ms;
  const path = join(data, "postmaster.pid");
  while (!ended && !signal?.aborted && Date.now() < deadline) {
    const lines = (await readPidFile(path)).split("\n");
    if (lines[7]?.trim() === "ready") return true;
    await Promise.race([end, sleep(2)]);
  }
  return false;
}

async function readPidFile(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return "";
    throw error;
  }
}
