/** Parts in a directory. */
import {
  constants,
  copyFile,
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  stat,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { checkKey, PartMissingError, PartStoreError, type StoredPrefix } from "./part-keys.ts";
import type { PartSource } from "./read/source.ts";

export type FileStore = { kind: "file"; directory: string };

/**
 * Moves the file at `from` under `key` (`run/attempt/s0-p0.parquet`), from another file system too: visible only when
 * it is whole and on the disk. Throws PartStoreError; `from` is then still there.
 */
export async function putFile(store: FileStore, key: string, from: string): Promise<void> {
  const path = pathOf(store, key);
  try {
    const directory = dirname(path);
    const made = await mkdir(directory, { recursive: true, mode: 0o700 });
    await syncFile(from);
    await moveWhole(from, path);
    await syncFile(directory);
    if (made !== undefined) await syncNew(directory, dirname(made));
  } catch (error) {
    throw storeError(`could not keep ${key}`, error);
  }
}

/**
 * Opens a part for reading ranges; `close` it. Throws PartMissingError when it is not there, PartStoreError when it
 * cannot be read.
 */
export async function openFilePart(store: FileStore, key: string): Promise<PartSource> {
  const { file, size } = await openFile(pathOf(store, key)).catch((error: unknown) => {
    if (isCode(error, "ENOENT")) throw new PartMissingError(`${key} is not in the result store`);
    throw storeError(`could not open ${key}`, error);
  });
  return {
    id: key,
    byteLength: size,
    async slice(start, end = size) {
      const buffer = new Uint8Array(Math.max(0, Math.min(end, size) - start));
      await fill(file, buffer, start).catch((error: unknown) => {
        throw storeError(`could not read ${key}`, error);
      });
      return buffer.buffer;
    },
    close: () => file.close(),
  };
}

/** A name of its own for the part's bytes, which a deletion meanwhile does not take away; a copy on another file system. */
export async function linkFile(store: FileStore, key: string, to: string): Promise<void> {
  const path = pathOf(store, key);
  await link(path, to)
    .catch((error: unknown) => {
      // Another file system, or one without links.
      if (!["EXDEV", "EPERM", "EMLINK", "ENOTSUP"].some((code) => isCode(error, code))) throw error;
      return copyFile(path, to, constants.COPYFILE_FICLONE);
    })
    .catch((error: unknown) => {
      if (isCode(error, "ENOENT")) throw new PartMissingError(`${key} is not in the result store`);
      throw storeError(`could not read ${key}`, error);
    });
}

/** Whether the part is there. */
export async function hasFile(store: FileStore, key: string): Promise<boolean> {
  return (await orWhenMissing(null, stat(pathOf(store, key)))) !== null;
}

/** Deletes everything under a key, such as all parts of a run; what is gone already is fine. */
export async function deleteFiles(store: FileStore, prefix: string): Promise<void> {
  await rm(pathOf(store, prefix), { recursive: true, force: true }).catch((error: unknown) => {
    throw storeError(`could not delete ${prefix}`, error);
  });
}

/** The first segments of all keys, with the time of the last change: for sweeps of orphans. */
export async function listFiles(store: FileStore): Promise<StoredPrefix[]> {
  const names = await orWhenMissing([], readdir(store.directory));
  const found = await Promise.all(
    names.map(async (prefix) => {
      const entry = await orWhenMissing(null, stat(join(store.directory, prefix)));
      return entry === null ? [] : [{ prefix, changed_at: entry.mtime }];
    }),
  );
  return found.flat();
}

function pathOf(store: FileStore, key: string): string {
  return join(store.directory, checkKey(key));
}

async function moveWhole(from: string, path: string): Promise<void> {
  try {
    await rename(from, path);
  } catch (error) {
    if (!isCode(error, "EXDEV")) throw error;
    await copyWhole(from, path);
    await rm(from);
  }
}

async function copyWhole(from: string, path: string): Promise<void> {
  const aside = `${path}.${process.pid}.part`;
  try {
    await copyFile(from, aside, constants.COPYFILE_FICLONE);
    await syncFile(aside);
    await rename(aside, path);
  } catch (error) {
    // What cannot be removed now goes with the other parts of its run.
    const [removed] = await Promise.allSettled([rm(aside, { force: true })]);
    if (removed.status === "fulfilled") throw error;
    throw new AggregateError([error, removed.reason], reason(error), { cause: error });
  }
}

/** Makes the names of new directories durable, from `directory` up to `top`, which was there before. */
async function syncNew(directory: string, top: string): Promise<void> {
  for (let at = directory; at !== top && at !== dirname(at); ) {
    at = dirname(at);
    await syncFile(at);
  }
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function openFile(path: string): Promise<{ file: FileHandle; size: number }> {
  const file = await open(path, "r");
  try {
    return { file, size: (await file.stat()).size };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function fill(file: FileHandle, buffer: Uint8Array, start: number): Promise<void> {
  for (let done = 0; done < buffer.length; ) {
    const { bytesRead } = await file.read(buffer, done, buffer.length - done, start + done);
    if (bytesRead === 0) throw new PartStoreError("the file is shorter than it was");
    done += bytesRead;
  }
}

async function orWhenMissing<T, U>(otherwise: U, work: Promise<T>): Promise<T | U> {
  return work.catch((error: unknown) => {
    if (isCode(error, "ENOENT")) return otherwise;
    throw storeError("could not list the result store", error);
  });
}

const REASONS: Record<string, string> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EROFS: "the file system is read-only",
  EACCES: "the process may not write or read there: check owner and mode of the directory",
  EPERM: "the process may not write or read there: check owner and mode of the directory",
  EIO: "the disk gave an error",
  EMFILE: "too many files are open: raise the limit (ulimit -n)",
  ENFILE: "too many files are open on this machine",
  ENOTDIR: "a file is where a directory should be",
  EISDIR: "a directory is where a file should be",
};

function storeError(what: string, error: unknown): PartStoreError {
  return new PartStoreError(`${what}: ${reason(error)}`, { cause: error });
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const known = "code" in error ? REASONS[String(error.code)] : undefined;
  return known === undefined ? error.message : `${known} (${error.message})`;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
