/** How many rows to ask a portal for at once. */
import type { RowReader } from "./rows.ts";

const FIRST_SLICE_ROWS = 1_024;
const MAX_SLICE_ROWS = 65_536;
/** What one slice may bring beyond a limit is read and thrown away. */
const SLICE_BYTES = 8 * 1024 * 1024;

/** One row more than allowed in all: only then is it known that the result was cut. */
export function sliceRows(reader: RowReader, maxRows: number): number {
  const remaining = maxRows - reader.rows() + 1;
  if (reader.rows() === 0) return Math.min(remaining, FIRST_SLICE_ROWS);
  const rowBytes = Math.max(1, reader.bytes() / reader.rows());
  return Math.max(1, Math.min(remaining, MAX_SLICE_ROWS, Math.floor(SLICE_BYTES / rowBytes)));
}
