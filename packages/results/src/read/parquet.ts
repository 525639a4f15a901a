import { Buffer } from "node:buffer";
import type { Column } from "@quern/contract/results";
import type { SchemaElement } from "hyparquet";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { parquetElement, parquetEncoding } from "../parquet-schema.ts";
import { type Physical, physicalOf } from "../physical.ts";
import { cellFormat } from "./cells.ts";
import { uniqueNames } from "./names.ts";
import type { StoredCell } from "./part.ts";
import {
  type OpenPart,
  type ResultManifest,
  type StoredChunk,
  streamSides,
  streamStored,
} from "./rows.ts";

/** A row group is full at any of these. Encoding one holds the event loop, so they are not large. */
const GROUP_ROWS = 16_384;
const GROUP_CELLS = 32_768;
const GROUP_TEXT = 16 * 1024 * 1024;

/**
 * The result as one Parquet file under its display names (repeated ones numbered). Types are kept, except that a
 * column with cells that its type cannot hold (NaN in numeric, infinite dates) becomes text.
 */
export async function* parquet(
  manifest: ResultManifest,
  openPart: OpenPart,
): AsyncGenerator<Buffer> {
  const { columns } = manifest;
  const escaped = await escapedColumns(manifest, openPart);
  const bytes = new ByteWriter();
  let file: FileWriter | null = null;
  let group: StoredCell[][] = [];
  let text = 0;
  const groupRows = Math.max(
    1,
    Math.min(GROUP_ROWS, Math.floor(GROUP_CELLS / Math.max(columns.length, 1))),
  );

  for await (const chunk of streamStored(manifest, openPart)) {
    file ??= openFile(bytes, columns, exportKinds(columns, chunk.kinds, escaped));
    for (const row of exportRows(columns, chunk, escaped)) {
      group.push(row);
      text += textLength(row);
      if (group.length < groupRows && text < GROUP_TEXT) continue;
      file.write(group);
      yield drain(bytes);
      group = [];
      text = 0;
    }
  }
  file ??= openFile(bytes, columns, exportKinds(columns, [], escaped));
  if (group.length > 0) file.write(group);
  file.finish();
  yield drain(bytes);
}

/** The columns with a cell that their type cannot hold. A part may have side columns without a value. */
async function escapedColumns(manifest: ResultManifest, openPart: OpenPart): Promise<Set<number>> {
  const found = new Set<number>();
  for (const part of manifest.parts) {
    const asked = part.escapes.filter((index) => !found.has(index));
    if (asked.length === 0) continue;
    for await (const sides of streamSides(part, openPart, asked)) {
      for (const [place, index] of asked.entries()) {
        if (sides.some((row) => typeof row[place] === "string")) found.add(index);
      }
    }
  }
  return found;
}

/** As stored, or as declared where nothing is stored. */
function exportKinds(columns: Column[], stored: Physical[], escaped: Set<number>): Physical[] {
  return columns.map((column, index) => {
    if (escaped.has(index)) return { kind: "text" };
    const declared = physicalOf(column);
    const kept = stored[index] ?? declared;
    // Parts keep decimals with all digits that fit; the file says how many the column has.
    return kept.kind === "decimal" && declared.kind === "decimal" && kept.scale === declared.scale
      ? declared
      : kept;
  });
}

type FileWriter = { write(rows: StoredCell[][]): void; finish(): void };

function openFile(bytes: ByteWriter, columns: Column[], kinds: Physical[]): FileWriter {
  const names = uniqueNames(columns.map(({ name }) => name));
  const elements: SchemaElement[] = kinds.map((kind, index) =>
    parquetElement(names[index] ?? "", kind),
  );
  const writer = new ParquetWriter({
    writer: bytes,
    schema: [{ name: "root", num_children: elements.length }, ...elements],
    statistics: false,
    createdBy: "quern",
  });
  return {
    write(rows) {
      const columnData = elements.map((element, index) => ({
        name: element.name,
        data: rows.map((row) => row[index] ?? null),
        encoding: parquetEncoding(element),
      }));
      writer.write({ columnData, rowGroupSize: rows.length });
    },
    finish: () => writer.finish(),
  };
}

/** Stored values as they are; escaped columns as text. */
function exportRows(columns: Column[], chunk: StoredChunk, escaped: Set<number>): StoredCell[][] {
  if (escaped.size === 0) return chunk.rows;
  const formats = chunk.kinds.map(cellFormat);
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

function textLength(row: StoredCell[]): number {
  let length = 0;
  for (const cell of row) if (typeof cell === "string") length += cell.length;
  return length;
}

/** What was written since the last call. */
function drain(bytes: ByteWriter): Buffer {
  const written = Buffer.from(new Uint8Array(bytes.buffer, 0, bytes.index));
  bytes.index = 0;
  return written;
}
