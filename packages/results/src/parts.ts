/** Where the parts of large results are kept, and how they are read. Writing is in `part-writing.ts`. */
import { resolve } from "node:path";
import { type FileStore, openFilePart } from "./file-parts.ts";
import { observed, observedSource } from "./observed.ts";
import { PartStoreError } from "./part-keys.ts";
import type { PartSource } from "./read/source.ts";
import { openS3Part } from "./s3-parts.ts";
import { parseS3Store, type S3Credentials, type S3Store } from "./s3-store.ts";

export { observeStore } from "./observed.ts";
export { PartMissingError, PartStoreError } from "./part-keys.ts";

/** A store is a value; a function here does what its kind needs. */
export type PartStore = FileStore | S3Store;

/** Whether a setting names a store: `file:DIR` or `s3://BUCKET/PREFIX?endpoint=…&region=…&path_style=1`. */
export const PART_STORE = /^(file:.|s3:\/\/[^/?])/s;

/** Reads such a setting. Without credentials, S3 takes those of the AWS environment. */
export function parsePartStore(
  setting: string,
  credentials: S3Credentials | null = null,
): PartStore {
  const directory = /^file:(.+)$/s.exec(setting)?.[1];
  if (directory !== undefined) return { kind: "file", directory: resolve(directory) };
  if (setting.startsWith("s3://")) return parseS3Store(setting, credentials);
  throw new PartStoreError(
    `"${setting}" is no result store: write file:DIRECTORY or s3://BUCKET/PREFIX`,
  );
}

/**
 * Opens a part for reading ranges; `close` it. `size` is what the manifest says. Throws PartMissingError when it is not
 * there (S3: with the first range), PartStoreError when it cannot be read.
 */
export async function openPart(store: PartStore, key: string, size: number): Promise<PartSource> {
  const opened = store.kind === "file" ? openFilePart(store, key) : openS3Part(store, key, size);
  return observedSource(store, await observed(store, "open", opened));
}
