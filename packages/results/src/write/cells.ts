import { type Storage, type Vector, widthOf } from "@quern/contract/batch";

const MAX_STRING = 256;

export type RawCell = Uint8Array | string | number | bigint | boolean | null;

/** The cells of a vector as the Parquet writer takes them: 64-bit storages as bigint, short text as string. */
export function rawCells(storage: Storage, vector: Vector, rows: number): RawCell[] {
  const read = cellReader(storage, vector);
  return Array.from({ length: rows }, (_, row) =>
    ((vector.valid[row >> 3] ?? 0) >> (row & 7)) & 1 ? read(row) : null,
  );
}

function cellReader(storage: Storage, { data, offsets }: Vector): (row: number) => RawCell {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const width = widthOf(storage);
  switch (storage.kind) {
    case "bool":
      return (row) => view.getUint8(row) !== 0;
    case "int2":
      return (row) => view.getInt16(row * width, true);
    case "int4":
    case "date":
      return (row) => view.getInt32(row * width, true);
    case "float4":
      return (row) => view.getFloat32(row * width, true);
    case "float8":
      return (row) => view.getFloat64(row * width, true);
    case "text":
      return textReader(data, offsets);
    default:
      return (row) => view.getBigInt64(row * width, true);
  }
}

/** Strings find their repetitions and become a dictionary; long cells stay the bytes that they are. */
function textReader(data: Vector["data"], offsets: Vector["offsets"]): (row: number) => RawCell {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return (row) => {
    const start = offsets?.[row] ?? 0;
    const end = offsets?.[row + 1] ?? 0;
    return end - start <= MAX_STRING
      ? bytes.toString("utf8", start, end)
      : bytes.subarray(start, end);
  };
}

/** The side column of a vector. */
export function escapeCells(vector: Vector, rows: number): (string | null)[] {
  const cells = new Array<string | null>(rows).fill(null);
  for (const { row, text } of vector.escapes) cells[row] = text;
  return cells;
}
