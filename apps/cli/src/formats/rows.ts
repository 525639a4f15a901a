import type { Client } from "@quern/contract/client";
import type { Cell, Column, Truncated } from "@quern/contract/results";
import { readRunRows } from "@quern/contract/run-results";
import { csv } from "@quern/results/read/csv";
import { uniqueNames } from "@quern/results/read/names";
import type { Colours } from "../colours.ts";
import { table } from "./table.ts";

export const ROW_FORMATS = ["table", "csv", "tsv", "json", "jsonl"] as const;
export type RowFormat = (typeof ROW_FORMATS)[number];

/** The rows of one statement, read a page at a time. `truncated` says what cut them when they ran. */
export type Rows = {
  columns: Column[];
  total: number;
  truncated: Truncated;
  chunks: AsyncIterable<Cell[][]>;
};

const PAGE = 5_000;

/** The rows of a statement of a run that has ended; the last one with rows when `statement` is left out. */
export async function readRows(
  client: Client,
  run_id: string,
  options: { statement?: number | undefined; signal?: AbortSignal } = {},
): Promise<Rows> {
  const page = (offset: number) =>
    client.call(readRunRows, {
      params: { id: run_id },
      query: {
        offset,
        limit: PAGE,
        ...(options.statement === undefined ? {} : { statement: options.statement }),
      },
      ...(options.signal ? { signal: options.signal } : {}),
    });
  const first = await page(0);
  async function* chunks() {
    let rows = first.rows;
    for (let offset = 0; ; ) {
      if (rows.length > 0) yield rows;
      offset += rows.length;
      if (offset >= first.total || rows.length === 0) return;
      rows = (await page(offset)).rows;
    }
  }
  const { columns, total, truncated } = first;
  return { columns, total, truncated, chunks: chunks() };
}

/** Text or bytes of the rows in a format; `tsv` is PostgreSQL's own text format of COPY, with a header. */
export async function* formatted(
  format: RowFormat,
  { columns, chunks }: Pick<Rows, "columns" | "chunks">,
  look: { colours: Colours; columns: number | null },
): AsyncGenerator<string | Uint8Array> {
  if (format === "table") yield* table(columns, chunks, look);
  else if (format === "csv") yield* csv(columns, chunks, { spreadsheet_safe: false });
  else if (format === "tsv") yield* tsv(columns, chunks);
  else yield* objects(columns, chunks, format === "json");
}

async function* tsv(columns: Column[], chunks: AsyncIterable<Cell[][]>): AsyncGenerator<string> {
  yield `${columns.map(({ name }) => escaped(name)).join("\t")}\n`;
  for await (const rows of chunks) {
    yield rows
      .map(
        (row) =>
          `${row.map((cell) => (cell === null ? "\\N" : escaped(String(cell)))).join("\t")}\n`,
      )
      .join("");
  }
}

const ESCAPES: Record<string, string> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };

function escaped(text: string): string {
  return text.replace(/[\\\t\n\r]/g, (char) => ESCAPES[char]!);
}

/** An object a row, one a line; of columns that share a name the later ones are `name_2`, `name_3`. */
async function* objects(
  columns: Column[],
  chunks: AsyncIterable<Cell[][]>,
  inArray: boolean,
): AsyncGenerator<string> {
  const names = uniqueNames(columns.map(({ name }) => name));
  let before = inArray ? "[\n" : "";
  for await (const rows of chunks) {
    for (const row of rows) {
      const fields = names.map((name, index) => [name, row[index] ?? null] as const);
      yield before + JSON.stringify(Object.fromEntries(fields)) + (inArray ? "" : "\n");
      before = inArray ? ",\n" : "";
    }
  }
  if (inArray) yield before === ",\n" ? "\n]\n" : "[]\n";
}
