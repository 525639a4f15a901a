/** Fills DuckDB's data chunks from batches. */
import type { DataChunk, Vector as DuckDbVector, LogicalType } from "@duckdb/node-bindings";
import { type Batch, type Storage, type Vector, widthOf } from "@quern/contract/batch";
import { mayEscape } from "./batch.ts";
import type { DuckDbApi } from "./duckdb.ts";

export type ChunkFiller = {
  /** The columns of the staging table: c0…cN, and x<i> for those that may have escapes. */
  ddl: string;
  append(batch: Batch, append: (chunk: DataChunk) => void): void;
};

/** A DuckDB string is 16 bytes: its length and up to 12 bytes inline, or a pointer. */
const STRING_BYTES = 16;
const INLINE_BYTES = 12;
const MAX_ROWS = 2_048;
/** By DuckDB's enum of types. */
const SQL_TYPES: Record<Storage["kind"], string> = {
  bool: "boolean",
  int2: "smallint",
  int4: "integer",
  int8: "bigint",
  float4: "float",
  float8: "double",
  date: "date",
  timestamp: "timestamp",
  timestamptz: "timestamptz",
  decimal: "decimal",
  text: "varchar",
};

export function chunkFiller(api: DuckDbApi, storages: Storage[]): ChunkFiller {
  const sides = storages.flatMap((storage, index) => (mayEscape(storage) ? [index] : []));
  const types = [
    ...storages.map((storage) => logicalType(api, storage)),
    ...sides.map(() => logicalType(api, { kind: "text" })),
  ];
  const ddl = [
    ...storages.map((storage, index) => `c${index} ${sqlType(storage)}`),
    ...sides.map((index) => `x${index} varchar`),
  ].join(", ");
  const scratch = new Uint8Array(MAX_ROWS * STRING_BYTES);
  // One chunk for all batches: one of 1,600 text columns has 50 MB, freed only when the collector comes by. Its
  // cells and validity are written whole each time, so nothing of a former batch is left.
  const chunk = api.create_data_chunk(types);

  return {
    ddl,
    append(batch, append) {
      api.data_chunk_reset(chunk);
      api.data_chunk_set_size(chunk, batch.rows);
      for (const [index, storage] of storages.entries()) {
        const vector = batch.vectors[index];
        if (vector === undefined) throw new Error(`the batch lacks column ${index}`);
        const target = api.data_chunk_get_vector(chunk, index);
        if (storage.kind === "text") fillText(api, target, vector, batch.rows, scratch);
        else fillFixed(api, target, vector, batch.rows * widthOf(storage));
        setValid(api, target, vector.valid, batch.rows);
      }
      for (const [place, index] of sides.entries()) {
        const target = api.data_chunk_get_vector(chunk, storages.length + place);
        fillEscapes(api, target, batch.vectors[index]?.escapes ?? [], batch.rows);
      }
      append(chunk);
    },
  };
}

function sqlType(storage: Storage): string {
  return storage.kind === "decimal" ? `decimal(18, ${storage.scale})` : SQL_TYPES[storage.kind];
}

function logicalType(api: DuckDbApi, storage: Storage): LogicalType {
  const { Type } = api;
  const ids: Record<Exclude<Storage["kind"], "decimal">, number> = {
    bool: Type.BOOLEAN,
    int2: Type.SMALLINT,
    int4: Type.INTEGER,
    int8: Type.BIGINT,
    float4: Type.FLOAT,
    float8: Type.DOUBLE,
    date: Type.DATE,
    timestamp: Type.TIMESTAMP,
    timestamptz: Type.TIMESTAMP_TZ,
    text: Type.VARCHAR,
  };
  // 18 digits whatever the column promises: decimals are then always 64 bits wide.
  return storage.kind === "decimal"
    ? api.create_decimal_type(18, storage.scale)
    : api.create_logical_type(ids[storage.kind]);
}

function fillFixed(api: DuckDbApi, target: DuckDbVector, vector: Vector, bytes: number): void {
  api.copy_data_to_vector(target, 0, vector.data.buffer, vector.data.byteOffset, bytes);
}

function fillText(
  api: DuckDbApi,
  target: DuckDbVector,
  { data, offsets }: Vector,
  rows: number,
  scratch: Uint8Array<ArrayBuffer>,
): void {
  if (offsets === null) throw new Error("a text column without offsets");
  const lengths = new Uint32Array(scratch.buffer, scratch.byteOffset, scratch.byteLength >> 2);
  lengths.fill(0, 0, rows * 4);
  let start = offsets[0] as number;
  let hasLong = false;
  for (let row = 0; row < rows; row += 1) {
    const end = offsets[row + 1] as number;
    const length = end - start;
    if (length <= INLINE_BYTES) {
      lengths[row * 4] = length;
      const to = row * STRING_BYTES + 4 - start;
      for (let at = start; at < end; at += 1) scratch[to + at] = data[at] as number;
    } else hasLong = true;
    start = end;
  }
  api.copy_data_to_vector(target, 0, scratch.buffer, scratch.byteOffset, rows * STRING_BYTES);
  if (!hasLong) return;
  start = offsets[0] as number;
  for (let row = 0; row < rows; row += 1) {
    const end = offsets[row + 1] as number;
    if (end - start > INLINE_BYTES) {
      api.vector_assign_string_element_len(target, row, data.subarray(start, end));
    }
    start = end;
  }
}

function fillEscapes(
  api: DuckDbApi,
  target: DuckDbVector,
  escapes: Vector["escapes"],
  rows: number,
): void {
  const valid = new Uint8Array(Math.ceil(rows / 64) * 8);
  for (const { row, text } of escapes) {
    api.vector_assign_string_element(target, row, text);
    valid[row >> 3] = (valid[row >> 3] ?? 0) | (1 << (row & 7));
  }
  setValid(api, target, valid, rows);
}

function setValid(
  api: DuckDbApi,
  target: DuckDbVector,
  valid: Uint8Array<ArrayBuffer>,
  rows: number,
): void {
  const bytes = Math.ceil(rows / 64) * 8;
  api.vector_ensure_validity_writable(target);
  api.copy_data_to_vector_validity(target, 0, valid.buffer, valid.byteOffset, bytes);
}
