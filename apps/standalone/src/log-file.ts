import { createWriteStream, type WriteStream } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCode } from "./problem.ts";

export type LogFile = { write(line: string): void; close(): Promise<void> };

const MAX_BYTES = 10 * 1024 * 1024;
const KEPT = 3;

/**
 * Appends lines to `path`; past `maxBytes` it becomes `path.1`, and so on up to `path.3`. A full disk
 * costs lines, never the process: `onTrouble` hears of it once until a file opens again.
 */
export async function openLogFile(
  path: string,
  onTrouble: (message: string) => void,
  maxBytes = MAX_BYTES,
): Promise<LogFile> {
  await mkdir(dirname(path), { recursive: true });
  let bytes = await sizeOf(path);
  let stream = append(path);
  let broken = false;
  let rotating: Promise<void> | null = null;
  let waiting: string[] = [];

  function append(to: string): WriteStream {
    const opened = createWriteStream(to, { flags: "a", mode: 0o600 });
    opened.on("error", (error) => {
      if (!broken) onTrouble(`${to} cannot be written (${error.message}): its lines are lost`);
      broken = true;
    });
    return opened;
  }

  async function rotate(): Promise<void> {
    await ended(stream);
    for (let n = KEPT; n > 1; n--) await moveIfPresent(`${path}.${n - 1}`, `${path}.${n}`);
    await moveIfPresent(path, `${path}.1`);
    stream = append(path);
    bytes = 0;
    broken = false;
    rotating = null;
    const lines = waiting;
    waiting = [];
    for (const line of lines) write(line);
  }

  function write(line: string): void {
    if (rotating) {
      waiting.push(line);
      return;
    }
    if (broken) return;
    bytes += Buffer.byteLength(line) + 1;
    stream.write(`${line}\n`);
    if (bytes > maxBytes) {
      rotating = rotate().catch((error: Error) => {
        onTrouble(`${path} cannot be rotated (${error.message}): its lines are lost`);
        broken = true;
        rotating = null;
      });
    }
  }

  return {
    write,
    async close() {
      await rotating;
      await ended(stream);
    },
  };
}

function ended(stream: WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed) resolve();
    else stream.once("close", resolve).end();
  });
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return 0;
    throw error;
  }
}

async function moveIfPresent(from: string, to: string): Promise<void> {
  try {
    await rm(to, { force: true });
    await rename(from, to);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
}
