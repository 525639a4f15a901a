import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Batch, Storage, Vector } from "@quern/contract/batch";
import type { Column, Part } from "@quern/contract/results";
import { afterAll, beforeAll, expect, test } from "vitest";
import { partName } from "../part-name.ts";
import { parquet } from "../read/parquet.ts";
import { type ResultManifest, readRows } from "../read/rows.ts";
import { partFromBytes } from "../read/source.ts";
import { openResultWriter, SMALL_ROWS } from "./writer.ts";

let directory: string;
let nextStatement = 0;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "quern-writer-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

const STORAGES: Storage[] = [
  { kind: "bool" },
  { kind: "int2" },
  { kind: "int4" },
  { kind: "int8" },
  { kind: "float4" },
  { kind: "float8" },
  { kind: "date" },
  { kind: "timestamptz" },
  { kind: "decimal", scale: 3 },
  { kind: "text" },
];
const COLUMNS: Column[] = STORAGES.map((storage, index) => ({
  name: index % 2 === 0 ? "twice" : `c${index}`,
  type: storage.kind === "decimal" ? "numeric" : storage.kind,
  source_type: storage.kind,
}));

/** Rows first…first + count of a made-up result with NULLs, escapes and both kinds of strings. */
function batch(first: number, count: number): Batch {
  const rows = Array.from({ length: count }, (_, index) => first + index);
  const nulls = (row: number, column: number) => (row + column) % 7 === 0;
  const vectors = STORAGES.map((storage, column): Vector => {
    const valid = new Uint8Array(Math.ceil(count / 64) * 8);
    const escapes: Vector["escapes"] = [];
    const texts: Buffer[] = [];
    const view = new DataView(new ArrayBuffer(count * 8 + 8));
    for (const [at, row] of rows.entries()) {
      const escaped = storage.kind === "date" && row % 5000 === 4999;
      if (escaped) escapes.push({ row: at, text: "infinity" });
      const isNull = escaped || nulls(row, column);
      if (!isNull) valid[at >> 3] = (valid[at >> 3] ?? 0) | (1 << (at & 7));
      texts.push(Buffer.from(isNull ? "" : `row ${"é".repeat(row % 20)} ${row}`));
      put(view, storage, at, row);
    }
    const offsets = new Uint32Array(count + 1);
    for (const [at, { length }] of texts.entries()) offsets[at + 1] = (offsets[at] ?? 0) + length;
    const isText = storage.kind === "text";
    const data = isText ? new Uint8Array(Buffer.concat(texts)) : new Uint8Array(view.buffer);
    return { data, offsets: isText ? offsets : null, valid, escapes };
  });
  return { rows: count, bytes: count * 60, vectors };
}

function put(view: DataView, storage: Storage, at: number, row: number): void {
  if (storage.kind === "bool") view.setUint8(at, row % 2);
  else if (storage.kind === "int2") view.setInt16(at * 2, -(row % 30_000), true);
  else if (storage.kind === "int4" || storage.kind === "date")
    view.setInt32(at * 4, row - 500, true);
  else if (storage.kind === "float4") view.setFloat32(at * 4, row / 4, true);
  else if (storage.kind === "float8")
    view.setFloat64(at * 8, row === 3 ? Number.NaN : -row / 3, true);
  else if (storage.kind !== "text") view.setBigInt64(at * 8, BigInt(row) * 1_234_567_891n, true);
}

async function write(total: number, step: number) {
  const statement = nextStatement;
  nextStatement += 1;
  const announced: Part[] = [];
  const writer = openResultWriter(directory, {
    onPart: (part) => announced.push(part),
    first_part_ms: Number.POSITIVE_INFINITY,
  });
  writer.begin(statement, STORAGES);
  for (let first = 0; first < total; first += step) {
    await writer.write(batch(first, Math.min(step, total - first)));
  }
  const parts = await writer.end();
  await writer.close();
  expect(announced).toEqual(parts);
  const manifest: ResultManifest = { columns: COLUMNS, rows: total, parts };
  return manifest;
}

async function openPart(part: Part) {
  const name = partName(part);
  return partFromBytes(`${directory}/${name}`, await readFile(join(directory, name)));
}

