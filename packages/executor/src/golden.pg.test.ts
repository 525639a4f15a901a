/** What PostgreSQL prints is what a page of the result shows: through connector, writer and reader. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { postgres } from "@quern/connectors/postgres/connector";
import {
  GENEROUS,
  type TestClient,
  testClient,
  testTarget,
} from "@quern/connectors/testing/target";
import { literal } from "@quern/contract/postgres-literal";
import type { Cell, Column, Part, Statement } from "@quern/contract/results";
import { partName } from "@quern/results/part-name";
import { readRows } from "@quern/results/read/rows";
import { partFromBytes } from "@quern/results/read/source";
import { openResultWriter } from "@quern/results/write/writer";
import { emptyDatabase, type TestDatabase } from "@quern/store/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { recordingSink } from "./sink.ts";

let database: TestDatabase;
let client: TestClient;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "quern-golden-"));
  database = await emptyDatabase();
  client = await testClient(database, "text");
  await client.query(`
    set timezone = 'UTC'; set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres';
    create extension if not exists hstore;
    create type mood as enum ('sad', 'it''s ok');
    create domain price as numeric(10, 2);
    create type pair as (a int, b text)`);
});

afterAll(async () => {
  await client.end();
  await database.drop();
  rmSync(folder, { recursive: true });
});

async function through(sql: string): Promise<{ columns: Column[]; rows: Cell[][]; parts: Part[] }> {
  const directory = mkdtempSync(join(folder, "run-"));
  const parts: Part[] = [];
  const given = { statements: [] as Statement[], notices: [] };
  const writer = openResultWriter(directory, { onPart: (part) => parts.push(part) });
  const link = { send: () => {}, allowed: () => Promise.resolve() };
  await postgres.execute(
    testTarget(database.name),
    { sql, params: [], options: { ...GENEROUS, max_cell_bytes: 32 * 1024 ** 2 } },
    recordingSink(writer, link, given),
  );
  const statement = given.statements.at(-1);
  const manifest = { columns: statement?.columns ?? [], rows: statement?.rows ?? 0, parts };
  const open = async (part: Part) => {
    const path = join(directory, partName(part));
    return partFromBytes(path, readFileSync(path));
  };
  return { ...manifest, rows: await readRows(manifest, open, 0, manifest.rows) };
}

/** The values of one column as PostgreSQL prints them. */
async function printed(sql: string): Promise<(string | null)[]> {
  const { rows } = await client.query({ text: sql, rowMode: "array" });
  return rows.map(([value]) => value);
}

const GOLDEN: Record<string, string[]> = {
  bigint: ["-9223372036854775808", "9223372036854775807", "0", "-1", "9007199254740993"],
  numeric: [
    "NaN",
    "Infinity",
    "-Infinity",
    `-1.${"9".repeat(1000)}`,
    `1${"0".repeat(500)}`,
    "0.00",
    "1e-20",
  ],
  "numeric(18,4)": ["NaN", "99999999999999.9999", "-99999999999999.9999", "0", "-0.0001", "12.3"],
  "numeric(18,18)": ["0.123456789012345678", "-0.999999999999999999", "0"],
  "numeric(18,0)": ["999999999999999999", "-999999999999999999"],
  "numeric(19,2)": ["99999999999999999.99", "NaN"],
  "numeric(3,-2)": ["99900", "-100"],
  "numeric(2,4)": ["0.0099"],
  price: ["1.5", "NaN"],
  date: [
    "infinity",
    "-infinity",
    "4713-01-01 BC",
    "0001-01-01",
    "5874897-12-31",
    "1970-01-01",
    "0044-03-15 BC",
  ],
  timestamp: [
    "infinity",
    "-infinity",
    "4713-01-01 00:00:00 BC",
    "294276-12-31 23:59:59.999999",
    "294247-01-10 04:00:54.775807",
    "294247-01-10 04:00:54.775808",
    "1999-12-31 23:59:59.9",
    "1969-12-31 23:59:59.999999",
  ],
  timestamptz: [
    "infinity",
    "-infinity",
    "4713-01-01 00:00:00+00 BC",
    "294276-12-31 23:59:59.999999+00",
    "2026-11-21 03:54:00.123456+05:30",
    "1883-11-18 12:03:57-04:56:02",
  ],
  "timestamp(0)": ["2026-11-21 03:54:00.6"],
  time: ["24:00:00", "00:00:00.000001"],
  timetz: ["23:59:59.999999-15:59:59"],
  interval: ["-178000000 years", "1 mon -1 day 00:00:00.000001", "infinity"],
  text: [
    "",
    " ",
    "\u{FEFF}bom",
    "é😀\u0001\t\n\r\"',",
    "null",
    "\\N",
    "a".repeat(12),
    "b".repeat(13),
  ],
  "char(5)": ["a", ""],
  "varchar(10)": ["é"],
  name: ["x"],
  '"char"': ["z"],
  bytea: ["\\x", "\\x00ff"],
  uuid: ["00000000-0000-0000-0000-000000000000"],
  json: ['{"a": 1,  "a": [1e400, "\\u0000"]}', "null"],
  jsonb: ['{"b": 123456789012345678901234567890.5}'],
  "int[]": ["{}", "{1,NULL,3}", "[0:1]={7,8}"],
  "text[]": ['{"a,b",NULL,"NULL","\\"",""}'],
  pair: ['(1,"a,b")', "(,)"],
  int4range: ["empty", "[1,5)", "(,)"],
  tstzmultirange: ["{}"],
  inet: ["::1/64", "10.0.0.1"],
  cidr: ["10.0.0.0/8"],
  macaddr: ["08:00:2b:01:02:03"],
  bit: ["1"],
  "varbit(5)": ["10101"],
  money: ["-1234.5"],
  point: ["(1,2)"],
  xml: ["<a/>"],
  tsvector: ["'a':1 'b'"],
  hstore: ['a=>"b", c=>NULL'],
  mood: ["it's ok"],
  oid: ["4294967295"],
  pg_lsn: ["16/B374D848"],
};

