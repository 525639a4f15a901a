/**
 * The data directory: made once, aside, and renamed into place when complete, so that a crash in
 * between leaves nothing that looks like a database. The superuser's password lies beside it.
 */
import { randomBytes } from "node:crypto";
import {
  chmod,
  chown,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
  writeFile,
} from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Binaries } from "./binaries.ts";
import type { OsUser } from "./os-user.ts";
import { diskFullError, isDiskFull, PostmasterError, systemCode } from "./postmaster-error.ts";
import { startProgram } from "./spawn.ts";

/** A fresh cluster takes 40 MB; below this much free space the first checkpoint may already fail. */
const ROOM_FOR_CLUSTER_BYTES = 200 * 1024 * 1024;

export type Cluster = { dataDir: string; password: string };

/** Who owns the data directory, or null when there is none yet. */
export async function clusterOwner(dataDir: string): Promise<OsUser | null> {
  const found = await statIfPresent(join(dataDir, "PG_VERSION"));
  return found === null ? null : { uid: found.uid, gid: found.gid };
}

/**
 * Finds the cluster in `dataDir` or makes it. `scratchDir` is a folder of the server's user for a
 * file that holds the password while initdb reads it.
 */
export async function openCluster(
  dataDir: string,
  binaries: Binaries,
  user: OsUser | null,
  scratchDir: string,
  onLine: (line: string) => void,
): Promise<Cluster> {
  await sweepUnfinished(dataDir);
  const version = await readIfPresent(join(dataDir, "PG_VERSION"));
  if (version !== null) {
    checkVersion(dataDir, version.trim(), binaries.major);
    await checkOwner(dataDir, user, onLine);
    return { dataDir, password: await keepPassword(dataDir, binaries, user, onLine) };
  }
  const present = await listIfPresent(dataDir);
  if (present.length > 0) {
    throw new PostmasterError(
      "data_dir_foreign",
      `${dataDir} holds files (${present.slice(0, 3).join(", ")} …) but no PostgreSQL database. ` +
        "Choose another data directory, or move these files away.",
    );
  }
  await checkRoom(dataDir);
  const password = (await readIfPresent(passwordFile(dataDir))) ?? newPassword();
  try {
    await writeFile(passwordFile(dataDir), password, { mode: 0o600 });
    await initialise(dataDir, password, binaries, user, scratchDir, onLine);
  } catch (error) {
    if (isDiskFull(error)) throw diskFullError(dataDir, error);
    throw error;
  }
  return { dataDir, password };
}

async function initialise(
  dataDir: string,
  password: string,
  binaries: Binaries,
  user: OsUser | null,
  scratchDir: string,
  onLine: (line: string) => void,
): Promise<void> {
  const aside = `${dataDir}.new-${randomBytes(6).toString("hex")}`;
  const pwfile = join(scratchDir, "pwfile");
  const lines: string[] = [];
  await mkdir(aside, { mode: 0o700 });
  await writeFile(pwfile, password, { mode: 0o600 });
  if (user !== null) {
    await chown(aside, user.uid, user.gid);
    await chown(pwfile, user.uid, user.gid);
  }
  try {
    const { exited } = await startProgram({
      command: binaries.initdb,
      args: (dir) => [
        ...["-D", dir, "--username=postgres", `--pwfile=${pwfile}`, "--auth=scram-sha-256"],
        ...["--encoding=UTF8", "--locale=C", "--locale-provider=builtin"],
        "--builtin-locale=C.UTF-8",
      ],
      dataDir: aside,
      user,
      onLine: (line) => {
        lines.push(line);
        onLine(line);
      },
    });
    const { code } = await exited;
    if (code !== 0) throw initdbError(dataDir, lines);
    await rename(aside, dataDir);
  } finally {
    await rm(pwfile, { force: true });
    await rm(aside, { recursive: true, force: true });
  }
}

function initdbError(dataDir: string, lines: string[]): PostmasterError {
  const said = lines.slice(-8).join("\n");
  if (/No space left on device|Disk quota exceeded/.test(said)) return diskFullError(dataDir);
  if (/could not look up effective user ID/.test(said)) {
    return new PostmasterError(
      "no_os_user",
      `PostgreSQL needs a user that this machine knows, and the user id ${process.getuid?.()} has no entry in /etc/passwd. Start as a user that has one, or as root.`,
    );
  }
  return new PostmasterError("initdb_failed", `PostgreSQL could not make ${dataDir}:\n${said}`);
}

