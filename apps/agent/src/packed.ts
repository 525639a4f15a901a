/** Parts of a payload that are done, and wait compressed for the others: thousands of objects are most of a heap. */
import { constants, gunzipSync } from "node:zlib";
import { jsonPieces, type Packed } from "./json-pieces.ts";
import { compress, decompressing } from "./spool/compression.ts";

/** Those that grow with the schema. */
const LARGE = ["schema", "table_stats", "index_stats", "column_statistics"] as const;
export type LargePart = (typeof LARGE)[number];

/** Packs those of the large parts that are there. */
export async function packLarge(parts: { [Name in LargePart]?: object | null }): Promise<void> {
  for (const name of LARGE) {
    const part = parts[name];
    if (part && !packed.has(part)) parts[name] = await pack(part);
  }
}

const packed = new WeakSet<object>();

async function pack(value: object): Promise<Packed> {
  const content = await compress(jsonPieces(value), constants.Z_BEST_SPEED);
  const part: Packed = {
    pieces: () => decompressing(content),
    toJSON: () => JSON.parse(gunzipSync(content).toString("utf8")),
  };
  packed.add(part);
  return part;
}
