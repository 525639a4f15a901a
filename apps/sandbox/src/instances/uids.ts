/**
 * Operating-system users that exist as numbers only, one for each instance, so that no instance can read another's
 * files, signal its processes or connect to its socket. A lock file per number keeps processes that share a machine
 * apart; a number once locked is kept until this process ends.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { acquireLock, LockHeldError, type ProcessLock } from "@quern/postmaster/process-lock";
import { SandboxError } from "../sandbox-error.ts";
import { killAllOf, runsAs } from "./user-processes.ts";

export type Uids = {
  /** A number that nothing else runs as. Throws SandboxError no_free_uid. */
  take(): Promise<number>;
  give(uid: number): void;
  /** Ends what a process that is no more left running as the number. Nothing where somebody has it: `take` did so then. */
  clear(uid: number): Promise<void>;
  stop(): Promise<void>;
};

/** Both included. */
export function uidRange(text: string): { first: number; last: number } {
  const [first, last] = text.split("-").map(Number);
  return { first: first!, last: last! };
}

/** From `first` to `last`, both included. `folder` is the same for all processes of the machine. */
export function openUids(first: number, last: number, folder: string): Uids {
  const locks = new Map<number, ProcessLock>();
  // The one freed longest ago first: the kernel may still be tearing down what ran as the others.
  const free: number[] = [];
  let next = first;
  return {
    async take() {
      const known = free.shift();
      if (known !== undefined) return known;
      await mkdir(folder, { recursive: true, mode: 0o700 });
      while (next <= last) {
        const uid = next++;
        const lock = await tryLock(join(folder, String(uid)));
        if (lock === null) continue;
        locks.set(uid, lock);
        if (await runsAs(uid)) await killAllOf(uid);
        return uid;
      }
      throw new SandboxError(
        "no_free_uid",
        `All ${last - first + 1} user numbers of QUERN_SANDBOX_UIDS are taken by instances. End some, or widen the range.`,
      );
    },
    give: (uid) => {
      free.push(uid);
    },
    async clear(uid) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      // Held meanwhile, so that nobody's new server is taken for one that was left behind.
      const lock = await tryLock(join(folder, String(uid)));
      if (lock === null) return;
      try {
        await killAllOf(uid);
      } finally {
        await lock.release();
      }
    },
    async stop() {
      for (const lock of locks.values()) await lock.release();
      locks.clear();
    },
  };
}

async function tryLock(path: string): Promise<ProcessLock | null> {
  try {
    return await acquireLock(path);
  } catch (error) {
    if (error instanceof LockHeldError) return null;
    throw error;
  }
}
