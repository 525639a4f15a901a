/** The manifest of a layer in object storage: what it is, and the digests of all its bytes, signed. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { Volatile } from "@quern/contract/layers";
import { z } from "zod";

/** A key of the installation: machines that have it believe each other's layers. */
export type SigningKey = { kid: string; key: Buffer };

export const CHUNK_BYTES = 256 * 1024;

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().min(0);
/** Below the data directory: no segment is `..`, and none is empty. */
const path = z
  .string()
  .max(4096)
  .regex(/^(?!.*(^|\/)\.\.?(\/|$))[^/\0]+(\/[^/\0]+)*$/);
const mode = z.int().min(0).max(0o777);

export const SharedManifest = z.strictObject({
  version: z.literal(1),
  org_id: z.uuid(),
  state_key: digest,
  parent_key: digest.nullable(),
  env_key: digest,
  depth: count,
  build_ms: count,
  engine: z.string(),
  volatile: z.array(Volatile),
  ttl_s: count.nullable(),
  paths: z.array(z.string()),
  steps: count,
  platform: z.string().describe("Such as linux-x64"),
  control_version: count,
  catalog_version: count,
  system_identifier: z.string(),
  bytes: count.describe("Of all files"),
  directories: z.array(z.strictObject({ path, mode })).max(100_000),
  files: z
    .array(z.strictObject({ path, mode, size: count, chunks: z.array(digest) }))
    .max(1_000_000),
});
export type SharedManifest = z.infer<typeof SharedManifest>;

/** What a manifest says besides what a Layer has. */
export type SentLayer = Pick<SharedManifest, "steps" | "paths" | "ttl_s">;

const Envelope = z.strictObject({ kid: z.string(), hmac: digest, body: z.string() });

export function manifestKey(org_id: string, state_key: Buffer): string {
  return `layers/${org_id}/${state_key.toString("hex")}/manifest.json`;
}

export function chunkKey(hex: string): string {
  return `chunks/${hex.slice(0, 2)}/${hex}`;
}

export function sealManifest(manifest: SharedManifest, { kid, key }: SigningKey): string {
  const body = JSON.stringify(manifest);
  return JSON.stringify({ kid, hmac: sign(body, key), body });
}

/** Null when it was not signed by one of the keys, or is not of this version. */
export function openManifest(text: string, keys: readonly SigningKey[]): SharedManifest | null {
  const envelope = Envelope.safeParse(parsed(text));
  if (!envelope.success) return null;
  const { kid, hmac, body } = envelope.data;
  const key = keys.find((known) => known.kid === kid);
  if (!key || !same(hmac, sign(body, key.key))) return null;
  const manifest = SharedManifest.safeParse(parsed(body));
  return manifest.success ? manifest.data : null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function sign(body: string, key: Buffer): string {
  return createHmac("sha256", key).update(body).digest("hex");
}

function same(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a, "hex"), Buffer.from(b, "hex"));
}

/** Where this process could run the layer. */
export const PLATFORM = `${process.platform}-${process.arch}`;
