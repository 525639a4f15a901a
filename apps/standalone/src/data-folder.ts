/** The folder that holds everything: who uses it, which layout it has, and the secrets in files. */
import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { acquireLock, LockHeldError, type ProcessLock } from "@quern/postmaster/process-lock";
import { errorCode, StartProblem } from "./problem.ts";

/** Raised when an older Quern could no longer use the folder. */
const LAYOUT = 1;

export type DataFolder = {
  path: string;
  lock: ProcessLock;
};

/** Opens or makes the folder for this process alone. Throws StartProblem. */
export async function openDataFolder(wanted: string): Promise<DataFolder> {
  const path = resolve(wanted);
  await mkdir(path, { recursive: true, mode: 0o700 });
  const lock = await lockFolder(path);
  try {
    await checkLayout(path);
  } catch (error) {
    await lock.release();
    throw error;
  }
  return { path, lock };
}

async function lockFolder(path: string): Promise<ProcessLock> {
  try {
    return await acquireLock(join(path, "quern.lock"));
  } catch (error) {
    if (!(error instanceof LockHeldError)) throw error;
    throw new StartProblem(
      `Quern already runs with the data in ${path} (process ${error.holder.pid}). ` +
        "Stop that one first, or start this one with another folder: QUERN_DATA_DIR=… PORT=… make up.",
    );
  }
}

async function checkLayout(path: string): Promise<void> {
  const file = join(path, "layout");
  const text = await readIfPresent(file);
  if (text === null) {
    await writeFileSafely(file, `${LAYOUT}\n`);
    return;
  }
  const found = Number(text);
  if (Number.isInteger(found) && found <= LAYOUT) return;
  throw new StartProblem(
    `The data in ${path} was used by a newer Quern (layout ${text.trim()}, this one knows ${LAYOUT}). ` +
      "Start that version, or set QUERN_DATA_DIR to another folder.",
  );
}

/** The secret in `<folder>/secrets/<name>`; null when there is none. */
export async function readSecret(folder: string, name: string): Promise<string | null> {
  return (await readIfPresent(join(folder, "secrets", name))) || null;
}

/** The same, made when it is not there yet. */
export async function keptSecret(folder: string, name: string): Promise<string> {
  const known = await readSecret(folder, name);
  if (known) return known;
  const secret = randomBytes(24).toString("base64url");
  await writeSecret(folder, name, secret);
  return secret;
}

/** Writes `<folder>/secrets/<name>` (mode 0600), or removes it when there is no value; returns its path. */
export async function writeSecret(
  folder: string,
  name: string,
  value: string | undefined,
): Promise<string> {
  const path = join(folder, "secrets", name);
  await mkdir(join(folder, "secrets"), { recursive: true, mode: 0o700 });
  if (value === undefined) await rm(path, { force: true });
  else await writeFileSafely(path, value);
  return path;
}

/** A power loss leaves the old content or the new. */
async function writeFileSafely(path: string, content: string): Promise<void> {
  const aside = await open(`${path}.tmp`, "w", 0o600);
  try {
    await aside.writeFile(content);
    await aside.sync();
  } finally {
    await aside.close();
  }
  await rename(`${path}.tmp`, path);
}

async function readIfPresent(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  }
}
