import { setTimeout as delay } from "node:timers/promises";
import { CliError, systemCode } from "../faults.ts";
import { listFiles } from "./collect.ts";

const LOOK_MS = 300;

/**
 * Yields at once, and again whenever a file of the folder changed, came or went, until the signal. It looks by itself: the
 * system's notices miss network folders, and whole trees on Linux.
 */
export async function* watchFolder(folder: string, signal: AbortSignal): AsyncGenerator<void> {
  let seen = await contentOf(folder);
  yield;
  while (!signal.aborted) {
    await delay(LOOK_MS, undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    if (signal.aborted) return;
    const content = await contentOf(folder);
    if (content === seen) continue;
    seen = content;
    yield;
  }
}

async function contentOf(folder: string): Promise<string> {
  try {
    const files = await listFiles(folder);
    return files.map(({ path, size, changed_ms }) => `${path}\0${size}\0${changed_ms}`).join("\n");
  } catch (error) {
    // An editor that saves by renaming leaves a moment without the file; whatever else is wrong, the run will say.
    if (error instanceof CliError || systemCode(error) === "ENOENT") return "";
    throw error;
  }
}
