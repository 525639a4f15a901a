/** What lies beside the data of a layer and says what it is: enough to make its row again. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Volatile } from "@quern/contract/layers";
import type { NewLayer } from "@quern/store/layers";
import { z } from "zod";
import { codeOf } from "./pgdata.ts";

const key = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .transform((hex) => Buffer.from(hex, "hex"));
const count = z.int().min(0);

const LayerManifest = z.strictObject({
  version: z.literal(1),
  store_id: z.uuid(),
  build_id: z.uuid(),
  boot_id: z.string(),
  org_id: z.uuid(),
  state_key: key,
  parent_key: key.nullable(),
  env_key: key,
  depth: count,
  bytes: count,
  own_bytes: count,
  build_ms: count,
  engine: z.string(),
  clone: z.enum(["reflink", "overlay", "copy"]),
  imported: z.boolean(),
  steps: count,
  paths: z.array(z.string()),
  volatile: z.array(Volatile),
  ttl_s: count.nullable(),
});

const FILE = "manifest.json";

export function manifestText(layer: NewLayer): string {
  const { state_key, parent_key, env_key, ...rest } = layer;
  return `${JSON.stringify({
    version: 1,
    ...rest,
    state_key: state_key.toString("hex"),
    parent_key: parent_key?.toString("hex") ?? null,
    env_key: env_key.toString("hex"),
  })}\n`;
}

export function manifestPath(home: string): string {
  return join(home, FILE);
}

/** Null when there is none, or what is there is not whole: a power loss may have cut it short. */
export async function readManifest(home: string): Promise<NewLayer | null> {
  try {
    const parsed = LayerManifest.safeParse(JSON.parse(await readFile(manifestPath(home), "utf8")));
    if (!parsed.success) return null;
    const { version, ...layer } = parsed.data;
    return layer;
  } catch (error) {
    if (codeOf(error) === "ENOENT" || error instanceof SyntaxError) return null;
    throw error;
  }
}
