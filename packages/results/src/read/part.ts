/** Reads rows of one part, exactly as they are stored. */
import {
  type FileMetaData,
  parquetMetadataAsync,
  parquetRead,
  type RowGroup,
  type SchemaElement,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { physicalOfElement } from "../parquet-schema.ts";
import type { Physical } from "../physical.ts";
import type { PartSource } from "./source.ts";
import { weightedCache } from "./weighted-cache.ts";

/** A stored value: 64-bit integers, scaled decimals and timestamps as bigint, dates as days. */
export type StoredCell = string | number | bigint | boolean | null;

export type PartLayout = {
  metadata: FileMetaData;
  /** How each physical column is stored, by its name. */
  kinds: Map<string, Physical>;
  /** Where row groups end: the number of rows up to each. */
  group_ends: number[];
};

/** Metadata weighs by its column chunks, some 500 bytes each. */
const cache = weightedCache<PartLayout>(
  100_000,
  ({ metadata, group_ends }) => group_ends.length * metadata.schema.length,
);

/** The part's metadata, from the cache when it was read before. */
export async function readLayout(source: PartSource): Promise<PartLayout> {
  const cached = cache.get(source.id);
  if (cached !== undefined) return cached;
  const metadata = await parquetMetadataAsync(asyncBuffer(source), { parsers: RAW_PARSERS });
  let rows = 0;
  const layout: PartLayout = {
    metadata: {
      ...metadata,
      schema: metadata.schema.map(rawElement),
      row_groups: metadata.row_groups.map(slim),
    },
    kinds: new Map(metadata.schema.map((element) => [element.name, physicalOfElement(element)])),
    group_ends: metadata.row_groups.map((group) => {
      rows += Number(group.num_rows);
      return rows;
    }),
  };
  cache.set(source.id, layout);
  return layout;
}

/** Without what only filters need, which is most of it. */
function slim(group: RowGroup): RowGroup {
  return {
    num_rows: group.num_rows,
    total_byte_size: group.total_byte_size,
    columns: group.columns.map(({ meta_data: chunk, file_offset }) => ({
      file_offset,
      ...(chunk && {
        meta_data: {
          type: chunk.type,
          encodings: [],
          path_in_schema: chunk.path_in_schema,
          codec: chunk.codec,
          num_values: chunk.num_values,
          total_uncompressed_size: chunk.total_uncompressed_size,
          total_compressed_size: chunk.total_compressed_size,
          data_page_offset: chunk.data_page_offset,
          ...(chunk.dictionary_page_offset !== undefined && {
            dictionary_page_offset: chunk.dictionary_page_offset,
          }),
        },
      }),
    })),
  };
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
