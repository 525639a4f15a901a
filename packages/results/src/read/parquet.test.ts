import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetMetadata } from "hyparquet";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bytesOf, column, duckDbParts, manifestOf, partOpener, readByDuckDb } from "../testing.ts";
import { parquet } from "./parquet.ts";
import { readRows } from "./rows.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "quern-export-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const opener = (name: string) => partOpener(directory, ({ part }) => `${name}${part}.parquet`).open;

const columns = [
  column("id", "int8", "bigint"),
  column("id", "text"),
  column("", "numeric", "numeric(14,2)"),
  column("n", "numeric", "numeric(5,1)"),
  column("day", "date"),
  column("at", "timestamptz", "timestamp with time zone"),
  column("local", "timestamp", "timestamp without time zone"),
  column("f4", "float4", "real"),
  column("f8", "float8", "double precision"),
  column("b", "bool", "boolean"),
  column("small", "int2", "smallint"),
];

test("DuckDB reads the export: types, names, values, escapes as text", async () => {
  const select = (from: number, to: number, side: string) => `
    select i::bigint + 9223372036854770000 as c0, 'é' || i as c1, (i / 100)::decimal(18, 2) as c2,
           case when i % 100 <> 0 then (i / 10)::decimal(18, 1) end as c3, date '2026-11-21' - i::int as c4,
           timestamptz '2026-11-21 03:54:00.123456+00' as c5, timestamp '1969-12-31 23:59:59.999999' as c6,
           0.1::float as c7, case when i % 2 = 0 then '0' else '-0' end::double as c8,
           i % 2 = 0 as c9, (i % 100)::smallint as c10 ${side}
      from range(${from}, ${to}) t(i)`;
  const parts = await duckDbParts(directory, "typed", [
    { sql: select(1, 100, ""), rows: 99 },
    { sql: select(100, 5_001, ", if(i % 100 = 0, 'NaN', null) as x3"), rows: 4_901, escapes: [3] },
  ]);
  const manifest = manifestOf(columns, parts);
  const path = join(directory, "export.parquet");
  await writeFile(path, await bytesOf(parquet(manifest, opener("typed"))));

  const read = await readByDuckDb(path);
  expect(read.columns.map(({ column_name, column_type }) => [column_name, column_type])).toEqual([
    ["id", "BIGINT"],
    ["id_2", "VARCHAR"],
    ["column_3", "DECIMAL(14,2)"],
    ["n", "VARCHAR"],
    ["day", "DATE"],
    ["at", "TIMESTAMP WITH TIME ZONE"],
    ["local", "TIMESTAMP"],
    ["f4", "FLOAT"],
    ["f8", "DOUBLE"],
    ["b", "BOOLEAN"],
    ["small", "SMALLINT"],
  ]);
  expect(read.rows).toHaveLength(5_000);
  const ours = await readRows(manifest, opener("typed"), 0, 5_000);
  for (const [index, row] of read.rows.entries()) {
    const cells = ours[index]!;
    expect(Object.values(row)).toEqual([
      ...cells.slice(0, 7),
      "0.1",
      cells[8] === 0 ? "0.0" : "-0.0",
      ...cells.slice(9).map(String),
    ]);
  }
  expect(read.rows[99]).toMatchObject({ id: "9223372036854770100", id_2: "é100", n: "NaN" });
  expect(read.rows[100]).toMatchObject({ column_3: "1.01", n: "10.1", day: "2026-08-12" });
});

test("no rows: the types are those of the columns", async () => {
  const path = join(directory, "empty.parquet");
  await writeFile(path, await bytesOf(parquet(manifestOf(columns, []), opener("none"))));
  const read = await readByDuckDb(path);
  expect(read.rows).toEqual([]);
  expect(read.columns.map(({ column_type }) => column_type)).toEqual([
    ...["BIGINT", "VARCHAR", "DECIMAL(14,2)", "DECIMAL(5,1)", "DATE", "TIMESTAMP WITH TIME ZONE"],
    ...["TIMESTAMP", "FLOAT", "DOUBLE", "BOOLEAN", "SMALLINT"],
  ]);
});

test("names that differ in case only", async () => {
  const parts = await duckDbParts(directory, "case", [{ sql: "select 1 as c0, 2 as c1", rows: 1 }]);
  const manifest = manifestOf([column("a", "int4"), column("A", "int4")], parts);
  const path = join(directory, "case.parquet");
  await writeFile(path, await bytesOf(parquet(manifest, opener("case"))));
  expect(Object.values((await readByDuckDb(path)).rows[0]!)).toEqual(["1", "2"]);
});

test("a side column without a value leaves its column as it is", async () => {
  const sql = "select 1.5::decimal(18, 1) as c0, null::varchar as x0";
  const parts = await duckDbParts(directory, "unused", [{ sql, rows: 1, escapes: [0] }]);
  const manifest = manifestOf([column("n", "numeric", "numeric(5,1)")], parts);
  const path = join(directory, "unused.parquet");
  await writeFile(path, await bytesOf(parquet(manifest, opener("unused"))));
  const read = await readByDuckDb(path);
  expect(read.columns[0]?.column_type).toBe("DECIMAL(5,1)");
  expect(read.rows).toEqual([{ n: "1.5" }]);
});

test("a long result comes in pieces, and a row group ends by bytes", async () => {
  const sql = "select repeat(chr(97 + (i % 26)::int), 1000000) as c0 from range(50) t(i)";
  const parts = await duckDbParts(directory, "long", [{ sql, rows: 50 }]);
  const manifest = manifestOf([column("t", "text")], parts);
  const pieces: Buffer[] = [];
  for await (const piece of parquet(manifest, opener("long"))) pieces.push(piece);
  const bytes = new Uint8Array(Buffer.concat(pieces));
  const metadata = parquetMetadata(bytes.buffer);
  expect(metadata.row_groups.map(({ num_rows }) => Number(num_rows))).toEqual([17, 17, 16]);
  expect(pieces).toHaveLength(3);
  await writeFile(join(directory, "long-export.parquet"), bytes);
  const read = await readByDuckDb(join(directory, "long-export.parquet"), "t[1] || length(t) as t");
  expect(read.rows.map(({ t }) => t)).toEqual(
    Array.from({ length: 50 }, (_, i) => `${String.fromCharCode(97 + (i % 26))}1000000`),
  );
});
