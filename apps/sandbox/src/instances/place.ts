/**
 * What one instance has of the machine besides its processes: a folder, a socket folder, a uid and a control group. It
 * is written down before the first of them is made, so that whoever comes after a crash finds and removes them all.
 */
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chown, mkdtemp, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { systemCode } from "@quern/postmaster/postmaster-error";
import { processStart } from "@quern/postmaster/process-lock";
import { mountsBelow, unmount } from "../clones/overlay.ts";
import type { Cgroup } from "./cgroup.ts";
import type { InstanceLimits } from "./limits.ts";
import type { Machine } from "./machine.ts";

const run = promisify(execFile);

export type Place = {
  id: string;
  /** Holds `data` and, under an overlay, what belongs to it. */
  folder: string;
  data: string;
  socket_dir: string;
  uid: number | null;
  /** Whether nothing else runs as that uid, so that all of its processes may be killed. */
  exclusive: boolean;
  cgroup: Cgroup | null;
  /** Removes everything. Call once nothing runs in it any more. */
  remove(): Promise<void>;
};

/** Kept as `<id>.json`. `sandbox` is the process that made it, by pid and start. */
export type PlaceRecord = {
  id: string;
  sandbox: { pid: number; started: string };
  socket_dir: string;
  uid: number | null;
  cgroup: boolean;
};

export const SOCKET_PREFIX = "quern-sb-";

/** A short one: the whole path of a socket may have 107 bytes. */
export async function makeSocketFolder(): Promise<string> {
  return mkdtemp(join("/tmp", SOCKET_PREFIX));
}

export async function makePlace(machine: Machine, limits: InstanceLimits): Promise<Place> {
  const id = randomUUID();
  const uid = (await machine.uids?.take()) ?? null;
  const socket_dir = await makeSocketFolder();
  const started = await processStart(process.pid);
  const record: PlaceRecord = {
    id,
    sandbox: { pid: process.pid, started: started ?? "" },
    socket_dir,
    uid,
    cgroup: machine.cgroups !== null,
  };
  const recordPath = join(machine.instances_dir, `${id}.json`);
  await writeFile(recordPath, JSON.stringify(record), { mode: 0o600 });
  if (uid !== null) await chown(socket_dir, uid, uid);
  const cgroup = (await machine.cgroups?.make(id, limits)) ?? null;
  const folder = join(machine.instances_dir, id);
  return {
    id,
    folder,
    data: join(folder, "data"),
    socket_dir,
    uid,
    exclusive: uid !== null,
    cgroup,
    async remove() {
      await removePlace(machine, record, cgroup);
      if (uid !== null) machine.uids?.give(uid);
    },
  };
}

/** Also for a place that an earlier process left. What it takes long to delete goes into the trash folder. */
export async function removePlace(
  machine: Machine,
  record: PlaceRecord,
  cgroup: Cgroup | null,
): Promise<void> {
  const folder = join(machine.instances_dir, record.id);
  for (const point of await mountsBelow(folder)) await unmount(point);
  await moveAway(folder, join(machine.trash_dir, record.id));
  await rm(record.socket_dir, { recursive: true, force: true });
  // The kernel lets go of a group a moment after its last process has ended.
  for (let attempt = 0; cgroup !== null && attempt < 100; attempt++) {
    if (await cgroup.remove()) break;
    await sleep(20);
  }
  await rm(join(machine.instances_dir, `${record.id}.json`), { force: true });
}

async function moveAway(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
  }
}

const KILL_MS = 5_000;

/** Kills whatever runs as `uid`, all at once, so that nothing can fork away from it, and waits until it is gone. */
export async function killAllOf(uid: number): Promise<void> {
  const become = [`--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "--"];
  const deadline = Date.now() + KILL_MS;
  for (;;) {
    // The shell itself is killed, or finds nothing to kill: either is a failure to it.
    await run("setpriv", [...become, "/bin/sh", "-c", "kill -KILL -1"]).catch((error) => {
      if (!(error instanceof Error && "signal" in error)) throw error;
    });
    if (!(await runsAs(uid))) return;
    if (Date.now() > deadline) throw new Error(`processes of user ${uid} do not end`);
    await sleep(5);
  }
}

async function runsAs(uid: number): Promise<boolean> {
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      if ((await stat(`/proc/${entry}`)).uid !== uid) continue;
      if ((await processStart(Number(entry))) !== null) return true;
    } catch (error) {
      if (systemCode(error) !== "ENOENT" && systemCode(error) !== "ESRCH") throw error;
    }
  }
  return false;
}
