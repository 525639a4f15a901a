import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Storage } from "@quern/contract/batch";
import type { Cell, Column, Part } from "@quern/contract/results";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parquetElement, parquetEncoding } from "../parquet-schema.ts";
import { partName } from "../part-name.ts";
import { batchOf, column, duckDbParts, manifestOf, partOpener, type TestCell } from "../testing.ts";
import { openResultWriter } from "../write/writer.ts";
import { readRows } from "./rows.ts";
import { partFromBytes } from "./source.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "quern-golden-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Each column: its type, how it is kept, cells as they are kept, and as they are read. */
const GOLDEN: {
  column: Column;
  storage: Storage;
  kept: TestCell[];
  sql: string[];
  read: Cell[];
}[] = [
  {
    column: column("b", "bool", "boolean"),
    storage: { kind: "bool" },
    kept: [true, false, null],
    sql: ["true", "false", "null"],
    read: [true, false, null],
  },
  {
    column: column("i2", "int2", "smallint"),
    storage: { kind: "int2" },
    kept: [-32_768, 32_767, null],
    sql: ["-32768", "32767", "null"],
    read: [-32_768, 32_767, null],
  },
  {
    column: column("i4", "int4", "integer"),
    storage: { kind: "int4" },
    kept: [-2_147_483_648, 2_147_483_647, null],
    sql: ["-2147483648", "2147483647", "null"],
    read: [-2_147_483_648, 2_147_483_647, null],
  },
  {
    column: column("i8", "int8", "bigint"),
    storage: { kind: "int8" },
    kept: [-(2n ** 63n), 2n ** 63n - 1n, null],
    sql: ["-9223372036854775808", "9223372036854775807", "null"],
    read: ["-9223372036854775808", "9223372036854775807", null],
  },
  {
    column: column("f4", "float4", "real"),
    storage: { kind: "float4" },
    kept: [0.1, Number.NaN, null],
    sql: ["0.1", "'NaN'", "null"],
    read: [0.1, "NaN", null],
  },
  {
    column: column("f8", "float8", "double precision"),
    storage: { kind: "float8" },
    kept: [-0, Number.NEGATIVE_INFINITY, 0.1 + 0.2],
    sql: ["-0.0::double", "'-Infinity'", "0.30000000000000004"],
    read: ["-0", "-Infinity", 0.1 + 0.2],
  },
  {
    column: column("d", "numeric", "numeric(14,2)"),
    storage: { kind: "decimal", scale: 2 },
    kept: [1230n, -99_999_999_999_999n, { escape: "NaN" }],
    sql: ["12.30", "-999999999999.99", "null"],
    read: ["12.30", "-999999999999.99", "NaN"],
  },
  {
    column: column("d18", "numeric", "numeric(18,18)"),
    storage: { kind: "decimal", scale: 18 },
    kept: [999_999_999_999_999_999n, -1n, null],
    sql: ["0.999999999999999999", "-0.000000000000000001", "null"],
    read: ["0.999999999999999999", "-0.000000000000000001", null],
  },
  {
    column: column("day", "date", "date"),
    storage: { kind: "date" },
    kept: [20_778, -735_160, { escape: "-infinity" }],
    sql: ["date '2026-11-21'", "date '0044-03-15 (BC)'", "null"],
    read: ["2026-11-21", "0044-03-15 BC", "-infinity"],
  },
  {
    column: column("ts", "timestamp", "timestamp without time zone"),
    storage: { kind: "timestamp" },
    kept: [1_795_233_240_123_456n, -1n, { escape: "infinity" }],
    sql: [
      "timestamp '2026-11-21 03:54:00.123456'",
      "timestamp '1969-12-31 23:59:59.999999'",
      "null",
    ],
    read: ["2026-11-21 03:54:00.123456", "1969-12-31 23:59:59.999999", "infinity"],
  },
  {
    column: column("tz", "timestamptz", "timestamp with time zone"),
    storage: { kind: "timestamptz" },
    kept: [9_223_371_244_799_999_999n, 0n, { escape: "294276-12-31 23:59:59.999999+00" }],
    sql: [
      "timestamptz '294246-12-31 23:59:59.999999+00'",
      "timestamptz '1970-01-01 00:00:00+00'",
      "null",
    ],
    read: [
      "294246-12-31 23:59:59.999999+00",
      "1970-01-01 00:00:00+00",
      "294276-12-31 23:59:59.999999+00",
    ],
  },
  {
    column: column("t", "text", "text"),
    storage: { kind: "text" },
    kept: ["", '\ufeffnaïve 𝄞\n"x"', "x".repeat(100)],
    sql: ["''", "chr(65279) || 'naïve 𝄞' || chr(10) || '\"x\"'", "repeat('x', 100)"],
    read: ["", '\ufeffnaïve 𝄞\n"x"', "x".repeat(100)],
  },
  {
    column: column("n", "text", "text"),
    storage: { kind: "text" },
    kept: [null, null, null],
    sql: ["null", "null", "null"],
    read: [null, null, null],
  },
];

