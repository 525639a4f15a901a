import type { Batch, Storage, Vector } from "@quern/contract/batch";
import type { Cell, Column } from "@quern/contract/results";

/** How the columns of a result that Quern makes itself are kept. */
export function storagesOf(columns: Column[]): Storage[] {
  return columns.map(({ type }): Storage => {
    if (type === "bool" || type === "int4" || type === "int8") return { kind: type };
    return { kind: "text" };
  });
}

/** Rows of API cells as the batch that a connector would give. */
export function batchOfRows(storages: Storage[], rows: Cell[][]): Batch {
  const vectors = storages.map((storage, index) =>
    vectorOf(
      storage,
      rows.map((row) => row[index] ?? null),
    ),
  );
  const bytes = vectors.reduce((sum, { data }) => sum + data.length, 0);
  return { rows: rows.length, bytes, vectors };
}

function vectorOf({ kind }: Storage, cells: Cell[]): Vector {
  const valid = new Uint8Array(Math.ceil(cells.length / 64) * 8);
  for (const [row, cell] of cells.entries()) {
    if (cell !== null) valid[row >> 3] = (valid[row >> 3] ?? 0) | (1 << (row & 7));
  }
  if (kind === "text") {
    const texts = cells.map((cell) => Buffer.from(cell === null ? "" : String(cell)));
    const offsets = new Uint32Array(cells.length + 1);
    for (const [row, { length }] of texts.entries())
      offsets[row + 1] = (offsets[row] ?? 0) + length;
    return { data: new Uint8Array(Buffer.concat(texts)), offsets, valid, escapes: [] };
  }
  const width = kind === "bool" ? 1 : kind === "int4" ? 4 : 8;
  const view = new DataView(new ArrayBuffer(cells.length * width));
  for (const [row, cell] of cells.entries()) {
    if (kind === "bool") view.setUint8(row, cell === true ? 1 : 0);
    else if (kind === "int4") view.setInt32(row * 4, Number(cell), true);
    else view.setBigInt64(row * 8, BigInt(cell ?? 0), true);
  }
  return { data: new Uint8Array(view.buffer), offsets: null, valid, escapes: [] };
}
