/** Reads rows of one part, exactly as they are stored. */
import { type FileMetaData, parquetMetadataAsync, parquetRead, type SchemaElement } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import type { PartSource } from "./source.ts";

/** A stored value: 64-bit integers, scaled decimals and timestamps as bigint, dates as days. */
export type StoredCell = string | number | bigint | boolean | null;

/** How a column is stored, read from the file: `decimal` carries the scale. */
export type StoredKind =
  | { kind: "plain" | "date" | "timestamp" | "timestamptz" }
  | { kind: "decimal"; scale: number };

export type PartLayout = { metadata: FileMetaData; kinds: Map<string, StoredKind>; chunks: number };

/** Bounds the cache: metadata weighs by its column chunks, about 500 bytes each. */
const MAX_CACHED_CHUNKS = 100_000;
const cache = new Map<string, PartLayout>();
let cachedChunks = 0;

/** The part's metadata, from the cache when it was read before. */
export async function readLayout(source: PartSource): Promise<PartLayout> {
  const cached = cache.get(source.id);
  if (cached !== undefined) {
    // Last used, last dropped: a Map keeps the order of insertion.
    cache.delete(source.id);
    cache.set(source.id, cached);
    return cached;
  }
  const metadata = await parquetMetadataAsync(asyncBuffer(source), { parsers: RAW_PARSERS });
  const kinds = new Map<string, StoredKind>();
  const schema = metadata.schema.map((element) => {
    kinds.set(element.name, kindOf(element));
    return rawElement(element);
  });
  const chunks = metadata.row_groups.reduce((sum, group) => sum + group.columns.length, 0);
  const layout = { metadata: { ...metadata, schema }, kinds, chunks };
  remember(source.id, layout);
  return layout;
}

function remember(id: string, layout: PartLayout): void {
  cache.set(id, layout);
  cachedChunks += layout.chunks;
  for (const [oldest, { chunks }] of cache) {
    if (cachedChunks <= MAX_CACHED_CHUNKS) return;
    cache.delete(oldest);
    cachedChunks -= chunks;
  }
}

/** Rows [start, end) of the part, the given physical columns in their order. */
export async function readStoredRows(
  source: PartSource,
  layout: PartLayout,
  columns: string[],
  start: number,
  end: number,
): Promise<StoredCell[][]> {
  let rows: StoredCell[][] = [];
  await parquetRead({
    file: asyncBuffer(source),
    metadata: layout.metadata,
    columns,
    rowStart: start,
    rowEnd: end,
    rowFormat: "array",
    compressors,
    parsers: RAW_PARSERS,
    onComplete: (read: StoredCell[][]) => {
      rows = read;
    },
  });
  return rows;
}

// A leading U+FEFF belongs to the text.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The library's own lose microseconds. */
const RAW_PARSERS = {
  timestampFromMicroseconds: (micros: bigint) => micros,
  dateFromDays: (days: number) => days,
  stringFromBytes: (bytes: Uint8Array | undefined) => bytes && decoder.decode(bytes),
};

function kindOf(element: SchemaElement): StoredKind {
  if (element.converted_type === "DECIMAL") return { kind: "decimal", scale: element.scale ?? 0 };
  if (element.converted_type === "DATE") return { kind: "date" };
  if (element.logical_type?.type === "TIMESTAMP") {
    return { kind: element.logical_type.isAdjustedToUTC ? "timestamptz" : "timestamp" };
  }
  return { kind: "plain" };
}

/** Without its type a decimal is read as the integer that is stored, not as a float. */
function rawElement(element: SchemaElement): SchemaElement {
  if (element.converted_type !== "DECIMAL") return element;
  const { converted_type: _, logical_type: __, ...raw } = element;
  return raw;
}

function asyncBuffer(source: PartSource) {
  return {
    byteLength: source.byteLength,
    slice: (start: number, end?: number) => source.slice(start, end),
  };
}
