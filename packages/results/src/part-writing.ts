/** Writing and deleting parts of large results: what only runners do. */
import { deleteFiles, hasFile, linkFile, listFiles, putFile } from "./file-parts.ts";
import { observed } from "./observed.ts";
import type { StoredPrefix } from "./part-keys.ts";
import type { PartStore } from "./parts.ts";
import { abortS3Uploads, deleteS3, fetchS3, hasS3, listS3, putS3 } from "./s3-parts.ts";

/**
 * Moves the file at `from` under `key` (`run/attempt/s0-p0.parquet`): visible only when it is whole and safe. Throws
 * PartStoreError; `from` is then still there.
 */
export function putPart(store: PartStore, key: string, from: string): Promise<void> {
  const put = store.kind === "file" ? putFile(store, key, from) : putS3(store, key, from);
  return observed(store, "put", put);
}

/** Makes the file `to` of a part, for a process that reads files. Throws PartMissingError and PartStoreError. */
export function fetchPart(store: PartStore, key: string, to: string): Promise<void> {
  const fetched = store.kind === "file" ? linkFile(store, key, to) : fetchS3(store, key, to);
  return observed(store, "fetch", fetched);
}

export function hasPart(store: PartStore, key: string): Promise<boolean> {
  return store.kind === "file" ? hasFile(store, key) : hasS3(store, key);
}

/** Deletes everything under a key, such as all parts of a run; what is gone already is fine. */
export function deleteParts(store: PartStore, prefix: string): Promise<void> {
  const gone = store.kind === "file" ? deleteFiles(store, prefix) : deleteS3(store, prefix);
  return observed(store, "delete", gone);
}

/** The first segments of all keys, with a time before which nothing under them changed: for sweeps of orphans. */
export function listParts(store: PartStore): Promise<StoredPrefix[]> {
  return observed(store, "list", store.kind === "file" ? listFiles(store) : listS3(store));
}

/** Ends uploads that were begun before this and never finished: they cost money and are not seen otherwise. */
export async function abortUploads(store: PartStore, before: Date): Promise<number> {
  return store.kind === "file" ? 0 : abortS3Uploads(store, before);
}
