import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Part } from "@quern/contract/results";
import { partName } from "@quern/results/part-name";
import { deleteParts, type PartStore, putPart } from "@quern/results/parts";
import type { StoredPart } from "@quern/store/queue";

export type KeptParts = {
  parts: StoredPart[];
  /** Removes what was kept outside PostgreSQL: when the run's end could not be written. */
  discard(): Promise<void>;
};

/**
 * Keeps the parts that an executor wrote to `directory`: in PostgreSQL when all of them together are small, else in the
 * part store, under a key of this attempt, so that no other attempt's parts are in the way. Throws `PartStoreError`.
 */
export async function keepParts(
  store: PartStore,
  inlineBytes: number,
  claim: { id: string; attempt: number },
  directory: string,
  parts: readonly Part[],
): Promise<KeptParts> {
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  if (size <= inlineBytes) {
    const inline = parts.map(
      async (part): Promise<StoredPart> => ({
        ...part,
        store: "postgres",
        data: await readFile(join(directory, partName(part))),
      }),
    );
    return { parts: await Promise.all(inline), discard: async () => {} };
  }
  const prefix = `${claim.id}/${claim.attempt}`;
  const kept: StoredPart[] = [];
  for (const part of parts) {
    const location = `${prefix}/${partName(part)}`;
    await putPart(store, location, join(directory, partName(part)));
    kept.push({ ...part, store: "file", location });
  }
  return { parts: kept, discard: () => deleteParts(store, prefix) };
}
