/** Turns the cells of DataRow messages into vectors, without a JavaScript value per cell. */
import { isUtf8 } from "node:buffer";
import { type Escape, type Storage, type Vector, widthOf } from "../batch.ts";

export type ColumnBuilder = {
  /** The cell of this row is `buffer[start…start + length)`. */
  put(buffer: Buffer, start: number, length: number, row: number): void;
  putNull(row: number): void;
  /** What was put since the last call; valid until the next put. */
  take(): Vector;
};

/** Microseconds from 1970 to 2000, as two halves of a 64-bit number. */
const EPOCH_LOW = 946_684_800_000_000 % 2 ** 32;
const EPOCH_HIGH = Math.floor(946_684_800_000_000 / 2 ** 32);
const EPOCH_DAYS = 10_957;
/** Shorter cells are copied faster byte by byte than by a call. */
const MANUAL_COPY = 48;
const MAX_KEPT_BYTES = 4 * 1024 * 1024;

export type BuilderOptions = { checkUtf8: boolean; capacity: number };

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
  const escape = (row: number, text: string) => {
    clear(row);
    escapes.push({ row, text });
  };
  return {
    put: cellWriter(storage, data, escape),
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

type Put = ColumnBuilder["put"];
type PutEscape = (row: number, text: string) => void;

function cellWriter(storage: Storage, data: Uint8Array<ArrayBuffer>, escape: PutEscape): Put {
  const ints = new Int32Array(data.buffer, 0, data.byteLength >> 2);
  switch (storage.kind) {
    case "bool":
      return (buffer, start, _length, row) => {
        data[row] = buffer[start] ?? 0;
      };
    case "int2":
      return (buffer, start, _length, row) => {
        data[row * 2] = buffer[start + 1] ?? 0;
        data[row * 2 + 1] = buffer[start] ?? 0;
      };
    case "int4":
    case "float4":
      return (buffer, start, _length, row) => {
        ints[row] = bigEndian(buffer, start);
      };
    case "int8":
    case "float8":
      return (buffer, start, _length, row) => {
        ints[row * 2] = bigEndian(buffer, start + 4);
        ints[row * 2 + 1] = bigEndian(buffer, start);
      };
    case "date":
      return dateWriter(ints, escape);
    case "timestamp":
    case "timestamptz":
      return timestampWriter(ints, storage.kind === "timestamptz" ? "+00" : "", escape);
    default:
      return decimalWriter(ints, storage.kind === "decimal" ? storage.scale : 0, escape);
  }
}

function bigEndian(buffer: Buffer, at: number): number {
  return (
    ((buffer[at] as number) << 24) |
    ((buffer[at + 1] as number) << 16) |
    ((buffer[at + 2] as number) << 8) |
    (buffer[at + 3] as number)
  );
}

function dateWriter(ints: Int32Array, escape: PutEscape): Put {
  return (buffer, start, _length, row) => {
    const days = bigEndian(buffer, start);
    if (days === 0x7fffffff) escape(row, "infinity");
    else if (days === -0x80000000) escape(row, "-infinity");
    else ints[row] = days + EPOCH_DAYS;
  };
}

function timestampWriter(ints: Int32Array, zone: string, escape: PutEscape): Put {
  return (buffer, start, _length, row) => {
    const high = bigEndian(buffer, start);
    const low = bigEndian(buffer, start + 4) >>> 0;
    if (high === 0x7fffffff && low === 0xffffffff) return escape(row, "infinity");
    if (high === -0x80000000 && low === 0) return escape(row, "-infinity");
    const sum = low + EPOCH_LOW;
    const carried = high + EPOCH_HIGH + (sum >= 2 ** 32 ? 1 : 0);
    // Beyond the year 294246: the only times of PostgreSQL that 64 bits of microseconds since 1970 do not hold.
    if (carried > 0x7fffffff) return escape(row, farTimestamp(high, low) + zone);
    ints[row * 2] = sum | 0;
    ints[row * 2 + 1] = carried;
  };
}

/**
 * The text of a timestamp whose microseconds since 1970 overflow. JavaScript's Date ends in the year 275760, so
 * the calendar is asked 400 years, one whole cycle, times 100 earlier.
 */
function farTimestamp(high: number, low: number): string {
  const micros = BigInt(high) * 4_294_967_296n + BigInt(low);
  const shift = 40_000;
  const millis = Number(micros / 1000n) - 14_609_700 * 86_400_000 + 946_684_800_000;
  const iso = new Date(millis).toISOString();
  const match = /^\+?0*(\d+)-(\d\d-\d\d)T(\d\d:\d\d:\d\d)/.exec(iso);
  const fraction = String(micros % 1_000_000n).padStart(6, "0").replace(/0+$/, "");
  const year = Number(match?.[1]) + shift;
  return `${year}-${match?.[2]} ${match?.[3]}${fraction === "" ? "" : `.${fraction}`}`;
}

/** Digits of numeric text as value × 10^scale; what has other digits than the column promises is escaped. */
function decimalWriter(ints: Int32Array, scale: number, escape: PutEscape): Put {
  return (buffer, start, length, row) => {
    const end = start + length;
    const negative = buffer[start] === 0x2d;
    let at = negative ? start + 1 : start;
    let top = 0;
    let bottom = 0;
    let digits = 0;
    let fraction = -1;
    for (; at < end; at += 1) {
      const char = buffer[at] as number;
      if (char === 0x2e && fraction === -1) fraction = digits;
      else if (char === 0x30 && digits === 0 && fraction === -1) continue;
      else if (char >= 0x30 && char <= 0x39 && digits < 19) {
        // The first digits fill `top`; the last nine end up in `bottom` by the split below.
        bottom = bottom * 10 + (char - 0x30);
        digits += 1;
        if (digits === 9) {
          top = bottom;
          bottom = 0;
        }
      } else break;
    }
    const places = fraction === -1 ? 0 : digits - fraction;
    if (at < end || places !== scale || digits > 18) {
      escape(row, buffer.toString("latin1", start, end));
      return;
    }
    const rest = digits > 9 ? 10 ** (digits - 9) : 1;
    setScaled(ints, row, digits >= 9 ? top : bottom, rest, digits >= 9 ? bottom : 0, negative);
  };
}

/** Writes ±(top × factor + bottom) as 64 bits; top, factor ≤ 10^9. */
function setScaled(
  ints: Int32Array,
  row: number,
  top: number,
  factor: number,
  bottom: number,
  negative: boolean,
): void {
  const upper = Math.floor(top / 65_536) * factor;
  const lower = (top % 65_536) * factor + bottom;
  const middle = (upper % 65_536) * 65_536 + (lower % 2 ** 32);
  let low = middle % 2 ** 32;
  let high = Math.floor(upper / 65_536) + Math.floor(lower / 2 ** 32) + Math.floor(middle / 2 ** 32);
  if (negative) {
    low = (2 ** 32 - low) % 2 ** 32;
    high = low === 0 ? -high : -high - 1;
  }
  ints[row * 2] = low | 0;
  ints[row * 2 + 1] = high | 0;
}

function textBuilder({ checkUtf8, capacity }: BuilderOptions): ColumnBuilder {
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
      if (checkUtf8 && !isUtf8(data.subarray(used, used + length))) {
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
