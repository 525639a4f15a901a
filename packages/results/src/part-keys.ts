/** The store cannot be read or written: a full disk, missing rights, a broken file, no answer. */
export class PartStoreError extends Error {
  override name = "PartStoreError";
}

export class PartMissingError extends Error {
  override name = "PartMissingError";
}

/** The first segment of keys, a run's id, and when something under it changed last. */
export type StoredPrefix = { prefix: string; changed_at: Date };

/** Segments of letters, digits, `-`, `_` and dots, none of which begins with a dot: a key never leaves the store. */
const KEY = /^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/;

export function checkKey(key: string): string {
  if (!KEY.test(key)) throw new PartStoreError(`${JSON.stringify(key)} is no key of a part`);
  return key;
}
