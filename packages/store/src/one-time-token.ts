import { createHash, randomBytes } from "node:crypto";

/** 256 random bits in base64url after `prefix`. Only the hash is ever stored. */
export function newToken(prefix: string): string {
  return `${prefix}${randomBytes(32).toString("base64url")}`;
}

/** SHA-256: enough for a value with 256 bits of entropy (ASVS 5.0, 6.5.2). */
export function hashToken(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
