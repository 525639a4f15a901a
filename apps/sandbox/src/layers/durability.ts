/**
 * Servers of layers run with fsync off: their files are on the disk some time after they were published. Until that is
 * known, a layer is trusted only by the boot of the machine that wrote it.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { noteDurable, unsyncedLayers } from "@quern/store/layer-evictions";
import type { Shop } from "./shop.ts";

const run = promisify(execFile);
/** Writes a file system to its disk; rejects when the signal says that nobody waits for it any more. */
export type Sync = (path: string, signal: AbortSignal) => Promise<void>;

/** Writes the whole file system of the store to the disk, and notes for which layers that is known now. */
export async function makeDurable(
  shop: Shop,
  sync: Sync = syncFileSystem,
  signal: AbortSignal = new AbortController().signal,
): Promise<number> {
  const { db, folder } = shop;
  const waiting = await unsyncedLayers(db, folder.store_id);
  if (waiting.length === 0) return 0;
  await sync(folder.path, signal);
  await noteDurable(db, folder.store_id, waiting);
  return waiting.length;
}

/** syncfs(2), which Node does not have, by the program of coreutils. It may go on after it was given up. */
async function syncFileSystem(path: string, signal: AbortSignal): Promise<void> {
  await run("sync", process.platform === "linux" ? ["-f", path] : [], { signal });
}
