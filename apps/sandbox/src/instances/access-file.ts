/**
 * pg_hba.conf of an instance, kept beside its socket and not in the data directory, which is cloned. Only our own user
 * and the instance's can reach the socket, so `trust` is about roles and not about people: a script may become any role
 * that it may make, and never one of ours.
 */
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Purpose } from "./instances.ts";
import { READER, SUPERUSER } from "./profile.ts";

const LINES: Record<"base" | "inspection" | "users", string[]> = {
  base: [`local all ${SUPERUSER},owner trust`],
  inspection: [`local all ${READER} trust`],
  users: [`local all ${SUPERUSER},${READER} reject`, "local all all trust"],
};

/** Writes the file for a purpose and gives its path. */
export async function writeAccessFile(socketDir: string, purpose: Purpose): Promise<string> {
  const path = join(socketDir, "hba.conf");
  const kind = purpose === "base" || purpose === "inspection" ? purpose : "users";
  await writeFile(path, `${LINES[kind].join("\n")}\n`);
  await chmod(path, 0o644);
  return path;
}
