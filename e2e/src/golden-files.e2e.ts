/** Every value is the same in every format that results leave Quern in. */
import { createHash } from "node:crypto";
import type { Cell, Column } from "@quern/contract/results";
import type { DownloadFormat } from "@quern/contract/run-results";
import { cellFormat } from "@quern/results/read/cells";
import { uniqueNames } from "@quern/results/read/names";
import { readLayout, readStoredRows } from "@quern/results/read/part";
import { partFromBytes } from "@quern/results/read/source";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ResultSite, startResultSite } from "./result-site.ts";
import { csvRows, sheetRows } from "./spreadsheets.ts";

let site: ResultSite;
beforeAll(async () => {
  site = await startResultSite();
  await site.run(
    "create type mood as enum ('sad', 'it''s ok'); create domain price as numeric(10, 2); create type pair as (a int, b text)",
  );
});
afterAll(() => site.stop());

/** One row of extremes; `values` repeats it, so that one result is small and one has several parts. */
const VALUES = `
  '-9223372036854775808'::int8 as i8, 9223372036854775807 as i8b, '-32768'::int2 as i2, 2147483647 as i4,
  ('-1.' || repeat('9', 1000))::numeric as n1000, 'NaN'::numeric as nan, 'Infinity'::numeric as inf, '-Infinity'::numeric,
  'NaN'::numeric(18,4) as nan4, 99999999999999.9999::numeric(18,4) as d4, 12.30::numeric(9,2) as d2, 1.5::price as price,
  0.1::float4 as f4, 0.30000000000000004::float8 as f8, '-0'::float8 as f0, 'NaN'::float8 as fn, '-Infinity'::float8 as fi,
  true as b, date 'infinity' as di, date '4713-01-01 BC' as dbc, date '5874897-12-31' as dfar, date '2026-11-21' as d,
  timestamp '-infinity' as ti, timestamp '4713-01-01 00:00:00 BC' as tbc, timestamp '294276-12-31 23:59:59.999999' as tfar,
  timestamptz '2026-11-21 03:54:00.123456+05:30' as tz, timestamptz 'infinity' as tzi, time '24:00:00' as tm,
  timetz '23:59:59.999999-15:59:59' as tmz, interval '1 mon -1 day 00:00:00.000001' as iv, '{1,NULL,3}'::int[] as ia,
  array['a,b', null, 'NULL', '"'] as ta, (1, 'a,b')::pair as pair, '[1,5)'::int4range as r, '{}'::tstzmultirange as mr,
  '\\x00ff'::bytea as by, '{"b": 123456789012345678901234567890.5}'::jsonb as jb, '{"a": 1,  "a": [1e400]}'::json as js,
  '::1/64'::inet as inet, '10101'::varbit(5) as bits, 'it''s ok'::mood as mood, '' as empty, ' x ' as spaces,
  E'\\uFEFFnaïve 𝄞\\r\\n\\t"quoted", =1+1 _x0041_ \\x01' as text, '=cmd()' as formula, '\\.' as dot,
  uuid '00000000-0000-0000-0000-00000000000f' as uuid, null::text as nothing, 1 as twice, 2 as twice, 3 as " ", 4`;

const FORMATS: Record<
  DownloadFormat,
  (bytes: Buffer, columns: Column[]) => Promise<Cell[][]> | Cell[][]
> = {
  csv: (bytes) => csvRows(bytes.toString()).slice(1),
  json: (bytes) => JSON.parse(bytes.toString()).rows,
  xlsx: (bytes) => sheetRows(bytes).slice(1),
  async parquet(bytes, columns) {
    const source = partFromBytes(createHash("sha256").update(bytes).digest("hex"), bytes);
    const layout = await readLayout(source);
    const names = uniqueNames(columns.map(({ name }) => name));
    const formats = names.map((name) => cellFormat(layout.kinds.get(name) ?? { kind: "text" }));
    const rows = await readStoredRows(source, layout, names, 0, layout.group_ends.at(-1) ?? 0);
    return rows.map((row) => row.map((cell, index) => formats[index]!(cell ?? null)));
  },
};
/** What the text of a file may say of a cell: everything but its JSON type. */
const asText = (rows: Cell[][]) =>
  rows.map((row) => row.map((cell) => (cell === null ? null : String(cell))));
/** A spreadsheet says 1 and 0 for true and false. */
const spoken = (rows: Cell[][]) =>
  rows.map((row) => row.map((cell) => (cell === true ? 1 : cell === false ? 0 : cell)));

test.each([
  ["small", `select ${VALUES} union all select ${VALUES}`, 2],
  ["large", `select ${VALUES} from generate_series(1, 1200)`, 1_200],
])(
  "every value of a %s result is the same in the API, csv, json, xlsx and parquet",
  async (_, sql, count) => {
    const { id } = await site.run(sql);
    const page = await site.pageOf(id);
    expect(page.rows).toHaveLength(count);
    for (const [format, read] of Object.entries(FORMATS) as [
      DownloadFormat,
      typeof FORMATS.csv,
    ][]) {
      const rows = await read(await site.file(id, format), page.columns);
      expect(rows.length, format).toBe(count);
      const expected = format === "xlsx" ? spoken(page.rows) : page.rows;
      for (const index of [0, count - 1])
        expect(asText([rows[index]!]), format).toEqual(asText([expected[index]!]));
      expect(
        createHash("md5")
          .update(JSON.stringify(asText(rows)))
          .digest("hex"),
        format,
      ).toBe(
        createHash("md5")
          .update(JSON.stringify(asText(expected)))
          .digest("hex"),
      );
    }
  },
);

test.each([
  ["no columns", "select from generate_series(1, 3)", 3],
  ["no rows", "select 1 as a, 'x' as b where false", 0],
  [
    "1,600 columns",
    `select ${Array.from({ length: 1600 }, (_, n) => `g + ${n}`).join()} from generate_series(1, 20) g`,
    20,
  ],
])("%s in every format", async (_, sql, count) => {
  const { id } = await site.run(sql);
  const page = await site.pageOf(id);
  for (const [format, read] of Object.entries(FORMATS) as [DownloadFormat, typeof FORMATS.csv][]) {
    const response = await site.download(id, format);
    expect(response.headers.get("x-quern-rows"), format).toBe(String(count));
    const rows = await read(Buffer.from(await response.arrayBuffer()), page.columns);
    // A file of text has no way to say how many rows of nothing it has; a sheet and JSON do.
    if (page.columns.length > 0) expect(asText(rows), format).toEqual(asText(page.rows));
  }
});

test("cells of 1 MB are whole; a spreadsheet, which would cut them, is refused", async () => {
  const { id } = await site.run(
    "select g, repeat('é', 500000) || g as t from generate_series(1, 5) g",
  );
  const { rows, columns } = await site.pageOf(id);
  for (const format of ["csv", "json", "parquet"] as const) {
    expect(asText(await FORMATS[format](await site.file(id, format), columns)), format).toEqual(
      asText(rows),
    );
  }
  const response = await site.download(id, "xlsx");
  expect(response.status).toBe(422);
  expect(await response.json()).toMatchObject({
    code: "not_exportable",
    detail: expect.stringContaining('column "t" has 500001 characters'),
  });
});
