import { Buffer } from "node:buffer";
import type { Cell, Column } from "@quern/contract/results";

/**
 * `{"columns":[{name,type,source_type}],"rows":[[…]]}` with one row a line and cells as the API gives them. Rows are
 * arrays, since names may repeat.
 */
export async function* json(
  columns: Column[],
  chunks: AsyncIterable<Cell[][]>,
): AsyncGenerator<Buffer> {
  const described = columns.map(({ name, type, source_type }) => ({ name, type, source_type }));
  let before = `{"columns":${JSON.stringify(described)},"rows":[\n`;
  for await (const rows of chunks) {
    if (rows.length === 0) continue;
    yield Buffer.from(before + rows.map((row) => JSON.stringify(row)).join(",\n"));
    before = ",\n";
  }
  yield Buffer.from(before === ",\n" ? "\n]}\n" : `${before}]}\n`);
}
