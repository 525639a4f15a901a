/** What may become a layer, and what it weighs. */
import {
  chmod,
  chown,
  constants,
  copyFile,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  stat,
  utimes,
} from "node:fs/promises";
import { join } from "node:path";
import { LayerRefused } from "./cache-error.ts";
import { type ControlFile, readControlFile } from "./control-file.ts";

/**
 * Throws LayerRefused unless the directory is a PGDATA that its server left by a clean stop, all of it inside the
 * directory.
 */
export async function checkClean(directory: string): Promise<ControlFile & { major: number }> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (codeOf(error) !== "ENOENT") throw error;
    throw new LayerRefused(`${directory} is not there any more`, { cause: error });
  });
  if (names.includes("postmaster.pid"))
    throw new LayerRefused("a server runs on the directory, or died on it: stop it cleanly first");
  if (names.includes("backup_label") || names.includes("recovery.signal"))
    throw new LayerRefused("the directory is in the middle of a recovery");
  if (!names.includes("PG_VERSION"))
    throw new LayerRefused("the directory is no PGDATA: it has no PG_VERSION");
  const major = Number((await readFile(join(directory, "PG_VERSION"), "utf8")).trim());
  const control = await readControlFile(directory);
  if (!control.clean)
    throw new LayerRefused("the server was not stopped cleanly: its state needs a recovery");
  if ((await readdir(join(directory, "pg_tblspc"))).length > 0)
    throw new LayerRefused("a tablespace lies outside of the directory");
  return { ...control, major };
}

export type Weight = { bytes: number; own_bytes: number; files: number };

/**
 * What a directory takes on the disk (`st_blocks`). With `parent`, a file of the same size and time of change as the
 * parent's is taken for shared with it: right for reflink clones that keep times, otherwise an upper bound.
 */
export async function weigh(directory: string, parent: string | null = null): Promise<Weight> {
  const total: Weight = { bytes: 0, own_bytes: 0, files: 0 };
  const visit = async (path: string): Promise<void> => {
    const entries = await readdir(join(directory, path), { withFileTypes: true });
    await eachOf(entries, 16, async (entry) => {
      const below = join(path, entry.name);
      const found = await lstat(join(directory, below));
      // A link leads outside, and a second name of a file can change it from there.
      if (!entry.isDirectory() && !(entry.isFile() && found.nlink === 1))
        throw new LayerRefused(`${below} is no plain file of its own`);
      const bytes = found.blocks * 512;
      total.bytes += bytes;
      total.files += 1;
      if (entry.isDirectory()) await visit(below);
      else if (parent !== null && (await isSame(found, join(parent, below)))) return;
      total.own_bytes += bytes;
    });
  };
  await visit("");
  return total;
}

async function isSame(
  { size, mtimeMs }: { size: number; mtimeMs: number },
  other: string,
): Promise<boolean> {
  const found = await stat(other).catch((error: unknown) => {
    if (codeOf(error) !== "ENOENT") throw error;
    return null;
  });
  return found !== null && found.size === size && found.mtimeMs === mtimeMs;
}

/** A copy with owners, modes and times; shares blocks where the file system can. */
export async function copyTree(from: string, to: string): Promise<void> {
  const source = await lstat(from);
  await mkdir(to, { mode: 0o700 });
  const entries = await readdir(from, { withFileTypes: true });
  await eachOf(entries, 8, async (entry) => {
    const [path, copy] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) return copyTree(path, copy);
    // A socket or a pipe is of a server that runs; a link leads outside.
    if (!entry.isFile()) throw new LayerRefused(`${entry.name} is neither a file nor a directory`);
    await copyFile(path, copy, constants.COPYFILE_FICLONE);
    await keepMarks(await lstat(path), copy);
  });
  await keepMarks(source, to);
}

type Marks = { uid: number; gid: number; mode: number; atime: Date; mtime: Date };

async function keepMarks({ uid, gid, mode, atime, mtime }: Marks, copy: string): Promise<void> {
  if (process.getuid?.() === 0) await chown(copy, uid, gid);
  await chmod(copy, mode & 0o7777);
  await utimes(copy, atime, mtime);
}

/** Does `work` for each item, so many at a time. */
export async function eachOf<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < items.length) await work(items[next++]!);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
}

export async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The code of an error of the system, such as ENOENT. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
