import { Buffer } from "node:buffer";
import type { Cell, Column } from "@quern/contract/results";
import { uniqueNames } from "./names.ts";

/** An array with one object per row; names that repeat are numbered (`a`, `a_2`). Values as the API gives them. */
export async function* json(
  columns: Column[],
  chunks: AsyncIterable<Cell[][]>,
): AsyncGenerator<Buffer> {
  const keys = uniqueNames(columns.map(({ name }) => name)).map((name) => JSON.stringify(name));
  let separator = "[\n";
  for await (const rows of chunks) {
    const lines = rows.map(
      (row) => `{${row.map((cell, index) => `${keys[index]}:${JSON.stringify(cell)}`).join(",")}}`,
    );
    yield Buffer.from(separator + lines.join(",\n"));
    separator = ",\n";
  }
  yield Buffer.from(separator === "[\n" ? "[]\n" : "\n]\n");
}
