/** Deletes folders of the trash one after the other, beside everything else: a data directory has a thousand files. */
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export type Trash = {
  /** Call after something was moved into the folder. */
  empty(): void;
  /** Resolves when the folder is empty. */
  emptied(): Promise<void>;
};

export function openTrash(folder: string, onError: (error: unknown) => void): Trash {
  let work = Promise.resolve();
  let waiting = false;
  const round = async () => {
    waiting = false;
    for (const entry of await readdir(folder)) {
      await run("nice", ["rm", "-rf", "--", join(folder, entry)]);
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
    emptied() {
      empty();
      return work;
    },
  };
}
