/** Clones an immutable data directory into a folder of an instance. */
import { execFile } from "node:child_process";
import { chown, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { SandboxError } from "../sandbox-error.ts";
import type { CloneBackend } from "./backend.ts";
import { mountOverlay } from "./overlay.ts";

const run = promisify(execFile);

export type CloneOrder = {
  backend: CloneBackend;
  from: string;
  /** Must not exist yet. */
  place: string;
  /** Whose the clone becomes; null: ourselves. */
  uid: number | null;
  /** util-linux's setpriv is there: what copies dies with this process, and makes nothing that nobody removes. */
  setpriv: boolean;
  signal?: AbortSignal;
};

/**
 * Makes `<place>/data` out of `from`. Throws SandboxError disk_full and instance_failed; the caller removes `place`
 * then.
 */
export async function cloneDirectory(order: CloneOrder): Promise<void> {
  const { backend, from, place, uid, signal } = order;
  await mkdir(place, { mode: 0o700 });
  if (backend === "overlay") {
    const failed = await mountOverlay(from, place);
    if (failed !== null) throw failure(from, failed);
    if (uid !== null) await chownAll(order, join(place, "data"), uid);
    return;
  }
  const data = join(place, "data");
  for (const folder of [data, join(data, "base")]) {
    await mkdir(folder, { mode: 0o700 });
    if (uid !== null) await chown(folder, uid, uid);
  }
  try {
    const copies = await partsOf(from);
    // All of them end before the caller removes what they made.
    const ends = await Promise.allSettled(
      copies.map(({ entries, below }) => {
        const sources = entries.map((entry) => join(from, below, entry));
        const [command, ...args] = copyCommand(order, sources, join(data, below));
        return run(command!, args, { signal, cwd: "/" });
      }),
    );
    const failed = ends.find((end) => end.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  } catch (error) {
    if (signal?.aborted) throw new SandboxError("aborted", "The clone was given up.");
    throw failure(
      from,
      error instanceof Error && "stderr" in error ? String(error.stderr) : String(error),
    );
  }
}

/** What each of the copying processes takes: making files is what costs, and most are in the folders of databases. */
async function partsOf(from: string): Promise<{ entries: string[]; below: string }[]> {
  const top = (await readdir(from)).filter((entry) => entry !== "base");
  const databases = await readdir(join(from, "base"));
  const half = Math.ceil(databases.length / 2);
  return [
    { entries: databases.slice(0, half), below: "base" },
    { entries: databases.slice(half), below: "base" },
    { entries: top, below: "" },
  ].filter(({ entries }) => entries.length > 0);
}

/**
 * `cp`, because one process that copies hundreds of small files in the kernel is quicker than as many round trips
 * through Node's thread pool. It runs as the instance's own user, so that no second pass over the files changes their
 * owner, and with the one capability that lets it read the layer of another user.
 */
function copyCommand(order: CloneOrder, sources: string[], target: string): string[] {
  if (process.platform === "darwin") {
    return ["cp", order.backend === "reflink" ? "-cRp" : "-Rp", ...sources, target];
  }
  const share = order.backend === "reflink" ? "always" : "never";
  const options = ["-r", "--preserve=mode", `--reflink=${share}`, "-t", target];
  const user =
    order.uid === null
      ? []
      : [
          ...[`--reuid=${order.uid}`, `--regid=${order.uid}`, "--clear-groups"],
          ...["--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"],
        ];
  return dyingWithUs(order, ["cp", ...options, "--", ...sources], user);
}

async function chownAll(order: CloneOrder, data: string, uid: number): Promise<void> {
  const [command, ...args] = dyingWithUs(order, ["chown", "-R", "-h", `${uid}:${uid}`, data]);
  await run(command!, args, { signal: order.signal });
}

function dyingWithUs({ setpriv }: CloneOrder, command: string[], as: string[] = []): string[] {
  return setpriv || as.length > 0
    ? ["setpriv", ...as, "--pdeathsig=KILL", "--", ...command]
    : command;
}

function failure(from: string, said: string): SandboxError {
  const line = said.trim().split("\n")[0] ?? "";
  if (/No space left on device|Disk quota exceeded/.test(said)) {
    return new SandboxError(
      "disk_full",
      "The disk of the sandbox is full: a layer could not be cloned. Free some space, or give the cache less.",
    );
  }
  return new SandboxError("instance_failed", `The layer in ${from} could not be cloned: ${line}`);
}

/** Bytes on disk below `folder`. */
export async function bytesBelow(folder: string): Promise<number> {
  const { stdout } = await run("du", ["-sk", "--", folder]);
  return Number.parseInt(stdout, 10) * 1024;
}
