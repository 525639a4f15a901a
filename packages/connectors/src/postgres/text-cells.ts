/** The server's text cells as little-endian fixed-width ones, for answers that come by the simple protocol. */
import type { Storage } from "@quern/contract/batch";
import { cellWriter, type Put, type PutEscape } from "./fixed-cells.ts";
import { storageOf } from "./types.ts";

const PARSED = new Set(["bool", "int2", "int4", "int8", "float4", "float8", "decimal"]);

/** How a column that comes as text is kept. Times stay text: how they are written is up to the session. */
export function textStorageOf(oid: number, typmod: number): Storage {
  const storage = storageOf(oid, typmod);
  return PARSED.has(storage.kind) ? storage : { kind: "text" };
}

/** Writes cells of a storage of `textStorageOf` into `data`. */
export function textCellWriter(
  storage: Storage,
  data: Uint8Array<ArrayBuffer>,
  putEscape: PutEscape,
): Put {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const number = (buffer: Buffer, start: number, length: number) =>
    Number(buffer.toString("latin1", start, start + length));
  switch (storage.kind) {
    case "bool":
      return (buffer, start, _length, row) => {
        data[row] = buffer[start] === 0x74 ? 1 : 0;
      };
    case "int2":
      return (buffer, start, length, row) =>
        view.setInt16(row * 2, number(buffer, start, length), true);
    case "int4":
      return (buffer, start, length, row) =>
        view.setInt32(row * 4, number(buffer, start, length), true);
    case "int8":
      return (buffer, start, length, row) =>
        view.setBigInt64(row * 8, BigInt(buffer.toString("latin1", start, start + length)), true);
    case "float4":
      return (buffer, start, length, row) =>
        view.setFloat32(row * 4, number(buffer, start, length), true);
    case "float8":
      return (buffer, start, length, row) =>
        view.setFloat64(row * 8, number(buffer, start, length), true);
    default:
      // Decimals come as text in either protocol.
      return cellWriter(storage, data, putEscape);
  }
}
