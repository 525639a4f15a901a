/**
 * Where the Unix socket lies. Its whole path may have 107 bytes, so it is a short folder under /tmp
 * and not in the data directory, which may be deep.
 */
import { chown, mkdir, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { OsUser } from "./os-user.ts";
import { PostmasterError, systemCode } from "./postmaster-error.ts";
import { processStart } from "./process-lock.ts";

const PARENT = "/tmp";
const PREFIX = "quern-pg-";
const LONGEST_SOCKET_PATH_BYTES = 107;
/** Younger folders may belong to a server that is just starting. */
const SWEEP_AFTER_MS = 3_600_000;

/** The folder `wanted`, or a fresh one, for the server's user alone. */
export async function makeSocketDir(
  wanted: string | undefined,
  user: OsUser | null,
): Promise<string> {
  if (wanted !== undefined) await mkdir(wanted, { recursive: true, mode: 0o700 });
  else await sweepSocketDirs(user?.uid ?? process.getuid?.());
  const socketDir = wanted ?? (await mkdtemp(join(PARENT, PREFIX)));
  if (user !== null) await chown(socketDir, user.uid, user.gid);
  return socketDir;
}

/** Throws PostmasterError when the system would refuse the path of the socket. */
export function checkSocketPath(socketDir: string, port: number): void {
  const path = join(socketDir, `.s.PGSQL.${port}`);
  if (Buffer.byteLength(path) <= LONGEST_SOCKET_PATH_BYTES) return;
  throw new PostmasterError(
    "socket_path_too_long",
    `The path of the Unix socket, ${path}, is longer than the ${LONGEST_SOCKET_PATH_BYTES} bytes ` +
      "that the system allows. Choose a shorter socket directory.",
  );
}

/** Removes folders of our making whose supervisor was killed before it could; `uid` undefined: whoever they belong to. */
export async function sweepSocketDirs(uid: number | undefined, prefix = PREFIX): Promise<void> {
  for (const entry of await readdir(PARENT)) {
    if (!entry.startsWith(prefix)) continue;
    const folder = join(PARENT, entry);
    try {
      const found = await stat(folder);
      if ((uid !== undefined && found.uid !== uid) || Date.now() - found.mtimeMs < SWEEP_AFTER_MS)
        continue;
      if (!(await isServed(folder))) await rm(folder, { recursive: true, force: true });
    } catch (error) {
      const code = systemCode(error);
      // Swept by another process meanwhile, or not ours to look into.
      if (code !== "ENOENT" && code !== "EACCES") throw error;
    }
  }
}

async function isServed(folder: string): Promise<boolean> {
  for (const entry of await readdir(folder)) {
    if (!entry.endsWith(".lock")) continue;
    const [pid] = (await readFile(join(folder, entry), "utf8")).split("\n");
    if ((await processStart(Number(pid))) !== null) return true;
  }
  return false;
}