const columns = GOLDEN.map((golden) => golden.column);
const expected = [0, 1, 2].map((row) => GOLDEN.map(({ read }) => read[row]));
const escapes = GOLDEN.flatMap(({ kept }, index) =>
  kept.some((cell) => cell !== null && typeof cell === "object") ? [index] : [],
);

test("values of a part by DuckDB", async () => {
  const types: Record<Storage["kind"], string> = {
    ...{ bool: "boolean", int2: "smallint", int4: "integer", int8: "bigint", float4: "float" },
    ...{ float8: "double", date: "date", timestamp: "timestamp", timestamptz: "timestamptz" },
    ...{ decimal: "decimal", text: "varchar" },
  };
  const rows = [0, 1, 2].map((row) => {
    const cells = GOLDEN.map(({ storage, sql }, index) => {
      const type =
        storage.kind === "decimal" ? `decimal(18, ${storage.scale})` : types[storage.kind];
      return `(${sql[row]})::${type} as c${index}`;
    });
    const sides = escapes.map((index) => {
      const cell = GOLDEN[index]?.kept[row];
      const text = cell !== null && typeof cell === "object" ? `'${cell.escape}'` : "null::varchar";
      return `${text} as x${index}`;
    });
    return `select ${[...cells, ...sides].join(", ")}`;
  });
  const sql = rows.join(" union all ");
  const parts = await duckDbParts(directory, "golden", [{ sql, rows: 3, escapes }]);
  const { open, opened } = partOpener(directory, ({ part }) => `golden${part}.parquet`);
  expect(await readRows(manifestOf(columns, parts), open, 0, 10)).toEqual(expected);
  expect(opened).toMatchObject({ total: 1, open: 0 });
});

test("values of a part by hyparquet-writer", async () => {
  const stored = (cells: TestCell[]) =>
    cells.map((cell) => (cell !== null && typeof cell === "object" ? null : cell));
  const side = (cells: TestCell[]) =>
    cells.map((cell) => (cell !== null && typeof cell === "object" ? cell.escape : null));
  const written = [
    ...GOLDEN.map(({ storage, kept }, index) => ({
      element: parquetElement(`c${index}`, storage),
      data: stored(kept),
    })),
    ...escapes.map((index) => ({
      element: parquetElement(`x${index}`, { kind: "text" }),
      data: side(GOLDEN[index]?.kept ?? []),
    })),
  ];
  const bytes = parquetWriteBuffer({
    schema: [
      { name: "root", num_children: written.length },
      ...written.map(({ element }) => element),
    ],
    columnData: written.map(({ element, data }) => ({
      name: element.name,
      data,
      encoding: parquetEncoding(element),
    })),
  });
  const part: Part = { statement: 0, part: 0, first_row: 0, rows: 3, size: 0, escapes };
  const open = async () => partFromBytes("golden/hyparquet", new Uint8Array(bytes));
  expect(await readRows(manifestOf(columns, [part]), open, 0, 10)).toEqual(expected);
});

test.each([
  ["small", 1],
  ["large", 700],
])("values of a %s result by the writer", async (size, copies) => {
  const storages = GOLDEN.map(({ storage }) => storage);
  const writer = openResultWriter(directory);
  writer.begin(copies, storages);
  for (let copy = 0; copy < copies; copy += 1) {
    await writer.write(
      batchOf(
        storages,
        GOLDEN.map(({ kept }) => kept),
      ),
    );
  }
  const parts = await writer.end();
  await writer.close();
  const { open } = partOpener(directory, partName);
  const rows = await readRows(manifestOf(columns, parts), open, 0, 3 * copies);
  expect(rows, size).toHaveLength(3 * copies);
  for (const [row, cells] of rows.entries()) expect(cells).toEqual(expected[row % 3]);
});
