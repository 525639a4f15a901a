/**
 * Removes what sandbox processes that were killed left behind: servers, mounts, folders, sockets, groups. Instances are
 * never taken over: whoever used one has lost it with its process.
 */
import { readdir, readFile, readlink, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { systemCode } from "@quern/postmaster/postmaster-error";
import { processStart } from "@quern/postmaster/process-lock";
import { sweepSocketDirs } from "@quern/postmaster/socket-dir";
import { mountsBelow, unmount } from "../clones/overlay.ts";
import type { Machine } from "./machine.ts";
import { type PlaceRecord, removePlace, SOCKET_PREFIX, UNFINISHED } from "./place.ts";

const KILL_MS = 5_000;
const UNFINISHED_MS = 60_000;

/** Gives the ids of what was removed. Safe while other sandbox processes use the same folder. */
export async function sweepLeftovers(machine: Machine): Promise<string[]> {
  const { instances_dir } = machine;
  const swept: string[] = [];
  for (const file of await readdir(instances_dir)) {
    const writer = UNFINISHED.exec(file)?.[1];
    if (writer !== undefined) await removeUnfinished(join(instances_dir, file), Number(writer));
    if (!file.endsWith(".json")) continue;
    const record = await readRecord(join(instances_dir, file));
    if (record === null || (await isAlive(record))) continue;
    const data = join(instances_dir, record.id, "data");
    await killServer(machine, record, data);
    const cgroup = record.cgroup ? (machine.cgroups?.open(record.id) ?? null) : null;
    await removePlace(machine, record, cgroup);
    swept.push(record.id);
  }
  for (const point of await mountsBelow(machine.trash_dir)) await unmount(point);
  // Of bases that were being made, and of folders that somebody deleted.
  await sweepSocketDirs(machine.uids === null ? process.getuid?.() : undefined, SOCKET_PREFIX);
  return swept;
}

async function isAlive({ sandbox }: PlaceRecord): Promise<boolean> {
  return (await processStart(sandbox.pid)) === sandbox.started;
}

/** One that is being written is younger, and its writer lives, or another process has its number by now. */
async function removeUnfinished(path: string, writer: number): Promise<void> {
  const found = await statIfPresent(path);
  if (found === null) return;
  const isOld = Date.now() - found.mtimeMs > UNFINISHED_MS;
  if (isOld || (await processStart(writer)) === null) await rm(path, { force: true });
}

/** Null: gone meanwhile, or cut short by a power loss; then it is removed. */
async function readRecord(path: string): Promise<PlaceRecord | null> {
  try {
    const record: PlaceRecord = JSON.parse(await readFile(path, "utf8"));
    return record;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return null;
    if (!(error instanceof SyntaxError)) throw error;
    await rm(path, { force: true });
    return null;
  }
}

async function killServer(machine: Machine, record: PlaceRecord, data: string): Promise<void> {
  const { uid } = record;
  if (uid !== null) await machine.uids?.clear(uid);
  const deadline = Date.now() + KILL_MS;
  for (;;) {
    const pids = await processesIn(data);
    if (pids.length === 0) return;
    if (Date.now() > deadline) {
      throw new Error(`processes ${pids.join(", ")} of a lost instance do not end`);
    }
    for (const pid of pids) kill(pid);
    await sleep(10);
  }
}

/** PostgreSQL's processes stand in their data directory. */
async function processesIn(data: string): Promise<number[]> {
  if (process.platform !== "linux") return pidOfFile(data);
  const home = await statIfPresent(data);
  if (home === null) return [];
  const found: number[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const at = await statIfPresent(`/proc/${entry}/cwd`);
    if (at === null || at.dev !== home.dev || at.ino !== home.ino) continue;
    if (await isServer(entry)) found.push(Number(entry));
  }
  return found;
}

async function isServer(pid: string): Promise<boolean> {
  try {
    return /\/postgres( \(deleted\))?$/.test(await readlink(`/proc/${pid}/exe`));
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

async function pidOfFile(data: string): Promise<number[]> {
  try {
    const [pid = ""] = (await readFile(join(data, "postmaster.pid"), "utf8")).split("\n");
    const number = Number(pid);
    return (await processStart(number)) === null ? [] : [number];
  } catch (error) {
    if (systemCode(error) === "ENOENT") return [];
    throw error;
  }
}

async function statIfPresent(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

/** Another user's process cannot have been ours. */
function isGone(error: unknown): boolean {
  return ["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(systemCode(error) ?? "");
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (systemCode(error) !== "ESRCH") throw error;
  }
}
