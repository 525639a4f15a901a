import { Buffer } from "node:buffer";
import type { Cell, Column } from "@quern/contract/results";

export type CsvOptions = {
  /** Puts an apostrophe before text that a spreadsheet would run as a formula. */
  spreadsheet_safe: boolean;
};

const FORMULA = /^[=+\-@\t\r\0\uff1d\uff0b\uff0d\uff20]/;
const SPECIAL = /[",\r\n]/;
/** Types whose text may begin with a sign and is never a formula. */
const NUMERIC = new Set(["int2", "int4", "int8", "float4", "float8", "numeric"]);

/** RFC 4180 in UTF-8: a header, CRLF, quotes where needed. NULL is an empty field, empty text is `""`. */
export async function* csv(
  columns: Column[],
  chunks: AsyncIterable<Cell[][]>,
  options: CsvOptions,
): AsyncGenerator<Buffer> {
  const safe = (text: string) =>
    options.spreadsheet_safe && FORMULA.test(text) ? `'${text}` : text;
  const plain = columns.map(({ type }) => NUMERIC.has(type));
  yield Buffer.from(`${columns.map(({ name }) => quote(safe(name))).join(",")}\r\n`);
  for await (const rows of chunks) {
    const lines = rows.map((row) =>
      row
        .map((cell, index) => {
          if (cell === null) return "";
          return quote(plain[index] ? String(cell) : safe(String(cell)));
        })
        .join(","),
    );
    if (lines.length > 0) yield Buffer.from(`${lines.join("\r\n")}\r\n`);
  }
}

function quote(text: string): string {
  // PostgreSQL before 18 takes a line of `\.` alone for the end of a COPY.
  return text === "" || text === "\\." || SPECIAL.test(text)
    ? `"${text.replaceAll('"', '""')}"`
    : text;
}
