/** SCRAM-SHA-256 verifiers, written as PostgreSQL writes them: `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>` (RFC 5802, RFC 7677). */
import { createHash, createHmac, pbkdf2, randomBytes } from "node:crypto";
import { promisify } from "node:util";

const derive = promisify(pbkdf2);
const ITERATIONS = 4096;

export type ScramVerifier = {
  iterations: number;
  salt: Buffer;
  stored_key: Buffer;
  server_key: Buffer;
};

/** A new password of 24 random bytes in base64url, and what is stored of it. */
export async function newScramPassword(): Promise<{ password: string; verifier: string }> {
  const password = randomBytes(24).toString("base64url");
  return { password, verifier: await scramVerifier(password, randomBytes(16)) };
}

/** `password` must be ASCII: it is not prepared by SASLprep. */
export async function scramVerifier(password: string, salt: Buffer): Promise<string> {
  const salted = await derive(password, salt, ITERATIONS, 32, "sha256");
  const stored = createHash("sha256").update(hmac(salted, "Client Key")).digest("base64");
  const server = hmac(salted, "Server Key").toString("base64");
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString("base64")}$${stored}:${server}`;
}

/** Throws when the text is no verifier. */
export function parseVerifier(text: string): ScramVerifier {
  const match = /^SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)$/.exec(text);
  if (match === null) throw new Error("a SCRAM verifier is malformed");
  const [, iterations, salt, stored, server] = match;
  return {
    iterations: Number(iterations),
    salt: Buffer.from(salt!, "base64"),
    stored_key: Buffer.from(stored!, "base64"),
    server_key: Buffer.from(server!, "base64"),
  };
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
