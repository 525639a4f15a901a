/** Git's framing: four hex digits of length, then that many bytes less four; 0000 ends a section (gitprotocol-common). */
import { GitError } from "./git-error.ts";

export function pktLine(text: string): string {
  return (text.length + 4).toString(16).padStart(4, "0") + text;
}

export const FLUSH = "0000";

/** Lines of `bytes` in order; null for the end of a section. Throws `GitError` when they are no such lines. */
export function* readPktLines(bytes: Buffer): Generator<Buffer | null> {
  let at = 0;
  while (at < bytes.length) {
    const digits = bytes.toString("latin1", at, at + 4);
    const length = Number.parseInt(digits, 16);
    if (!/^[0-9a-f]{4}$/i.test(digits) || (length > 0 && length < 4) || at + length > bytes.length)
      throw new GitError("The server's reply is not that of a git repository.");
    if (length === 0) {
      yield null;
      at += 4;
      continue;
    }
    yield bytes.subarray(at + 4, at + length);
    at += length;
  }
}