test("a small result and a large one hold the same rows", async () => {
  const small = await write(SMALL_ROWS, 300);
  const large = await write(60_000, 2048);
  expect(small.parts.length).toBe(1);
  expect(large.parts.length).toBeGreaterThan(1);
  expect(await readRows(small, openPart, 0, 1000)).toEqual(
    await readRows(large, openPart, 0, 1000),
  );
  expect(readdirSync(directory).filter((name) => name.endsWith(".part"))).toEqual([]);
});

test("pages from anywhere are the rows from there", async () => {
  const result = await write(60_000, 2048);
  for (const offset of [0, 1, 2047, 2048, 20_479, 20_480, 40_000, 59_990]) {
    const rows = await readRows(result, openPart, offset, 10);
    expect(rows.length).toBe(10);
    const [small] = await readRows(await write(1, 1), openPart, 0, 1);
    expect(small?.length).toBe(STORAGES.length);
    rows.forEach((row, index) => {
      const number = offset + index;
      expect(row[2]).toBe((number + 2) % 7 === 0 ? null : number - 500);
    });
  }
  expect(await readRows(result, openPart, 60_000, 10)).toEqual([]);
  expect(await readRows(result, openPart, 4999, 1)).toMatchObject([{ 6: "infinity" }]);
});

test("side columns are only in the parts that need them", async () => {
  const result = await write(60_000, 2048);
  const small = await write(100, 100);
  expect(small.parts[0]?.escapes).toEqual([]);
  expect(result.parts[0]?.escapes).toEqual([6]);
});

test("the parquet export holds the same cells under unique names", async () => {
  const result = await write(30_000, 2048);
  const chunks: Buffer[] = [];
  for await (const chunk of parquet(result, openPart)) chunks.push(chunk);
  const { parquetReadObjects } = await import("hyparquet");
  const bytes = new Uint8Array(Buffer.concat(chunks)).buffer;
  const rows = await parquetReadObjects({ file: bytes, rowStart: 9_990, rowEnd: 10_000 });
  expect(Object.keys(rows[0] ?? {}).length).toBe(STORAGES.length);
  const expected = await readRows(result, openPart, 9_990, 10);
  rows.forEach((row, index) => {
    expect(row.c9).toBe(expected[index]?.[9]);
    // A column with an infinite date is text as a whole.
    expect(row.twice_4).toBe(expected[index]?.[6]);
  });
});

test("a slow result shows what is there, then more after twice as long", async () => {
  const parts: Part[] = [];
  const writer = openResultWriter(directory, {
    onPart: (part) => parts.push(part),
    first_part_ms: 0,
  });
  writer.begin(997, STORAGES);
  for (let first = 0; first < 100; first += 10) await writer.write(batch(first, 10));
  expect(parts.length).toBeGreaterThan(1);
  expect(parts[0]).toMatchObject({ first_row: 0, rows: 10 });
  await writer.end();
  await writer.close();
  const rows = await readRows({ columns: COLUMNS, rows: 100, parts }, openPart, 0, 100);
  expect(rows).toEqual(await readRows(await write(100, 100), openPart, 0, 100));
});

test("results without rows or columns have no parts", async () => {
  expect((await write(0, 1)).parts).toEqual([]);
  const writer = openResultWriter(directory);
  writer.begin(999, []);
  await writer.write({ rows: 5, bytes: 10, vectors: [] });
  expect(await writer.end()).toEqual([]);
  expect(await readRows({ columns: [], rows: 5, parts: [] }, openPart, 3, 10)).toEqual([[], []]);
});

test("closing in the middle leaves only whole parts", async () => {
  const writer = openResultWriter(directory);
  writer.begin(998, STORAGES);
  for (let first = 0; first < 30_000; first += 2048) await writer.write(batch(first, 2048));
  await writer.close();
  for (const name of readdirSync(directory).filter((file) => /^s998-.*t$/.test(file))) {
    if (name.endsWith(".part")) continue;
    const bytes = await readFile(join(directory, name));
    expect(bytes.subarray(-4).toString()).toBe("PAR1");
  }
});
