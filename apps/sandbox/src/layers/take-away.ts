/** Directories under a final name that are to go, while other processes may put new ones in their place. */
import { stat } from "node:fs/promises";
import { readManifest } from "./manifest.ts";
import { codeOf } from "./pgdata.ts";
import { moveAside, type StoreFolder } from "./store-folder.ts";

/**
 * Moves the directory of a build aside, or one without a manifest (`build_id` null), and returns where it is to be deleted.
 * Null when it is not there, or another one is by now: a directory that vanishes while its manifest is looked for seems to have
 * none, and what has its name a moment later may be whole and in use.
 */
export async function takeAway(
  folder: StoreFolder,
  home: string,
  build_id: string | null,
  read = readManifest,
): Promise<string | null> {
  const before = await identityOf(home);
  const manifest = await read(home);
  const isMeant = before !== null && (manifest?.build_id ?? null) === build_id;
  if (!isMeant || (await identityOf(home)) !== before) return null;
  return moveAside(folder, home);
}

/** Of the directory itself, whatever its name; null when there is none. */
async function identityOf(path: string): Promise<string | null> {
  try {
    const { ino, birthtimeNs } = await stat(path, { bigint: true });
    return `${ino} ${birthtimeNs}`;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}
