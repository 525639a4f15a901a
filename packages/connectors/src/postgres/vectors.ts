/** Turns the cells of DataRow messages into vectors, without a JavaScript value per cell. */
import { isUtf8 } from "node:buffer";
import { type Escape, type Storage, type Vector, widthOf } from "@quern/contract/batch";
import { cellWriter, type Put } from "./fixed-cells.ts";
import { textCellWriter } from "./text-cells.ts";

export type ColumnBuilder = {
  put: Put;
  putNull(row: number): void;
  /** What was put since the last call; valid until the next put. */
  take(): Vector;
};

/** Shorter cells are copied faster byte by byte than by a call. */
const MANUAL_COPY = 48;
const MAX_KEPT_BYTES = 4 * 1024 * 1024;

export type BuilderOptions = {
  capacity: number;
  /** When it is given, text is checked, and repaired where it is no UTF-8. */
  onRepair: (() => void) | null;
  /** All cells come as text. */
  as_text?: boolean;
};

/** A builder for batches of at most `capacity` rows. */
export function columnBuilder(storage: Storage, options: BuilderOptions): ColumnBuilder {
  if (storage.kind === "text") return textBuilder(options);
  // A multiple of four bytes, because most cells are written as 32-bit words.
  const data = new Uint8Array(Math.ceil((options.capacity * widthOf(storage)) / 4) * 4);
  const valid = allValid(options.capacity);
  let escapes: Escape[] = [];
  const clear = (row: number) => {
    valid[row >> 3] = (valid[row >> 3] ?? 0) & ~(1 << (row & 7));
  };
  const putEscape = (row: number, text: string) => {
    clear(row);
    escapes.push({ row, text });
  };
  return {
    put: (options.as_text ? textCellWriter : cellWriter)(storage, data, putEscape),
    putNull: clear,
    take() {
      const vector: Vector = { data, offsets: null, valid: valid.slice(), escapes };
      valid.fill(0xff);
      escapes = [];
      return vector;
    },
  };
}

function allValid(capacity: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Math.ceil(capacity / 64) * 8).fill(0xff);
}

function textBuilder({ onRepair, capacity }: BuilderOptions): ColumnBuilder {
  const offsets = new Uint32Array(capacity + 1);
  const valid = allValid(capacity);
  const initial = capacity * 8;
  let data = new Uint8Array(initial);
  let used = 0;

  function reserve(length: number): void {
    if (used + length <= data.length) return;
    const grown = new Uint8Array(Math.max(data.length * 2, used + length));
    grown.set(data.subarray(0, used));
    data = grown;
  }

  return {
    put(buffer, start, length, row) {
      reserve(length);
      if (length <= MANUAL_COPY) {
        const to = data;
        for (let i = 0; i < length; i += 1) to[used + i] = buffer[start + i] as number;
      } else {
        data.set(buffer.subarray(start, start + length), used);
      }
      if (onRepair !== null && !isUtf8(data.subarray(used, used + length))) {
        onRepair();
        const repaired = Buffer.from(buffer.toString("utf8", start, start + length), "utf8");
        reserve(repaired.length);
        data.set(repaired, used);
        used += repaired.length;
      } else used += length;
      offsets[row + 1] = used;
    },
    putNull(row) {
      valid[row >> 3] = (valid[row >> 3] ?? 0) & ~(1 << (row & 7));
      offsets[row + 1] = used;
    },
    take() {
      const vector: Vector = { data, offsets, valid: valid.slice(), escapes: [] };
      valid.fill(0xff);
      used = 0;
      // One huge cell must not hold its memory for the rest of the run.
      if (data.length > MAX_KEPT_BYTES) data = new Uint8Array(initial);
      return vector;
    },
  };
}
