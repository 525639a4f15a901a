/**
 * A server that outlived its supervisor (killed -9 where no pdeathsig exists), or whose postmaster
 * was killed while its backends still write. Both must be gone before the data directory is opened
 * again. A server is ours when its working directory is the data directory: PostgreSQL changes into it.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile, readlink, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { PostmasterError, systemCode } from "./postmaster-error.ts";

const run = promisify(execFile);

const PATIENCE: { signal: NodeJS.Signals; seconds: number }[] = [
  { signal: "SIGINT", seconds: 30 },
  { signal: "SIGQUIT", seconds: 10 },
  { signal: "SIGKILL", seconds: 10 },
];

/** Stops every process of a server that runs in `dataDir`, and removes a pid file that names none. */
export async function stopLeftover(dataDir: string, onLine: (line: string) => void): Promise<void> {
  if (!existsSync(dataDir)) return;
  for (const { signal, seconds } of PATIENCE) {
    const left = await serverProcesses(dataDir);
    if (left.length === 0) break;
    onLine(`stopping a PostgreSQL left over from a crash (process ${left.join(", ")}): ${signal}`);
    for (const pid of left) kill(pid, signal);
    await waitUntilGone(dataDir, seconds);
  }
  const left = await serverProcesses(dataDir);
  if (left.length > 0) {
    throw new PostmasterError(
      "data_dir_in_use",
      `A PostgreSQL still runs in ${dataDir} (process ${left.join(", ")}) and does not stop. ` +
        "End it by hand and start again.",
    );
  }
  // The pid in it may belong to an unrelated process by now (pids start over with every container),
  // and PostgreSQL would refuse to start because of that one.
  await rm(join(dataDir, "postmaster.pid"), { force: true });
}

async function waitUntilGone(dataDir: string, seconds: number): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (Date.now() < deadline && (await serverProcesses(dataDir)).length > 0) await sleep(20);
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (systemCode(error) !== "ESRCH") throw error;
  }
}

/** The living processes of a server in `dataDir`: the postmaster and its orphaned backends. */
async function serverProcesses(dataDir: string): Promise<number[]> {
  if (process.platform !== "linux") return postmasterByPidFile(dataDir);
  const home = await stat(dataDir);
  const found: number[] = [];
  for (const entry of await readdir("/proc")) {
    const pid = Number(entry);
    if (Number.isInteger(pid) && (await isServerIn(pid, home))) found.push(pid);
  }
  return found;
}

async function isServerIn(pid: number, home: { dev: number; ino: number }): Promise<boolean> {
  try {
    const at = await stat(`/proc/${pid}/cwd`);
    if (at.dev !== home.dev || at.ino !== home.ino) return false;
    // A shell that happens to stand in the data directory is no server. Binaries that npm has
    // replaced meanwhile are marked "(deleted)".
    return /\/postgres( \(deleted\))?$/.test(await readlink(`/proc/${pid}/exe`));
  } catch (error) {
    const code = systemCode(error);
    // Gone meanwhile, or another user's process, which cannot have opened our data directory.
    if (code === "ENOENT" || code === "ESRCH" || code === "EACCES" || code === "EPERM") {
      return false;
    }
    throw error;
  }
}

async function postmasterByPidFile(dataDir: string): Promise<number[]> {
  let text: string;
  try {
    text = await readFile(join(dataDir, "postmaster.pid"), "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return [];
    throw error;
  }
  const [pid = "", directory] = text.split("\n");
  if (directory !== dataDir || !/^\d+$/.test(pid)) return [];
  try {
    const { stdout } = await run("ps", ["-o", "comm=", "-p", pid]);
    return stdout.trim().endsWith("postgres") ? [Number(pid)] : [];
  } catch (error) {
    // ps exits with 1 when there is no such process.
    if (error instanceof Error && "code" in error && error.code === 1) return [];
    throw error;
  }
}
