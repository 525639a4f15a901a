/**
 * The identity of states. Every field is framed by its length, and every key begins with what it is a key of and a version: a key is
 * never given another meaning.
 */
import { createHash, type Hash } from "node:crypto";

/** The state after a step: of the state before it and of what the step does, and of nothing else; paths do not enter. */
export function stateKey(before: Buffer, step: Uint8Array): Buffer {
  return framed("quern/v1/state", [before, step]).digest();
}

/** The state of an environment before any file. */
export function baseKey(envKey: Buffer): Buffer {
  return framed("quern/v1/base", [envKey]).digest();
}

/** The tail as people mean it: environment, variables, and each file with its path. For people and webhooks; layers go by state keys. */
export function tailHash(
  envKey: Buffer,
  variables: Readonly<Record<string, string>>,
  files: readonly { path: string; digest: string }[],
): Buffer {
  const hash = framed("quern/v1/tail", [envKey]);
  const sorted = Object.entries(variables).sort(([a], [b]) => (a < b ? -1 : 1));
  add(hash, count(sorted.length));
  for (const pair of sorted) for (const text of pair) add(hash, Buffer.from(text));
  add(hash, count(files.length));
  for (const { path, digest } of files) {
    add(hash, Buffer.from(path));
    add(hash, Buffer.from(digest, "hex"));
  }
  return hash.digest();
}

function framed(domain: string, fields: readonly Uint8Array[]): Hash {
  const hash = createHash("sha256");
  add(hash, Buffer.from(domain));
  for (const field of fields) add(hash, field);
  return hash;
}

function add(hash: Hash, bytes: Uint8Array): void {
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(bytes.length));
  hash.update(length).update(bytes);
}

function count(n: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(n);
  return bytes;
}
