/** Where the parts of large results are kept. */
import { createReadStream } from "node:fs";
import { copyFile, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import type { PartSource } from "./read/source.ts";

/** A store is a value; a function here does what its kind needs. */
export type PartStore = { kind: "file"; directory: string };

export class PartStoreError extends Error {
  override name = "PartStoreError";
}

export class PartMissingError extends Error {
  override name = "PartMissingError";
}

/** Reads `file:DIR`. */
export function parsePartStore(setting: string): PartStore {
  const directory = /^file:(.+)$/s.exec(setting)?.[1];
  if (directory === undefined) {
    throw new PartStoreError(`"${setting}" is no result store: write file:DIRECTORY`);
  }
  return { kind: "file", directory: resolve(directory) };
}

/** Keeps the file at `from` under `key`: visible only when it is whole and on the disk. */
export async function putPart(store: PartStore, key: string, from: string): Promise<void> {
  const path = pathOf(store, key);
  const aside = `${path}.${process.pid}.part`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await moveOrCopy(from, aside);
    await syncFile(aside);
    await rename(aside, path);
    await syncFile(dirname(path));
  } catch (error) {
    await rm(aside, { force: true });
    throw new PartStoreError(`could not keep ${key}: ${reason(error)}`, { cause: error });
  }
}

/** Opens a part for reading ranges; `close` it. Throws PartMissingError when it is not there. */
export async function openPart(store: PartStore, key: string): Promise<PartSource> {
  const file = await open(pathOf(store, key), "r").catch((error: unknown) => {
    if (!isCode(error, "ENOENT")) throw error;
    throw new PartMissingError(`${key} is not in the result store`);
  });
  const { size } = await file.stat();
  return {
    id: key,
    byteLength: size,
    async slice(start, end = size) {
      const buffer = new Uint8Array(Math.max(0, Math.min(end, size) - start));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, start);
      if (bytesRead !== buffer.length) throw new PartStoreError(`${key} ended early`);
      return buffer.buffer;
    },
    close: () => file.close(),
  };
}

/** The whole part as a stream of bytes. */
export function streamPart(store: PartStore, key: string): AsyncIterable<Buffer> {
  return createReadStream(pathOf(store, key));
}

/** Deletes everything under a key, such as all parts of a run; what is gone already is fine. */
export async function deleteParts(store: PartStore, prefix: string): Promise<void> {
  await rm(pathOf(store, prefix), { recursive: true, force: true });
}

/** The first segments of all keys, with the time of the last change: for sweeps of orphans. */
export async function listParts(store: PartStore): Promise<{ prefix: string; changed_at: Date }[]> {
  const names = await readdir(store.directory).catch((error: unknown) => {
    if (isCode(error, "ENOENT")) return [];
    throw error;
  });
  return Promise.all(
    names.map(async (prefix) => ({
      prefix,
      changed_at: (await stat(join(store.directory, prefix))).mtime,
    })),
  );
}

function pathOf(store: PartStore, key: string): string {
  const path = resolve(store.directory, key);
  if (!path.startsWith(store.directory + sep)) {
    throw new PartStoreError(`"${key}" is no key of a part`);
  }
  return path;
}

async function moveOrCopy(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!isCode(error, "EXDEV")) throw error;
    await copyFile(from, to);
    await rm(from);
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

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function reason(error: unknown): string {
  if (isCode(error, "ENOSPC")) return "the disk is full";
  return error instanceof Error ? error.message : String(error);
}
