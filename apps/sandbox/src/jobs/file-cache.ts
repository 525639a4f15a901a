/**
 * The bytes of project files on this machine's disk, by digest: scripts are read from here, by this process and by executors.
 * A file is complete when it has its name. Everything is of one boot of the machine, since nothing is synced to disk.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readBlob, readSmallBlobs } from "@quern/store/blobs";
import type { Database } from "@quern/store/db";
import type { TreeFiles } from "@quern/store/trees";
import { readBootId } from "../layers/store-folder.ts";

type File = TreeFiles[string];

export type FileCache = {
  /** Where the file is, once `fetch` has brought it. */
  path(digest: string): string;
  /** Brings what is not here. Throws MissingBlobError when the database lacks one. */
  fetch(orgId: string, files: readonly File[]): Promise<void>;
  /** Keeps bytes that are in no database. */
  add(bytes: Buffer): Promise<File>;
  /** Removes what nobody fetched for so long; returns how many. */
  sweep(unusedMs: number): Promise<number>;
};

/** A time that is no older needs no update: most fetches touch nothing. */
const TOUCH_MS = 60 * 60_000;

export async function openFileCache(db: Database, folder: string): Promise<FileCache> {
  const boot = await readBootId();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const entry of await readdir(folder)) {
    if (entry !== boot) await rm(join(folder, entry), { recursive: true, force: true });
  }
  const home = join(folder, boot);
  await mkdir(home, { recursive: true, mode: 0o700 });
  const known = new Map<string, number>();
  const path = (digest: string) => join(home, digest.slice(0, 2), digest);

  async function isHere({ digest }: File): Promise<boolean> {
    const touched = known.get(digest);
    if (touched !== undefined && Date.now() - touched < TOUCH_MS) return true;
    const now = new Date();
    try {
      await utimes(path(digest), now, now);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
      throw error;
    }
    known.set(digest, now.getTime());
    return true;
  }

  async function keep(digest: string, write: (aside: string) => Promise<void>): Promise<void> {
    const at = path(digest);
    const aside = `${at}.${randomUUID()}`;
    await mkdir(join(home, digest.slice(0, 2)), { recursive: true, mode: 0o700 });
    try {
      await write(aside);
      await rename(aside, at);
    } finally {
      await rm(aside, { force: true });
    }
    known.set(digest, Date.now());
  }

  async function bring(orgId: string, missing: readonly File[]): Promise<void> {
    const small = await readSmallBlobs(db, orgId, missing);
    for (const { digest } of missing) {
      const bytes = small.get(digest);
      if (bytes !== undefined) {
        await keep(digest, (aside) => writeFile(aside, bytes, { mode: 0o600 }));
        continue;
      }
      await keep(digest, async (aside) => {
        const file = await open(aside, "wx", 0o600);
        try {
          for await (const chunk of readBlob(db, orgId, Buffer.from(digest, "hex")))
            await file.writeFile(chunk);
        } finally {
          await file.close();
        }
      });
    }
  }

  return {
    path,
    async fetch(orgId, files) {
      const missing = new Map<string, File>();
      for (const file of files) if (!(await isHere(file))) missing.set(file.digest, file);
      if (missing.size > 0) await bring(orgId, [...missing.values()]);
    },
    async add(bytes) {
      const digest = createHash("sha256").update(bytes).digest("hex");
      const file = { digest, size: bytes.length };
      if (!(await isHere(file)))
        await keep(digest, (aside) => writeFile(aside, bytes, { mode: 0o600 }));
      return file;
    },
    async sweep(unusedMs) {
      let removed = 0;
      for (const prefix of await readdir(home)) {
        for (const name of await readdir(join(home, prefix))) {
          const at = join(home, prefix, name);
          if (Date.now() - (await stat(at)).mtimeMs < unusedMs) continue;
          known.delete(name);
          await rm(at, { force: true });
          removed += 1;
        }
      }
      return removed;
    },
  };
}
