/** Deletes folders of the trash one after the other, beside everything else: a data directory has a thousand files. */
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

export type Trash = {
  /** Call after something was moved into the folder. */
  empty(): void;
  /** Resolves when the folder is empty, or after so long: what is left then goes with the next start. */
  emptied(patience_ms: number): Promise<void>;
};

export function openTrash(folder: string, onError: (error: unknown) => void): Trash {
  let work = Promise.resolve();
  let waiting = false;
  let stopped = false;
  const round = async () => {
    waiting = false;
    for (const entry of await readdir(folder)) {
      if (stopped) return;
      // Another process may empty the same folder; what it leaves goes with the next round.
      await run("nice", ["rm", "-rf", "--", join(folder, entry)]).catch(onError);
    }
  };
  const empty = () => {
    // One round to come sees everything that is there when it begins.
    if (waiting) return;
    waiting = true;
    work = work.then(round).catch(onError);
  };
  return {
    empty,
    async emptied(patience_ms) {
      empty();
      const late = new AbortController();
      const { signal } = late;
      await Promise.race([work, sleep(patience_ms, undefined, { signal }).catch(ignoreAbort)]);
      stopped = true;
      late.abort();
    },
  };
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === "AbortError")) throw error;
}
