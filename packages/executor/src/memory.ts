/** Memory of processes as Linux tells it; elsewhere only what Node knows of itself. */
import { readFileSync, writeFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";

/** Starts the peak of this process anew, so that each run has its own. */
export function resetPeakRss(): void {
  try {
    writeFileSync("/proc/self/clear_refs", "5");
  } catch (error) {
    // Not Linux, or a container that forbids it: the peak is then that of the whole process.
    if (!hasCode(error, ["ENOENT", "EACCES", "EPERM", "EROFS"])) throw error;
  }
}

/** Bytes. */
export function readPeakRss(): number {
  try {
    const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    if (peak !== undefined) return Number(peak) * 1024;
  } catch (error) {
    if (!hasCode(error, ["ENOENT", "EACCES"])) throw error;
  }
  return process.resourceUsage().maxRSS * 1024;
}

const PAGE_BYTES = 4096;

/** Resident bytes of a process; null when that is not to be known, or it is gone. */
export async function readRss(pid: number): Promise<number | null> {
  try {
    const pages = (await readFile(`/proc/${pid}/statm`, "utf8")).split(" ")[1];
    return Number(pages) * PAGE_BYTES;
  } catch (error) {
    if (hasCode(error, ["ENOENT", "EACCES", "ESRCH"])) return null;
    throw error;
  }
}

/** If memory runs out, the system is to kill executors first. */
export async function offerToOomKiller(pid: number): Promise<void> {
  try {
    await writeFile(`/proc/${pid}/oom_score_adj`, "1000");
  } catch (error) {
    if (!hasCode(error, ["ENOENT", "EACCES", "EPERM", "EROFS", "ESRCH"])) throw error;
  }
}

function hasCode(error: unknown, codes: string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
