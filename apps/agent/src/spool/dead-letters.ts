import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { ignoreSystemError, systemCode, writeDurably } from "./durable-file.ts";

const MAX_LETTERS = 200;

export type DeadLetters = {
  /** Keeps what the server will never take, with its reason beside it. False when the disk does not take it. */
  bury(name: string, content: Buffer, reason: Record<string, unknown>): Promise<boolean>;
  count(): number;
};

/** A folder of at most 200 payloads and `maxBytes`; the oldest go first. */
export async function openDeadLetters(folder: string, maxBytes: number): Promise<DeadLetters> {
  let letters = await lettersOf(folder);
  return {
    async bury(name, content, reason) {
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        await writeDurably(folder, name, content);
        const note = Buffer.from(`${JSON.stringify(reason, null, 2)}\n`);
        await writeDurably(folder, noteOf(name), note);
      } catch (error) {
        if (systemCode(error) === null) throw error;
        return false;
      }
      letters = await withinBounds(folder, await lettersOf(folder), maxBytes);
      return true;
    },
    count: () => letters.length,
  };
}

type Letter = { name: string; bytes: number };

async function lettersOf(folder: string): Promise<Letter[]> {
  try {
    const names = (await readdir(folder)).filter((name) => name.endsWith(".json.gz")).sort();
    return await Promise.all(
      names.map(async (name) => ({ name, bytes: (await stat(join(folder, name))).size })),
    );
  } catch (error) {
    if (systemCode(error) === null) throw error;
    return [];
  }
}

async function withinBounds(
  folder: string,
  letters: Letter[],
  maxBytes: number,
): Promise<Letter[]> {
  const kept = [...letters];
  let bytes = kept.reduce((sum, letter) => sum + letter.bytes, 0);
  while (kept.length > 1 && (kept.length > MAX_LETTERS || bytes > maxBytes)) {
    const oldest = kept.shift() as Letter;
    bytes -= oldest.bytes;
    for (const name of [oldest.name, noteOf(oldest.name)]) {
      await rm(join(folder, name), { force: true }).catch(ignoreSystemError);
    }
  }
  return kept;
}

function noteOf(name: string): string {
  return name.replace(/\.json\.gz$/, ".reason.json");
}
