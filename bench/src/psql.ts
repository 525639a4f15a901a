import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { promisify } from "node:util";

/** Debian's client, installed when it is missing and we may. Throws with what to do otherwise. */
export async function installPsql(): Promise<string> {
  const found = ["/usr/bin/psql", "/usr/local/bin/psql"].find((path) => existsSync(path));
  if (found) return found;
  if (process.getuid?.() !== 0)
    throw new Error("psql is missing: install your system's postgresql-client");
  await promisify(execFile)("apt-get", ["install", "-y", "-qq", "postgresql-client"]);
  return "/usr/bin/psql";
}

/** Runs one command with its output thrown away, and says how many bytes it was. */
export async function psqlBytes(psql: string, url: string, command: string): Promise<number> {
  const child = spawn(psql, ["-qAt", "-v", "ON_ERROR_STOP=1", "-c", command, url], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let bytes = 0;
  child.stdout.on("data", (chunk: Buffer) => (bytes += chunk.length));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`psql ended with ${code}`);
  return bytes;
}

/** Runs one query with its output going to /dev/null. */
export async function psqlToNull(psql: string, url: string, query: string): Promise<void> {
  const child = spawn(psql, ["-qAt", "-v", "ON_ERROR_STOP=1", "-c", query, url], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`psql ended with ${code}`);
}
