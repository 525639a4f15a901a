/**
 * PostgreSQL refuses to run as root. So root starts it as somebody else: the owner of the data
 * directory when there is one already, else a user `quern`, else `nobody`.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { PostmasterError } from "./postmaster-error.ts";

const run = promisify(execFile);

export type OsUser = { uid: number; gid: number };

const CANDIDATES = ["quern", "nobody"];

/**
 * The user to run PostgreSQL as, or null to run it as ourselves (we are not root).
 * `owner` is who owns an existing data directory, or null.
 */
export async function serverUser(owner: OsUser | null): Promise<OsUser | null> {
  if (process.getuid?.() !== 0) return null;
  if (owner !== null && owner.uid !== 0) return owner;
  for (const name of CANDIDATES) {
    const user = await lookUp(name);
    if (user !== null) return user;
  }
  throw new PostmasterError(
    "no_os_user",
    "PostgreSQL does not run as root, and this machine has neither a user quern nor nobody. " +
      "Make one (useradd --system --no-create-home quern), or start as an ordinary user.",
  );
}

async function lookUp(name: string): Promise<OsUser | null> {
  try {
    const [uid, gid] = await Promise.all([run("id", ["-u", name]), run("id", ["-g", name])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch (error) {
    // id exits with 1 when the user does not exist.
    if (error instanceof Error && "code" in error && error.code === 1) return null;
    throw error;
  }
}
