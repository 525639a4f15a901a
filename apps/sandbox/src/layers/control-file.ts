/**
 * PostgreSQL's `global/pg_control`, read by ourselves: the npm packages bring no pg_controldata. The layout is that of
 * ControlFileData in src/include/catalog/pg_control.h, the same in 13 to 17; 18 added the signedness of char.
 */
import { readFile } from "node:fs/promises";
import { endianness } from "node:os";
import { join } from "node:path";
import { LayerRefused } from "./cache-error.ts";

export type ControlFile = {
  system_identifier: string;
  /** 1300 for PostgreSQL 13 to 16, then 1700 and 1800. */
  control_version: number;
  catalog_version: number;
  /** Stopped cleanly: state DB_SHUTDOWNED. */
  clean: boolean;
  max_align: number;
  block_bytes: number;
  segment_blocks: number;
  wal_block_bytes: number;
  wal_segment_bytes: number;
  name_bytes: number;
  index_keys: number;
  toast_chunk_bytes: number;
  large_object_bytes: number;
  float8_by_value: boolean;
  checksum_version: number;
  /** null before PostgreSQL 18. */
  char_signed: boolean | null;
  timeline: number;
  /** Of the last checkpoint, whose WAL segment a server needs to start. */
  redo: bigint;
};

const DB_SHUTDOWNED = 1;
const FLOAT_FORMAT = 1_234_567;
/** Where the checksum is, by version. */
export const CRC_AT: Record<number, number> = { 1300: 288, 1700: 288, 1800: 292 };

/** Reads and checks the file below a PGDATA. Throws LayerRefused when it is missing, damaged or of another layout. */
export async function readControlFile(directory: string): Promise<ControlFile> {
  const path = join(directory, "global/pg_control");
  const bytes = await readFile(path).catch((error: unknown) => {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    throw new LayerRefused(`${directory} is no PGDATA: it has no global/pg_control`, {
      cause: error,
    });
  });
  return parseControlFile(bytes);
}

/** Throws LayerRefused when the bytes are no control file of PostgreSQL 13 to 18 made on this architecture. */
export function parseControlFile(bytes: Buffer): ControlFile {
  if (endianness() !== "LE") throw new LayerRefused("layers need a little-endian machine");
  const control_version = bytes.length >= 300 ? bytes.readUInt32LE(8) : 0;
  const crcAt = CRC_AT[control_version];
  if (crcAt === undefined)
    throw new LayerRefused(`pg_control has version ${control_version}, which is none of 13 to 18`);
  if (crc32c(bytes.subarray(0, crcAt)) !== bytes.readUInt32LE(crcAt))
    throw new LayerRefused("pg_control is damaged: its checksum is wrong");
  if (bytes.readDoubleLE(208) !== FLOAT_FORMAT)
    throw new LayerRefused("pg_control was written with another format of floats");
  return {
    system_identifier: String(bytes.readBigUInt64LE(0)),
    control_version,
    catalog_version: bytes.readUInt32LE(12),
    clean: bytes.readUInt32LE(16) === DB_SHUTDOWNED,
    redo: bytes.readBigUInt64LE(40),
    timeline: bytes.readUInt32LE(48),
    max_align: bytes.readUInt32LE(204),
    block_bytes: bytes.readUInt32LE(216),
    segment_blocks: bytes.readUInt32LE(220),
    wal_block_bytes: bytes.readUInt32LE(224),
    wal_segment_bytes: bytes.readUInt32LE(228),
    name_bytes: bytes.readUInt32LE(232),
    index_keys: bytes.readUInt32LE(236),
    toast_chunk_bytes: bytes.readUInt32LE(240),
    large_object_bytes: bytes.readUInt32LE(244),
    float8_by_value: bytes.readUInt8(248) === 1,
    checksum_version: bytes.readUInt32LE(252),
    char_signed: control_version === 1800 ? bytes.readUInt8(256) === 1 : null,
  };
}

/** The name of the WAL segment that holds the last checkpoint. */
export function checkpointSegment({ redo, timeline, wal_segment_bytes }: ControlFile): string {
  const segment = redo / BigInt(wal_segment_bytes);
  const perLog = 0x1_0000_0000n / BigInt(wal_segment_bytes);
  const hex = (value: bigint | number) => value.toString(16).toUpperCase().padStart(8, "0");
  return `${hex(timeline)}${hex(segment / perLog)}${hex(segment % perLog)}`;
}

const CASTAGNOLI = 0x82f63b78;
const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let crc = n;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ CASTAGNOLI : crc >>> 1;
  return crc >>> 0;
});

/** The checksum that PostgreSQL puts into its control file. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
