/**
 * Rows on their way from an engine to a result: columns of little-endian values as Parquet and DuckDB keep
 * them, so that a fixed-width cell is never a JavaScript value.
 */

/** How the cells of a column are kept. Chosen once per statement, so that it is the same in every batch. */
export type Storage =
  | { kind: "bool" | "int2" | "int4" | "int8" | "float4" | "float8" }
  /** Days since 1970-01-01, 32 bits. */
  | { kind: "date" }
  /** Microseconds since 1970-01-01 (UTC for `timestamptz`), 64 bits. */
  | { kind: "timestamp" | "timestamptz" }
  /** The value times 10^scale, 64 bits, at most 18 digits. */
  | { kind: "decimal"; scale: number }
  /** The engine's canonical text: valid UTF-8. */
  | { kind: "text" };

/** A cell that its storage cannot hold exactly (NaN, infinity, a far date): NULL there, its text here. */
export type Escape = { row: number; text: string };

export type Vector = {
  /** Fixed-width cells one after another; for text, the bytes of all cells. */
  data: Uint8Array<ArrayBuffer>;
  /** Text only: cell r is `data[offsets[r]…offsets[r + 1])`. */
  offsets: Uint32Array<ArrayBuffer> | null;
  /** One bit per row, lowest first, set when the cell is not NULL; a whole number of 8-byte words. */
  valid: Uint8Array<ArrayBuffer>;
  escapes: Escape[];
};

/** At most MAX_BATCH_ROWS rows. A receiver may use it until the promise it returned is settled. */
export type Batch = { rows: number; bytes: number; vectors: Vector[] };

export const MAX_BATCH_ROWS = 2048;

/** Bytes of one fixed-width cell; 0 for text. */
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