/** What an initdb left behind that never finished. Safe because the caller holds the lock. */
async function sweepUnfinished(dataDir: string): Promise<void> {
  const parent = dirname(dataDir);
  for (const entry of await listIfPresent(parent)) {
    if (entry.startsWith(`${basename(dataDir)}.new-`)) {
      await rm(join(parent, entry), { recursive: true, force: true });
    }
  }
}

function checkVersion(dataDir: string, found: string, ours: number): void {
  if (found === String(ours)) return;
  const newer = Number(found) > ours;
  throw new PostmasterError(
    "data_dir_version",
    `${dataDir} was made by PostgreSQL ${found}; this version carries PostgreSQL ${ours}. ` +
      (newer
        ? "Start it with the newer version that made it, or choose another data directory."
        : "Dump it with the older version and restore it into a new data directory."),
  );
}

async function checkOwner(
  dataDir: string,
  user: OsUser | null,
  onLine: (line: string) => void,
): Promise<void> {
  const found = await stat(dataDir);
  const uid = user?.uid ?? process.getuid?.();
  if (uid !== undefined && found.uid !== uid) {
    throw new PostmasterError(
      "data_dir_permissions",
      `${dataDir} belongs to the user with id ${found.uid}, and PostgreSQL would run as ${uid}. ` +
        (process.getuid?.() === 0
          ? `Give it back: chown -R ${uid} '${dataDir}'.`
          : "Start as that user or as root, or choose another data directory."),
    );
  }
  if ((found.mode & 0o027) !== 0) {
    onLine(`closing ${dataDir} to other users: PostgreSQL insists on mode 0700`);
    await chmod(dataDir, 0o700);
  }
}

async function checkRoom(dataDir: string): Promise<void> {
  const disk = await statfs(dirname(dataDir));
  const free = disk.bavail * disk.bsize;
  if (free >= ROOM_FOR_CLUSTER_BYTES) return;
  const mib = Math.floor(free / 1024 / 1024);
  throw new PostmasterError(
    "disk_full",
    `The disk that holds ${dirname(dataDir)} has ${mib} MiB left, and a database needs at least ` +
      "200 MiB to begin with. Free some space, or choose a data directory on a larger disk.",
  );
}

function passwordFile(dataDir: string): string {
  return `${dataDir}.password`;
}

function newPassword(): string {
  return randomBytes(24).toString("base64url");
}

/** The superuser's password; a lost one (a restore of the data alone) is replaced. */
async function keepPassword(
  dataDir: string,
  binaries: Binaries,
  user: OsUser | null,
  onLine: (line: string) => void,
): Promise<string> {
  const known = await readIfPresent(passwordFile(dataDir));
  if (known !== null && known !== "") return known;
  const password = newPassword();
  onLine(`the password file ${passwordFile(dataDir)} is missing: setting a new password`);
  const lines: string[] = [];
  const { exited } = await startProgram({
    command: binaries.postgres,
    args: (dir) => ["--single", "-D", dir, "postgres"],
    dataDir,
    user,
    onLine: (line) => lines.push(line),
    // base64url holds no quote.
    input: `alter role postgres with login superuser password '${password}'\n`,
  });
  const { code } = await exited;
  if (code !== 0 || lines.some((line) => line.includes("ERROR:"))) {
    throw new PostmasterError(
      "start_failed",
      `PostgreSQL could not set a new superuser password in ${dataDir}:\n${lines.slice(-8).join("\n")}`,
    );
  }
  await writeFile(passwordFile(dataDir), password, { mode: 0o600 });
  return password;
}

async function statIfPresent(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return null;
    throw accessError(path, error);
  }
}

async function readIfPresent(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return null;
    throw accessError(path, error);
  }
}

async function listIfPresent(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return [];
    throw accessError(path, error);
  }
}

function accessError(path: string, error: unknown): unknown {
  if (systemCode(error) !== "EACCES") return error;
  return new PostmasterError(
    "data_dir_permissions",
    `${path} may not be read by this user. Start as the user who made it or as root, or choose another data directory.`,
    { cause: error },
  );
}
