import { randomBytes } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { systemCode, writeDurably } from "./spool/durable-file.ts";

const FILE = "hash.key";
const BYTES = 32;

/**
 * The key of the hashes that this agent sends, made at the first start. Where the disk takes none it is of this process
 * alone: hashes then change with each start, and schemas seem to have changed.
 */
export async function readHashKey(folder: string): Promise<Buffer> {
  const known = await read(folder);
  if (known !== null) return known;
  const made = randomBytes(BYTES);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeDurably(folder, FILE, made);
  } catch (error) {
    if (systemCode(error) === null) throw error;
  }
  return made;
}

async function read(folder: string): Promise<Buffer | null> {
  try {
    const key = await readFile(join(folder, FILE));
    return key.length === BYTES ? key : null;
  } catch (error) {
    if (systemCode(error) === null) throw error;
    return null;
  }
}
