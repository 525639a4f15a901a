import { type Batch, type Storage, widthOf } from "@quern/contract/batch";

/** Whether a column of this storage may have a side column `x<i>`. */
export function mayEscape(storage: Storage): boolean {
  return ["date", "timestamp", "timestamptz", "decimal"].includes(storage.kind);
}

/** A copy that outlives the batch, whose buffers the giver uses again. */
export function copyBatch(batch: Batch, storages: Storage[]): Batch {
  const vectors = batch.vectors.map((vector, index) => {
    const width = widthOf(storages[index] ?? { kind: "text" });
    const offsets = vector.offsets?.slice(0, batch.rows + 1) ?? null;
    const used = offsets === null ? batch.rows * width : (offsets[batch.rows] ?? 0);
    return {
      data: vector.data.slice(0, used),
      offsets,
      valid: vector.valid.slice(),
      escapes: [...vector.escapes],
    };
  });
  return { rows: batch.rows, bytes: batch.bytes, vectors };
}
