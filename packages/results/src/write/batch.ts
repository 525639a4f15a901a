/** Rows as the writer takes them. Connectors make the same shape: little-endian columns, one valid bit per row. */
export type Storage =
  | { kind: "bool" | "int2" | "int4" | "int8" | "float4" | "float8" }
  /** Days since 1970-01-01, 32 bits. */
  | { kind: "date" }
  /** Microseconds since 1970-01-01 (UTC for `timestamptz`), 64 bits. */
  | { kind: "timestamp" | "timestamptz" }
  /** The value times 10^scale, 64 bits, at most 18 digits. */
  | { kind: "decimal"; scale: number }
  /** Canonical text: valid UTF-8. */
  | { kind: "text" };

export type Vector = {
  /** Fixed-width cells one after another; for text, the bytes of all cells. */
  data: Uint8Array<ArrayBuffer>;
  /** Text only: cell r is `data[offsets[r]…offsets[r + 1])`. */
  offsets: Uint32Array<ArrayBuffer> | null;
  /** One bit per row, lowest first, set when the cell is not NULL; a whole number of 8-byte words. */
  valid: Uint8Array<ArrayBuffer>;
  /** Cells that the storage cannot hold exactly: NULL in `data`, their text here. */
  escapes: { row: number; text: string }[];
};

export type Batch = { rows: number; bytes: number; vectors: Vector[] };

export function widthOf(storage: Storage): number {
  switch (storage.kind) {
    case "bool":
      return 1;
    case "int2":
      return 2;
    case "int4":
    case "float4":
    case "date":
      return 4;
    case "text":
      return 0;
    default:
      return 8;
  }
}

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
