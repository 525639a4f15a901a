/** What runs as a user of the operating system. */
import { execFile } from "node:child_process";
import { readdir, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { systemCode } from "@quern/postmaster/postmaster-error";
import { processStart } from "@quern/postmaster/process-lock";

const run = promisify(execFile);

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

export async function runsAs(uid: number): Promise<boolean> {
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
