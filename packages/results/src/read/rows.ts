import type { Cell, Column, Part } from "@quern/contract/results";
import { cellFormat } from "./cells.ts";
import { readLayout, readStoredRows, type StoredCell, type StoredKind } from "./part.ts";
import type { PartSource } from "./source.ts";

/** The result of one statement: its columns, how many rows it has, and its parts in order. */
export type ResultManifest = { columns: Column[]; rows: number; parts: Part[] };
export type OpenPart = (part: Part) => Promise<PartSource>;

/** Rows [offset, offset + limit) as lossless JSON values; fewer at the end of the result. */
export async function readRows(
  manifest: ResultManifest,
  openPart: OpenPart,
  offset: number,
  limit: number,
): Promise<Cell[][]> {
  const rows: Cell[][] = [];
  for await (const chunk of streamRows(manifest, openPart, { offset, limit })) {
    for (const row of chunk) rows.push(row);
  }
  return rows;
}

export type RowRange = { offset?: number; limit?: number };

/** The same, in chunks of at most a row group: memory does not grow with the result. */
export async function* streamRows(
  manifest: ResultManifest,
  openPart: OpenPart,
  range: RowRange = {},
): AsyncGenerator<Cell[][]> {
  for await (const chunk of streamStored(manifest, openPart, range)) {
    yield formatChunk(manifest.columns, chunk);
  }
}

/** Stored rows of one part: `rows[r][i]` of column i, and the side columns of the part behind them. */
export type StoredChunk = { rows: StoredCell[][]; kinds: StoredKind[]; escapes: number[] };

const CHUNK_ROWS = 2_048;

export async function* streamStored(
  manifest: ResultManifest,
  openPart: OpenPart,
  { offset = 0, limit = Number.POSITIVE_INFINITY }: RowRange = {},
): AsyncGenerator<StoredChunk> {
  const end = Math.min(manifest.rows, offset + limit);
  if (manifest.columns.length === 0) {
    // Rows without columns are only a number.
    for (let at = offset; at < end; at += CHUNK_ROWS) {
      const rows = Array.from({ length: Math.min(CHUNK_ROWS, end - at) }, () => []);
      yield { rows, kinds: [], escapes: [] };
    }
    return;
  }
  for (const part of manifest.parts) {
    const from = Math.max(offset - part.first_row, 0);
    const to = Math.min(end - part.first_row, part.rows);
    if (from < to) yield* streamPart(manifest.columns, part, openPart, from, to);
  }
}

async function* streamPart(
  columns: Column[],
  part: Part,
  openPart: OpenPart,
  from: number,
  to: number,
): AsyncGenerator<StoredChunk> {
  const source = await openPart(part);
  try {
    const layout = await readLayout(source);
    const names = columns.map((_, index) => `c${index}`);
    const kinds = names.map((name): StoredKind => layout.kinds.get(name) ?? { kind: "plain" });
    const physical = [...names, ...part.escapes.map((index) => `x${index}`)];
    for (let at = from; at < to; ) {
      // Chunks end where row groups end, so that none is decoded twice.
      const stop = Math.min(to, (Math.floor(at / CHUNK_ROWS) + 1) * CHUNK_ROWS);
      const rows = await readStoredRows(source, layout, physical, at, stop);
      if (rows.length !== stop - at) {
        throw new Error(`part ${source.id} gave ${rows.length} rows where ${stop - at} were due`);
      }
      yield { rows, kinds, escapes: part.escapes };
      at = stop;
    }
  } finally {
    await source.close?.();
  }
}

function formatChunk(columns: Column[], { rows, kinds, escapes }: StoredChunk): Cell[][] {
  const formats = columns.map((column, index) => cellFormat(column, kinds[index] ?? { kind: "plain" }));
  return rows.map((row) => {
    const cells = formats.map((format, index) => format(row[index] ?? null));
    for (const [place, index] of escapes.entries()) {
      const text = row[columns.length + place];
      if (typeof text === "string") cells[index] = text;
    }
    return cells;
  });
}