describe("each type, in a small result and in a large one", () => {
  test.each(Object.entries(GOLDEN))("%s", async (type, values) => {
    const list = values.map((value) => `(${literal(value)}::${type})`).join();
    const small = `select v from (values ${list}, (null)) as t(v)`;
    const expected = await printed(small);
    const result = await through(small);
    expect(result.rows.map(([cell]) => cell)).toEqual(expected);
    expect(result.columns[0]?.source_type).toBe(
      await printed(
        `select format_type(a.atttypid, a.atttypmod) from pg_attribute a
        where attrelid = 'pg_temp.shape'::regclass and attnum = 1`.replace(
          "'pg_temp.shape'::regclass",
          await shapeOf(small),
        ),
      ).then(([name]) => name),
    );
    const large = await through(
      `select v from (values ${list}, (null)) as t(v), generate_series(1, 1500)`,
    );
    expect(new Set(large.rows.map(([cell]) => cell))).toEqual(new Set(expected));
    expect(large.rows.length).toBe(expected.length * 1500);
  });

  /** The oid of a table of that shape. Domains come as their base type, as the protocol says. */
  async function shapeOf(sql: string): Promise<string> {
    await client.query("drop table if exists shape");
    await client.query(`create temp table shape as ${sql} limit 0`);
    const [oid] = await printed("select 'pg_temp.shape'::regclass::oid::text");
    return String(oid);
  }
});

test("booleans, small integers and floats are JSON values", async () => {
  const { rows } = await through(`
    select true, (-32768)::int2, 2147483647, 0.1::float4, 0.1::float8, '-0'::float8, 'NaN'::float4, '-Infinity'::float8,
           1e23::float8, 3.4028235e38::float4, 1e-45::float4, 5e-324::float8`);
  expect(rows).toEqual([
    [
      true,
      -32768,
      2147483647,
      0.1,
      0.1,
      "-0",
      "NaN",
      "-Infinity",
      1e23,
      3.4028235e38,
      1e-45,
      5e-324,
    ],
  ]);
});

test("cells of 1 MB and of 20 MB, between small ones", async () => {
  const { rows, parts } = await through(
    `select g, case when g between 3000 and 3020 then repeat('é', 500000) when g = 5000 then repeat('x', 20000000)
                    else 'small' end
       from generate_series(1, 9000) g`,
  );
  expect(parts.length).toBeGreaterThan(1);
  expect(parts.map(({ part }) => part)).toEqual(parts.map((_, index) => index));
  rows.forEach(([number, text], index) => {
    expect(number).toBe(index + 1);
    const g = index + 1;
    const length = g >= 3000 && g <= 3020 ? 500_000 : g === 5000 ? 20_000_000 : 5;
    expect(String(text).length).toBe(length);
  });
});

test("NULLs everywhere, in columns of every storage", async () => {
  const { rows } = await through(
    `select case when g % 2 = 0 then g end, case when g % 3 = 0 then g::text end, null::numeric(5,2), null::timestamptz,
            case when g % 5 = 0 then g::numeric(10,1) end
       from generate_series(1, 5000) g`,
  );
  rows.forEach((row, index) => {
    const g = index + 1;
    expect(row).toEqual([
      g % 2 === 0 ? g : null,
      g % 3 === 0 ? String(g) : null,
      null,
      null,
      g % 5 === 0 ? `${g}.0` : null,
    ]);
  });
});

test("1,600 columns over several row groups", async () => {
  const list = Array.from({ length: 1600 }, (_, index) =>
    index % 2 === 0 ? `g + ${index}` : `'t' || g`,
  );
  const { rows, columns } = await through(`select ${list.join()} from generate_series(1, 1000) g`);
  expect(columns.length).toBe(1600);
  expect(rows.length).toBe(1000);
  expect(rows[999]?.slice(1598)).toEqual([1000 + 1598, "t1000"]);
  expect(rows[0]?.slice(0, 2)).toEqual([1, "t1"]);
});
