import { Buffer } from "node:buffer";
import type { Column } from "@quern/contract/results";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { parquetElement } from "../parquet-schema.ts";
import { cellFormat } from "./cells.ts";
import { uniqueNames } from "./names.ts";
import type { StoredCell, StoredKind } from "./part.ts";
import { type OpenPart, type ResultManifest, type StoredChunk, streamStored } from "./rows.ts";

const GROUP_ROWS = 16_384;
const GROUP_CELLS = 400_000;

/**
 * The result as one Parquet file under its display names (repeated ones numbered). Types are kept, except that a
 * column with cells that its type cannot hold (NaN in numeric, infinite dates) becomes text.
 */
export async function* parquet(
  manifest: ResultManifest,
  openPart: OpenPart,
): AsyncGenerator<Buffer> {
  const { columns } = manifest;
  const escaped = new Set(manifest.parts.flatMap(({ escapes }) => escapes));
  const names = uniqueNames(columns.map(({ name }) => name));
  const bytes = new ByteWriter();
  let writer: ParquetWriter | null = null;
  let group: StoredCell[][] = [];
  const groupRows = Math.max(
    1,
    Math.min(GROUP_ROWS, Math.floor(GROUP_CELLS / Math.max(columns.length, 1))),
  );

  const flushGroup = () => {
    const data = names.map((name, index) => ({ name, data: group.map((row) => row[index] ?? null) }));
    writer?.write({ columnData: data, rowGroupSize: group.length });
    group = [];
    return drain(bytes);
  };

  for await (const chunk of streamStored(manifest, openPart)) {
    writer ??= openWriter(bytes, columns, names, chunk.kinds, escaped);
    for (const row of exportRows(columns, chunk, escaped)) {
      group.push(row);
      if (group.length >= groupRows) yield flushGroup();
    }
  }
  writer ??= openWriter(bytes, columns, names, [], escaped);
  if (group.length > 0 && columns.length > 0) yield flushGroup();
  writer.finish();
  yield drain(bytes);
}

function openWriter(
  bytes: ByteWriter,
  columns: Column[],
  names: string[],
  kinds: StoredKind[],
  escaped: Set<number>,
): ParquetWriter {
  const elements = columns.map((column, index) =>
    parquetElement(names[index] ?? "", exportKind(column, kinds[index], escaped.has(index))),
  );
  return new ParquetWriter({
    writer: bytes,
    schema: [{ name: "root", num_children: elements.length }, ...elements],
    statistics: false,
    createdBy: "quern",
  });
}

function exportKind(
  column: Column,
  stored: StoredKind | undefined,
  isEscaped: boolean,
): { kind: string; scale?: number } {
  if (isEscaped) return { kind: "text" };
  if (stored !== undefined && stored.kind !== "plain") return stored;
  const plain = ["bool", "int2", "int4", "int8", "float4", "float8"];
  return { kind: plain.includes(column.type) ? column.type : "text" };
}

/** Stored values as they are; escaped columns as text. */
function exportRows(columns: Column[], chunk: StoredChunk, escaped: Set<number>): StoredCell[][] {
  if (escaped.size === 0) return chunk.rows;
  const formats = columns.map((column, index) =>
    cellFormat(column, chunk.kinds[index] ?? { kind: "plain" }),
  );
  return chunk.rows.map((row) =>
    columns.map((_, index) => {
      const value = row[index] ?? null;
      if (!escaped.has(index)) return value;
      const place = chunk.escapes.indexOf(index);
      const side = place === -1 ? null : row[columns.length + place];
      return side ?? formats[index]?.(value) ?? null;
    }),
  );
}

/** What was written since the last call. */
function drain(bytes: ByteWriter): Buffer {
  const written = Buffer.from(new Uint8Array(bytes.buffer, 0, bytes.index));
  bytes.index = 0;
  return written;
}
