/** What tests of this room share: results made of JavaScript values, and DuckDB as a second opinion. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Batch, Storage, Vector } from "@quern/contract/batch";
import { widthOf } from "@quern/contract/batch";
import type { Column, ColumnType, Part } from "@quern/contract/results";
import type { OpenPart, ResultManifest } from "./read/rows.ts";
import { partFromBytes } from "./read/source.ts";
import { openDuckDb, quote } from "./write/duckdb.ts";

/** A cell as its storage keeps it; `{ escape }` for one that it cannot hold. */
export type TestCell = string | number | bigint | boolean | null | { escape: string };

export const column = (name: string, type: ColumnType, source_type: string = type): Column => ({
  name,
  type,
  source_type,
});

/** Columns of cells as a connector would hand them over. */
export function batchOf(storages: Storage[], columns: TestCell[][]): Batch {
  const vectors = storages.map((storage, index) => vectorOf(storage, columns[index] ?? []));
  const bytes = vectors.reduce((sum, { data }) => sum + data.length, 0);
  return { rows: columns[0]?.length ?? 0, bytes, vectors };
}

function vectorOf(storage: Storage, cells: TestCell[]): Vector {
  const valid = new Uint8Array(Math.ceil(cells.length / 64) * 8);
  const escapes: Vector["escapes"] = [];
  const held = cells.map((cell, row) => {
    if (cell === null) return null;
    if (typeof cell === "object") {
      escapes.push({ row, text: cell.escape });
      return null;
    }
    valid[row >> 3] = (valid[row >> 3] ?? 0) | (1 << (row & 7));
    return cell;
  });
  if (storage.kind === "text") {
    const texts = held.map((cell) => Buffer.from(String(cell ?? "")));
    const offsets = new Uint32Array(cells.length + 1);
    for (const [row, text] of texts.entries()) offsets[row + 1] = (offsets[row] ?? 0) + text.length;
    return { data: new Uint8Array(Buffer.concat(texts)), offsets, valid, escapes };
  }
  const width = widthOf(storage);
  const data = new Uint8Array(cells.length * width);
  const view = new DataView(data.buffer);
  for (const [row, cell] of held.entries()) {
    if (cell !== null) setCell(view, storage.kind, row * width, cell);
  }
  return { data, offsets: null, valid, escapes };
}

function setCell(
  view: DataView,
  kind: Storage["kind"],
  at: number,
  cell: Exclude<TestCell, null | object>,
): void {
  switch (kind) {
    case "bool":
      view.setUint8(at, cell ? 1 : 0);
      break;
    case "int2":
      view.setInt16(at, Number(cell), true);
      break;
    case "int4":
    case "date":
      view.setInt32(at, Number(cell), true);
      break;
    case "float4":
      view.setFloat32(at, Number(cell), true);
      break;
    case "float8":
      view.setFloat64(at, Number(cell), true);
      break;
    default:
      view.setBigInt64(at, BigInt(cell), true);
  }
}

const MEMORY = 1024 * 1024 * 1024;

/** Parts made by SQL as `directory/<name><n>.parquet`; its columns are c0…cN and x<i>. */
export async function duckDbParts(
  directory: string,
  name: string,
  selects: { sql: string; rows: number; escapes?: number[] }[],
): Promise<Part[]> {
  const duckdb = await openDuckDb(MEMORY);
  const parts: Part[] = [];
  let first_row = 0;
  for (const [part, { sql, rows, escapes = [] }] of selects.entries()) {
    await duckdb.run(
      `copy (${sql}) to ${quote(join(directory, `${name}${part}.parquet`))}
         (format parquet, compression zstd, parquet_version v2, row_group_size 2048)`,
    );
    parts.push({ statement: 0, part, first_row, rows, size: 0, escapes });
    first_row += rows;
  }
  duckdb.close();
  return parts;
}

/** Opens parts of a directory by their names, and counts what was opened and not yet closed. */
export function partOpener(directory: string, nameOf: (part: Part) => string) {
  const opened = { total: 0, open: 0, bytes: 0 };
  const open: OpenPart = async (part) => {
    const path = join(directory, nameOf(part));
    const source = partFromBytes(path, await readFile(path));
    opened.total += 1;
    opened.open += 1;
    return {
      ...source,
      slice(start, end) {
        opened.bytes += (end ?? source.byteLength) - start;
        return source.slice(start, end);
      },
      async close() {
        opened.open -= 1;
      },
    };
  };
  return { open, opened };
}

export function manifestOf(columns: Column[], parts: Part[]): ResultManifest {
  return { columns, parts, rows: parts.reduce((sum, { rows }) => sum + rows, 0) };
}

/** What DuckDB makes of a Parquet file: its columns, and its rows as text (or as selected). */
export async function readByDuckDb(
  path: string,
  select = "columns(*)::varchar",
): Promise<{
  columns: { column_name: string; column_type: string }[];
  rows: Record<string, string | null>[];
}> {
  const duckdb = await openDuckDb(MEMORY);
  const file = quote(path);
  const out = `${path}.json`;
  const ask = async (sql: string) => {
    await duckdb.run(`copy (${sql}) to ${quote(out)} (format json, array true)`);
    return JSON.parse(await readFile(out, "utf8"));
  };
  await duckdb.run("set TimeZone = 'UTC'");
  const columns = await ask(
    `select column_name, column_type from (describe select * from ${file})`,
  );
  const rows = await ask(`select ${select} from ${file}`);
  duckdb.close();
  return { columns, rows };
}

export async function textOf(chunks: AsyncIterable<Buffer>): Promise<string> {
  return (await bytesOf(chunks)).toString("utf8");
}

export async function bytesOf(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}
