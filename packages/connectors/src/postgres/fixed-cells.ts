/** The server's binary cells as little-endian fixed-width ones, without a JavaScript value per cell. */
import type { Storage } from "@quern/contract/batch";

/** Microseconds from 1970 to 2000, as two halves of a 64-bit number. */
const EPOCH_LOW = 946_684_800_000_000 % 2 ** 32;
const EPOCH_HIGH = Math.floor(946_684_800_000_000 / 2 ** 32);
const EPOCH_DAYS = 10_957;

/** The cell of this row is `buffer[start…start + length)`. */
export type Put = (buffer: Buffer, start: number, length: number, row: number) => void;
/** The cell of this row cannot be held exactly: this is its text. */
export type PutEscape = (row: number, text: string) => void;

/** Writes the server's cells into `data`, fixed width each. */
export function cellWriter(
  storage: Storage,
  data: Uint8Array<ArrayBuffer>,
  putEscape: PutEscape,
): Put {
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
      return dateWriter(ints, putEscape);
    case "timestamp":
    case "timestamptz":
      return timestampWriter(ints, storage.kind === "timestamptz" ? "+00" : "", putEscape);
    default:
      return decimalWriter(ints, storage.kind === "decimal" ? storage.scale : 0, putEscape);
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

function dateWriter(ints: Int32Array, putEscape: PutEscape): Put {
  return (buffer, start, _length, row) => {
    const days = bigEndian(buffer, start);
    if (days === 0x7fffffff) putEscape(row, "infinity");
    else if (days === -0x80000000) putEscape(row, "-infinity");
    else ints[row] = days + EPOCH_DAYS;
  };
}

function timestampWriter(ints: Int32Array, zone: string, putEscape: PutEscape): Put {
  return (buffer, start, _length, row) => {
    const high = bigEndian(buffer, start);
    const low = bigEndian(buffer, start + 4) >>> 0;
    if (high === 0x7fffffff && low === 0xffffffff) return putEscape(row, "infinity");
    if (high === -0x80000000 && low === 0) return putEscape(row, "-infinity");
    const sum = low + EPOCH_LOW;
    const carried = high + EPOCH_HIGH + (sum >= 2 ** 32 ? 1 : 0);
    // Beyond the year 294246: the only times of PostgreSQL that 64 bits of microseconds since 1970 do not hold.
    if (carried > 0x7fffffff) return putEscape(row, farTimestamp(high, low) + zone);
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
  const seconds = micros / 1_000_000n - 14_609_700n * 86_400n + 946_684_800n;
  const iso = new Date(Number(seconds) * 1000).toISOString();
  const match = /^\+?0*(\d+)-(\d\d-\d\d)T(\d\d:\d\d:\d\d)/.exec(iso);
  const fraction = String(micros % 1_000_000n)
    .padStart(6, "0")
    .replace(/0+$/, "");
  const year = Number(match?.[1]) + shift;
  return `${year}-${match?.[2]} ${match?.[3]}${fraction === "" ? "" : `.${fraction}`}`;
}

/** Digits of numeric text as value × 10^scale; what has other digits than the column promises is escaped. */
function decimalWriter(ints: Int32Array, scale: number, putEscape: PutEscape): Put {
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
      putEscape(row, buffer.toString("latin1", start, end));
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
  let high =
    Math.floor(upper / 65_536) + Math.floor(lower / 2 ** 32) + Math.floor(middle / 2 ** 32);
  if (negative) {
    low = (2 ** 32 - low) % 2 ** 32;
    high = low === 0 ? -high : -high - 1;
  }
  ints[row * 2] = low | 0;
  ints[row * 2 + 1] = high | 0;
}
