/**
 * Ends instances whose directory outgrows its limit. Looking at a thousand files costs, so they are looked at only when
 * the file system lost space since, and otherwise now and then: others may free what one takes.
 */
import { execFile } from "node:child_process";
import { statfs } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

export type Watched = {
  /** What counts: the data directory, or what an overlay holds above its layer. */
  folder: string;
  limit_bytes: number;
  over(bytes: number): void;
};

export type DiskWatch = {
  add(watched: Watched): () => void;
  stop(): void;
};

const TICK_MS = 500;
/** Every so many ticks in any case. */
const LEAST_EVERY = 10;
const LOST_BYTES = 32 * 1024 * 1024;

export function watchDisk(folder: string, onError: (error: unknown) => void): DiskWatch {
  const all = new Set<Watched>();
  let timer: NodeJS.Timeout | undefined;
  let free = Number.POSITIVE_INFINITY;
  let ticks = 0;
  let looking = false;
  const look = async () => {
    const { bavail, bsize } = await statfs(folder);
    const now = bavail * bsize;
    ticks += 1;
    if (free - now < LOST_BYTES && ticks % LEAST_EVERY !== 0) {
      free = Math.max(free === Number.POSITIVE_INFINITY ? 0 : free, now);
      return;
    }
    free = now;
    const watched = [...all];
    const bytes = await measure(watched.map((one) => one.folder));
    for (const one of watched) {
      const used = bytes.get(one.folder) ?? 0;
      if (used > one.limit_bytes && all.delete(one)) one.over(used);
    }
  };
  const tick = () => {
    if (looking) return;
    looking = true;
    look()
      .catch(onError)
      .finally(() => {
        looking = false;
      });
  };
  return {
    add(watched) {
      all.add(watched);
      timer ??= setInterval(tick, TICK_MS).unref();
      return () => {
        all.delete(watched);
        if (all.size > 0 || timer === undefined) return;
        clearInterval(timer);
        timer = undefined;
      };
    },
    stop() {
      all.clear();
      clearInterval(timer);
    },
  };
}

/** Bytes on disk by folder. Files that vanish meanwhile make du complain, not fail. */
async function measure(folders: string[]): Promise<Map<string, number>> {
  if (folders.length === 0) return new Map();
  const said = await run("du", ["-sk", "--", ...folders]).catch((error) => {
    if (error instanceof Error && "stdout" in error && "code" in error) return error;
    throw error;
  });
  const bytes = new Map<string, number>();
  for (const line of String(said.stdout).split("\n")) {
    const [, kilobytes, folder] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    if (folder !== undefined) bytes.set(folder, Number(kilobytes) * 1024);
  }
  return bytes;
}
