import { randomUUID } from "node:crypto";
import { mkdir, readdir, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";

/** A runner's name, unique for ever: where it runs, as which process, and a random part. */
export function newRunnerId(): string {
  return `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`;
}

/** Makes the folder in which a runner's executors write, and removes those of runners on this host that are gone. */
export async function openWorkFolder(dataDirectory: string, runnerId: string): Promise<string> {
  const all = join(dataDirectory, "work");
  await mkdir(join(all, runnerId), { recursive: true, mode: 0o700 });
  for (const name of await readdir(all)) {
    if (name !== runnerId && isLeftBehind(name))
      await rm(join(all, name), { recursive: true, force: true });
  }
  return join(all, runnerId);
}

function isLeftBehind(name: string): boolean {
  const prefix = `${hostname()}-`;
  const pid = name.startsWith(prefix)
    ? /^(\d+)-[0-9a-f]{8}$/.exec(name.slice(prefix.length))?.[1]
    : undefined;
  return pid !== undefined && !isAlive(Number(pid));
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    if ((error as NodeJS.ErrnoException).code === "EPERM") return true;
    throw error;
  }
}
