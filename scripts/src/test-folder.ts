/** Where the tests keep their files while they run. */
import { chmod, mkdtemp, readdir, rm, statfs } from "node:fs/promises";
import { freemem, tmpdir } from "node:os";
import { join } from "node:path";

const PREFIX = "quern-tests-";
const GIB = 1024 ** 3;
/** The tests keep about 3 GiB at their highest, and their processes want as much memory again. */
const ROOM_BYTES = 8 * GIB;
const MEMORY_BYTES = 12 * GIB;

/**
 * Makes a folder for everything that tests write, open to all users as /tmp is. It lies in memory where there is plenty: the
 * tests copy some hundred database folders, none of which has to outlive them. Folders of runs that were killed are removed.
 */
export async function makeTestFolder(
  memory = "/dev/shm",
  free = freemem(),
  room = ROOM_BYTES,
): Promise<string> {
  const parent = free >= MEMORY_BYTES && (await hasRoom(memory, room)) ? memory : tmpdir();
  for (const name of await readdir(parent)) {
    if (name.startsWith(PREFIX) && !isAlive(Number(name.slice(PREFIX.length).split("-")[0])))
      await rm(join(parent, name), { recursive: true, force: true });
  }
  const folder = await mkdtemp(join(parent, `${PREFIX}${process.pid}-`));
  await chmod(folder, 0o1777);
  return folder;
}

async function hasRoom(folder: string, room: number): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize >= room;
  } catch (error) {
    // A system without such a folder.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ESRCH") return false;
    // Somebody else's.
    if (code === "EPERM") return true;
    throw error;
  }
}
