import { createHmac, randomBytes } from "node:crypto";

/**
 * A plain hash of a short text can be found by trying all of them. So hashes of what may hold a literal are keyed, with
 * a key that never leaves this machine: they tell what is equal and what has changed, and nothing else.
 */
let key: Buffer = randomBytes(32);

/** The key of this agent, kept beside its spool so that hashes stay the same over restarts. */
export function useHashKey(own: Buffer): void {
  key = own;
}

/** 32 hexadecimal digits. */
export function keyedHash(text: string): string {
  return createHmac("sha256", key).update(text).digest("hex").slice(0, 32);
}
