/**
 * Which ways of cloning a data directory a folder offers: sharing blocks (reflink), sharing files until they are
 * written (overlay), or plain copies. Hard links are never used: PostgreSQL changes files in place.
 */
import { constants } from "node:fs";
import { chown, copyFile, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemCode } from "@quern/postmaster/postmaster-error";
import { mountOverlay, unmount } from "./overlay.ts";

export type CloneBackend = "reflink" | "overlay" | "copy";

/** What was found, and in words why not more. */
export type CloneAbilities = { reflink: boolean; overlay: boolean; note: string };

/** An overlay costs a mount and a look at each file, as much as copying this many bytes. */
const OVERLAY_FROM_BYTES = 192 * 1024 * 1024;

/** Tries each way in `folder`, leaving nothing behind. */
export async function probeClones(
  folder: string,
  otherUid: number | null,
): Promise<CloneAbilities> {
  const at = join(folder, `probe-${process.pid}`);
  await rm(at, { recursive: true, force: true });
  await mkdir(at, { recursive: true, mode: 0o700 });
  try {
    const reflink = await reflinks(at);
    const overlay = await overlays(at, otherUid);
    const note = [
      reflink === null ? "files share blocks" : `no shared blocks: ${reflink}`,
      overlay === null ? "overlays can be mounted" : `no overlays: ${overlay}`,
    ].join("; ");
    return { reflink: reflink === null, overlay: overlay === null, note };
  } finally {
    await rm(at, { recursive: true, force: true });
  }
}

/**
 * How to clone `bytes`. `stays`: the layer stays until the clone is gone, and the clone where it is; an overlay needs
 * both. What `wanted` names and the folder lacks is an error at start, not here.
 */
export function chooseBackend(
  wanted: CloneBackend | "auto",
  here: CloneAbilities,
  bytes: number,
  stays: boolean,
): CloneBackend {
  if (wanted === "copy" || (wanted === "overlay" && stays)) return wanted;
  if (here.reflink && wanted !== "overlay") return "reflink";
  return here.overlay && stays && bytes >= OVERLAY_FROM_BYTES ? "overlay" : "copy";
}

/** Null: it works; else why not. */
async function reflinks(at: string): Promise<string | null> {
  await writeFile(join(at, "one"), Buffer.alloc(65_536, 1));
  try {
    await copyFile(join(at, "one"), join(at, "two"), constants.COPYFILE_FICLONE_FORCE);
    return null;
  } catch (error) {
    const code = systemCode(error);
    // Which of these comes depends on the file system and on libuv.
    const expected = ["ENOTSUP", "EOPNOTSUPP", "EXDEV", "EINVAL", "ENOSYS", "ENOTTY", "EPERM"];
    if (code === undefined || !expected.includes(code)) throw error;
    return code;
  }
}

async function overlays(at: string, otherUid: number | null): Promise<string | null> {
  if (process.platform !== "linux") return "Linux only";
  if (process.getuid?.() !== 0) return "not root";
  const lower = join(at, "lower");
  await mkdir(lower);
  await writeFile(join(lower, "file"), "base");
  const place = join(at, "overlay");
  const failed = await mountOverlay(lower, place);
  if (failed !== null) return failed;
  try {
    const merged = join(place, "data", "file");
    if (otherUid !== null) {
      await chown(merged, otherUid, otherUid);
      if ((await stat(merged)).uid !== otherUid) return "owners cannot be changed";
    }
    await writeFile(merged, "changed");
    if ((await readFile(join(lower, "file"), "utf8")) !== "base") return "writes reach the base";
    return null;
  } finally {
    await unmount(join(place, "data"));
  }
}
