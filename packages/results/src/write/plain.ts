/**
 * Writes parts without DuckDB: for results of a few rows, which would wait for it to load; for very wide ones and
 * very long cells, for which its tables take too much memory. Each batch is a row group.
 */
import { open, rename } from "node:fs/promises";
import type { Batch, Storage } from "@quern/contract/batch";
import type { Encoding, SchemaElement } from "hyparquet";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { parquetElement, parquetEncoding } from "../parquet-schema.ts";
import { mayEscape } from "./batch.ts";
import { escapeCells, rawCells } from "./cells.ts";

const MAX_DICTIONARY_COLUMNS = 96;

export type PlainPart = {
  /** These batches as one row group. */
  write(batches: Batch[]): Promise<void>;
  groups(): number;
  /** Of the file so far. */
  bytes(): number;
  /** The file is whole under its name. */
  finish(): Promise<{ rows: number; size: number; escapes: number[] }>;
  abort(): Promise<void>;
};

/**
 * A part at `path`. A file's columns are fixed at its first row group, so a part that will get several has the side
 * columns of all that may need one (`sides: "all"`), one with a single group only those that do.
 */
export async function openPlainPart(
  path: string,
  storages: Storage[],
  sides: "all" | "needed",
): Promise<PlainPart> {
  const file = await open(`${path}.part`, "w", 0o600);
  const encoder = encodePart(storages, sides);
  let groups = 0;
  let rows = 0;
  let size = 0;

  async function drain(): Promise<void> {
    const encoded = encoder.taken();
    await file.writeFile(encoded);
    size += encoded.byteLength;
  }

  return {
    async write(batches) {
      groups += 1;
      rows += encoder.add(batches);
      await drain();
    },
    groups: () => groups,
    bytes: () => size,
    async finish() {
      const escapes = encoder.finish();
      await drain();
      await file.close();
      await rename(`${path}.part`, path);
      return { rows, size, escapes };
    },
    abort: () => file.close(),
  };
}

/** A part of one row group that is only in memory. */
export function plainPartInMemory(
  storages: Storage[],
  batches: Batch[],
): { rows: number; size: number; escapes: number[]; data: Uint8Array } {
  const encoder = encodePart(storages, "needed");
  const rows = encoder.add(batches);
  const escapes = encoder.finish();
  const data = encoder.taken();
  return { rows, size: data.byteLength, escapes, data };
}

function encodePart(storages: Storage[], sides: "all" | "needed") {
  const bytes = new ByteWriter();
  let writer: ParquetWriter | null = null;
  let sideColumns: number[] = [];

  function begin(batches: Batch[]): ParquetWriter {
    sideColumns = storages.flatMap((storage, index) => {
      const needed = batches.some((batch) => (batch.vectors[index]?.escapes.length ?? 0) > 0);
      return needed || (sides === "all" && mayEscape(storage)) ? [index] : [];
    });
    return openParquet(bytes, [
      ...storages.map((storage, index) => parquetElement(`c${index}`, storage)),
      ...sideColumns.map((index) => parquetElement(`x${index}`, { kind: "text" })),
    ]);
  }

  return {
    /** As one row group. How many rows it has. */
    add(batches: Batch[]): number {
      writer ??= begin(batches);
      const rows = batches.reduce((sum, batch) => sum + batch.rows, 0);
      writer.write({ columnData: columnData(storages, sideColumns, batches), rowGroupSize: rows });
      return rows;
    },
    /** The columns that have a side column. */
    finish(): number[] {
      writer ??= begin([]);
      writer.finish();
      return sideColumns;
    },
    /** What was encoded since the last time; it is written over by what comes next. */
    taken(): Uint8Array {
      const encoded = new Uint8Array(bytes.buffer, 0, bytes.index);
      bytes.index = 0;
      return encoded;
    },
  };
}

function openParquet(writer: ByteWriter, elements: SchemaElement[]): ParquetWriter {
  return new ParquetWriter({
    writer,
    schema: [{ name: "root", num_children: elements.length }, ...elements],
    statistics: false,
    createdBy: "quern",
  });
}

function columnData(storages: Storage[], sideColumns: number[], batches: Batch[]) {
  const gather = <T>(index: number, cells: (batch: Batch) => T[]): T[] =>
    batches.flatMap((batch) => (batch.vectors[index] === undefined ? [] : cells(batch)));
  // Looking for repetitions costs more than half of the time of a wide result.
  const isWide = storages.length > MAX_DICTIONARY_COLUMNS;
  return [
    ...storages.map((storage, index) => ({
      name: `c${index}`,
      ...encodingOf(isWide, storage),
      data: gather(index, ({ vectors, rows }) => rawCells(storage, must(vectors[index]), rows)),
    })),
    ...sideColumns.map((index) => ({
      name: `x${index}`,
      ...encodingOf(isWide, { kind: "text" }),
      data: gather(index, ({ vectors, rows }) => escapeCells(must(vectors[index]), rows)),
    })),
  ];
}

function encodingOf(isWide: boolean, storage: Storage): { encoding?: Encoding } {
  const encoding = isWide ? "PLAIN" : parquetEncoding(parquetElement("", storage));
  return encoding === undefined ? {} : { encoding };
}

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("a batch lacks a column");
  return value;
}
