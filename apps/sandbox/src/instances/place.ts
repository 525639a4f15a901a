/**
 * What one instance has of the machine besides its processes: a folder, a socket folder, a uid and a control group. It
 * is written down before the first of them is made, so that whoever comes after a crash finds and removes them all.
 */
import { randomUUID } from "node:crypto";
import { chown, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { systemCode } from "@quern/postmaster/postmaster-error";
import { processStart } from "@quern/postmaster/process-lock";
import { mountsBelow, unmount } from "../clones/overlay.ts";
import { SandboxError } from "../sandbox-error.ts";
import type { Cgroup } from "./cgroup.ts";
import type { InstanceLimits } from "./limits.ts";
import type { Machine } from "./machine.ts";

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

/** The name of a record while it is being written, which says by whom. */
const unfinished = (id: string) => `${id}.${process.pid}.part`;
export const UNFINISHED = /\.(\d+)\.part$/;

export const SOCKET_PREFIX = "quern-sb-";

/** A short one: the whole path of a socket may have 107 bytes. */
export async function makeSocketFolder(): Promise<string> {
  return mkdtemp(join("/tmp", SOCKET_PREFIX));
}

/** Throws SandboxError disk_full and no_free_uid, leaving nothing. */
export async function makePlace(machine: Machine, limits: InstanceLimits): Promise<Place> {
  const id = randomUUID();
  const uid = (await machine.uids?.take()) ?? null;
  const record: PlaceRecord = {
    id,
    sandbox: { pid: process.pid, started: (await processStart(process.pid)) ?? "" },
    socket_dir: "",
    uid,
    cgroup: machine.cgroups !== null,
  };
  let cgroup: Cgroup | null = null;
  const remove = async () => {
    await removePlace(machine, record, cgroup);
    if (uid !== null) machine.uids?.give(uid);
  };
  try {
    record.socket_dir = await makeSocketFolder();
    await writeRecord(machine, record);
    if (uid !== null) await chown(record.socket_dir, uid, uid);
    cgroup = (await machine.cgroups?.make(id, limits)) ?? null;
  } catch (error) {
    await remove();
    const isFull = ["ENOSPC", "EDQUOT"].includes(systemCode(error) ?? "");
    if (isFull)
      throw new SandboxError(
        "disk_full",
        "The disk of the sandbox is full. Free some space on it.",
      );
    throw error;
  }
  const { socket_dir } = record;
  const folder = join(machine.instances_dir, id);
  const data = join(folder, "data");
  return { id, folder, data, socket_dir, uid, exclusive: uid !== null, cgroup, remove };
}

/** In one act: who sweeps never reads half of it. */
async function writeRecord({ instances_dir }: Machine, record: PlaceRecord): Promise<void> {
  const aside = join(instances_dir, unfinished(record.id));
  await writeFile(aside, JSON.stringify(record), { mode: 0o600 });
  await rename(aside, join(instances_dir, `${record.id}.json`));
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
  if (record.socket_dir !== "") await rm(record.socket_dir, { recursive: true, force: true });
  // The kernel lets go of a group a moment after its last process has ended.
  for (let attempt = 0; cgroup !== null && attempt < 100; attempt++) {
    if (await cgroup.remove()) break;
    await sleep(20);
  }
  for (const name of [unfinished(record.id), `${record.id}.json`])
    await rm(join(machine.instances_dir, name), { force: true });
}

async function moveAway(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
  }
}
