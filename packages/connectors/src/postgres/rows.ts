/** Gathers DataRow messages into batches and says when a limit is reached. */
import { type Batch, MAX_BATCH_ROWS, type Storage } from "@quern/contract/batch";
import { ConnectorError } from "../errors.ts";
import { type BuilderOptions, type ColumnBuilder, columnBuilder } from "./vectors.ts";

export type RowLimits = { max_rows: number; max_bytes: number; max_cell_bytes: number };

export type RowReader = {
  /** Takes a DataRow's body. `full`: take the batch first; `rows`/`bytes`: that limit is passed, the row is not kept. */
  add(buffer: Buffer, start: number, end: number): "more" | "full" | "rows" | "bytes";
  /** The rows since the last batch; null when there are none. */
  take(): Batch | null;
  rows(): number;
  bytes(): number;
};

const MAX_BATCH_BYTES = 4 * 1024 * 1024;
/** Wide rows make small batches, so that the memory of a batch does not grow with the number of columns. */
const MAX_BATCH_CELLS = 512 * 1024;

export function rowReader(
  columns: { name: string; storage: Storage }[],
  limits: RowLimits,
  options: Pick<BuilderOptions, "onRepair" | "as_text">,
): RowReader {
  const batchRows = Math.max(
    1,
    Math.min(MAX_BATCH_ROWS, Math.floor(MAX_BATCH_CELLS / Math.max(columns.length, 1))),
  );
  const builders = columns.map(({ storage }) =>
    columnBuilder(storage, {
      onRepair: options.onRepair,
      as_text: options.as_text ?? false,
      capacity: batchRows,
    }),
  );
  let row = 0;
  let batchBytes = 0;
  let rows = 0;
  let bytes = 0;

  function readCells(buffer: Buffer, start: number): void {
    let position = start + 2;
    for (let index = 0; index < builders.length; index += 1) {
      const builder = builders[index] as ColumnBuilder;
      const length = buffer.readInt32BE(position);
      position += 4;
      if (length === -1) builder.putNull(row);
      else {
        if (length > limits.max_cell_bytes)
          throw oversizedCell(columns[index]?.name, length, limits);
        builder.put(buffer, position, length, row);
        position += length;
      }
    }
  }

  return {
    add(buffer, start, end) {
      if (rows >= limits.max_rows) return "rows";
      const size = end - start;
      if (bytes + size > limits.max_bytes) return "bytes";
      readCells(buffer, start);
      row += 1;
      rows += 1;
      bytes += size;
      batchBytes += size;
      return row >= batchRows || batchBytes >= MAX_BATCH_BYTES ? "full" : "more";
    },
    take() {
      if (row === 0) return null;
      const taken = row;
      const batch: Batch = {
        rows: taken,
        bytes: batchBytes,
        vectors: builders.map((builder) => builder.take()),
      };
      row = 0;
      batchBytes = 0;
      return batch;
    },
    rows: () => rows,
    bytes: () => bytes,
  };
}

function oversizedCell(name: string | undefined, length: number, limits: RowLimits) {
  return new ConnectorError({
    code: "oversized_row",
    message: `A cell of column "${name}" has ${length} bytes; at most ${limits.max_cell_bytes} are allowed.`,
    hint: "Select a part of it, such as left(column, 1000), or leave the column out.",
  });
}
