import type { Cell, Column, Part } from "@quern/contract/results";
import type { Physical } from "../physical.ts";
import { cellFormat } from "./cells.ts";
import { type PartLayout, readLayout, readStoredRows, type StoredCell } from "./part.ts";
import type { PartSource } from "./source.ts";

/** The parts do not hold the rows that the manifest promises. */
export class ResultIncompleteError extends Error {
  override name = "ResultIncompleteError";
}

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
export type StoredChunk = { rows: StoredCell[][]; kinds: Physical[]; escapes: number[] };

/** Rows without columns come in chunks of this size, others as their row groups. */
const CHUNK_ROWS = 2_048;

/** Rows as they are stored, a row group at a time. Throws ResultIncompleteError where some are missing. */
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
  let next = offset;
  for (const part of manifest.parts) {
    const from = Math.max(next - part.first_row, 0);
    const to = Math.min(end - part.first_row, part.rows);
    if (from >= to) continue;
    if (part.first_row > next) break;
    yield* streamPart(manifest.columns, part, openPart, from, to);
    next = part.first_row + to;
  }
  if (next < end) {
    throw new ResultIncompleteError(
      `the result has ${manifest.rows} rows, but no part holds row ${next}`,
    );
  }
}

async function* streamPart(
  columns: Column[],
  part: Part,
  openPart: OpenPart,
  from: number,
  to: number,
): AsyncGenerator<StoredChunk> {
  const names = columns.map((_, index) => `c${index}`);
  const physical = [...names, ...part.escapes.map((index) => `x${index}`)];
  for await (const { rows, layout } of streamGroups(part, openPart, physical, from, to)) {
    const kinds = names.map((name): Physical => layout.kinds.get(name) ?? { kind: "text" });
    yield { rows, kinds, escapes: part.escapes };
  }
}

/** The side columns of these columns of a part: `rows[r][i]` of the i-th. */
export async function* streamSides(
  part: Part,
  openPart: OpenPart,
  columns: number[],
): AsyncGenerator<StoredCell[][]> {
  const physical = columns.map((index) => `x${index}`);
  for await (const { rows } of streamGroups(part, openPart, physical, 0, part.rows)) yield rows;
}

/** Some columns of a row group: `rows[r][i]` of `columns[i]`. */
export type TextChunk = { rows: StoredCell[][]; columns: number[] };

/** Texts of all row groups, those columns of each only that may have a text longer than `bytes`. */
export async function* streamTexts(
  manifest: ResultManifest,
  openPart: OpenPart,
  bytes: number,
): AsyncGenerator<TextChunk> {
  if (manifest.columns.length === 0) return;
  for (const part of manifest.parts) {
    const source = await openPart(part);
    try {
      const layout = await readLayout(source);
      let start = 0;
      for (const [group, end] of layout.group_ends.entries()) {
        const columns = longTextColumns(layout, group, bytes);
        const names = columns.map((index) => `c${index}`);
        const rows =
          columns.length === 0
            ? Array.from({ length: end - start }, () => [])
            : await readStoredRows(source, layout, names, start, end);
        yield { rows, columns };
        start = end;
      }
    } finally {
      await source.close?.();
    }
  }
}

/** A column chunk is at least as large as its longest text. */
function longTextColumns(layout: PartLayout, group: number, bytes: number): number[] {
  return (layout.metadata.row_groups[group]?.columns ?? []).flatMap(({ meta_data: chunk }) => {
    const name = chunk?.path_in_schema[0] ?? "";
    const isLong = Number(chunk?.total_uncompressed_size ?? 0) > bytes;
    return isLong && name.startsWith("c") && layout.kinds.get(name)?.kind === "text"
      ? [Number(name.slice(1))]
      : [];
  });
}

async function* streamGroups(
  part: Part,
  openPart: OpenPart,
  physical: string[],
  from: number,
  to: number,
): AsyncGenerator<{ rows: StoredCell[][]; layout: PartLayout }> {
  const source = await openPart(part);
  try {
    const layout = await readLayout(source);
    let at = from;
    for (const groupEnd of layout.group_ends) {
      const stop = Math.min(to, groupEnd);
      if (stop <= at) continue;
      yield { rows: await readStoredRows(source, layout, physical, at, stop), layout };
      at = stop;
    }
    if (at < to) {
      throw new ResultIncompleteError(`part ${source.id} ends at row ${at} of ${part.rows}`);
    }
  } finally {
    await source.close?.();
  }
}

function formatChunk(columns: Column[], { rows, kinds, escapes }: StoredChunk): Cell[][] {
  const formats = kinds.map(cellFormat);
  return rows.map((row) => {
    const cells = formats.map((format, index) => format(row[index] ?? null));
    for (const [place, index] of escapes.entries()) {
      const text = row[columns.length + place];
      if (typeof text === "string") cells[index] = text;
    }
    return cells;
  });
}
