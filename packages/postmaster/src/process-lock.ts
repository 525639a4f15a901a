/**
 * A lock that its holder's death releases: a file naming a process by pid and start time, so that
 * neither a crash nor a reused pid leaves it held.
 */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { systemCode } from "./postmaster-error.ts";

const run = promisify(execFile);

export type LockHolder = { pid: number; started: string };

export class LockHeldError extends Error {
  override name = "LockHeldError";
  readonly holder: LockHolder;

  constructor(path: string, holder: LockHolder) {
    super(`${path} is held by process ${holder.pid}`);
    this.holder = holder;
  }
}

export type ProcessLock = { release(): Promise<void> };

/**
 * Takes the lock for this process. Throws LockHeldError while another living process, or this one,
 * holds it.
 */
export async function acquireLock(path: string): Promise<ProcessLock> {
  const started = await processStart(process.pid);
  if (started === null) throw new Error("this process cannot find itself in the process table");
  const own = JSON.stringify({ pid: process.pid, started });
  const aside = `${path}.${randomBytes(6).toString("hex")}`;
  await writeFile(aside, own, { mode: 0o600 });
  try {
    while (!(await linkIfAbsent(aside, path))) await breakStaleLock(path);
  } finally {
    await rm(aside, { force: true });
  }
  return {
    async release() {
      if ((await readIfPresent(path)) === own) await rm(path, { force: true });
    },
  };
}

/**
 * When a process began, as an opaque string that differs when its pid is used again or the machine
 * restarts; null when no such process lives (a zombie does not).
 */
export async function processStart(pid: number): Promise<string | null> {
  if (process.platform === "linux") {
    const stat = await readIfPresent(`/proc/${pid}/stat`);
    if (stat === null) return null;
    // The command name is in brackets and may hold anything, so fields are counted after the last one.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return null;
    const boot = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
    return `${boot}/${fields[19]}`;
  }
  try {
    const { stdout } = await run("ps", ["-o", "lstart=", "-p", String(pid)]);
    return stdout.trim() || null;
  } catch (error) {
    // ps exits with 1 when there is no such process.
    if (error instanceof Error && "code" in error && error.code === 1) return null;
    throw error;
  }
}

async function linkIfAbsent(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw error;
  }
}

async function breakStaleLock(path: string): Promise<void> {
  const text = await readIfPresent(path);
  if (text === null) return;
  const holder = parseHolder(text);
  if (holder !== null && (await processStart(holder.pid)) === holder.started) {
    throw new LockHeldError(path, holder);
  }
  // Renamed, not removed: of two processes that find the same stale lock only one can move it, and
  // whoever moved a fresh lock by mistake sees that and puts it back.
  const moved = `${path}.stale-${randomBytes(6).toString("hex")}`;
  try {
    await rename(path, moved);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return;
    throw error;
  }
  if ((await readIfPresent(moved)) !== text) await linkIfAbsent(moved, path);
  await rm(moved, { force: true });
}

function parseHolder(text: string): LockHolder | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return null;
    if (!("pid" in value) || !("started" in value)) return null;
    const { pid, started } = value;
    return typeof pid === "number" && typeof started === "string" ? { pid, started } : null;
  } catch (error) {
    // A lock file cut short by a power loss names nobody.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

async function readIfPresent(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const code = systemCode(error);
    // ESRCH: the process went away between opening and reading its /proc entry.
    if (code === "ENOENT" || code === "ESRCH") return null;
    throw error;
  }
}
