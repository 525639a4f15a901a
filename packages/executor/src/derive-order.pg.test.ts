/** Sorting and filtering a stored result gives what PostgreSQL gives, for every type. */
import { emptyDatabase, type TestDatabase } from "@quern/store/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startDeriving } from "./testing-derive.ts";

let database: TestDatabase;
let site: Awaited<ReturnType<typeof startDeriving>>;

beforeAll(async () => {
  database = await emptyDatabase();
  site = await startDeriving(database);
  await site.client.query("create domain price as numeric(10, 2)");
});
afterAll(async () => {
  await site.stop();
  await database.drop();
});

const VALUES: Record<string, string[]> = {
  boolean: ["true", "false"],
  smallint: ["-32768", "32767", "0"],
  bigint: ["-9223372036854775808", "9223372036854775807", "0", "-1", "9007199254740993"],
  numeric: [
    ...["NaN", "Infinity", "-Infinity", `-1.${"9".repeat(1000)}`, `-1.${"9".repeat(999)}`, "1e500"],
    ...[
      "0",
      "0.000",
      "1e-20",
      "-1e-20",
      "9",
      "10",
      "-9",
      "-10",
      "1.5",
      "1.50",
      "1.49",
      "-1.5",
      "-1.49",
    ],
  ],
  "numeric(18,4)": ["NaN", "99999999999999.9999", "-99999999999999.9999", "0", "-0.0001", "12.3"],
  "numeric(3,-2)": ["99900", "-100"],
  price: ["1.5", "NaN", "-1.5"],
  real: ["0.1", "-0", "NaN", "Infinity", "-Infinity", "1e-40"],
  "double precision": ["0.1", "0", "NaN", "Infinity", "-Infinity", "1e300", "-5e-324"],
  date: ["infinity", "-infinity", "4713-01-01 BC", "0001-01-01", "5874897-12-31", "1970-01-01"],
  timestamp: [
    ...["infinity", "-infinity", "4713-01-01 00:00:00 BC", "294276-12-31 23:59:59.999999"],
    ...[
      "294247-01-10 04:00:54.775807",
      "294247-01-10 04:00:54.775808",
      "294247-01-10 04:00:54.7758",
    ],
    ...["1969-12-31 23:59:59.999999", "0044-03-15 10:00:00.5 BC", "294260-02-29 00:00:00"],
  ],
  timestamptz: [
    ...["infinity", "-infinity", "4713-01-01 00:00:00+00 BC", "294276-12-31 23:59:59.999999+00"],
    ...[
      "294276-12-31 23:59:59.99+00",
      "2026-11-21 03:54:00.123456+05:30",
      "2026-11-21 00:00:00+00",
    ],
  ],
  time: ["24:00:00", "00:00:00.000001", "12:00:00"],
  uuid: ["00000000-0000-0000-0000-00000000000f", "f0000000-0000-0000-0000-000000000000"],
  bytea: ["\\x", "\\x00ff", "\\x00", "\\xff"],
  oid: ["4294967295", "9", "10"],
  'text collate "C"': ["", " ", "a", "B", "é", "😀", "\uffee", "a'b", "ab", "10", "9"],
};

const literal = (value: string) => `'${value.replaceAll("'", "''")}'`;
/** Text with bytes that sort: PostgreSQL's own comparison of the type. */
const listOf = (type: string, values: string[]) =>
  values.map((value, index) => `(${index}, ${literal(value)}::${type})`).join();

test.each(Object.entries(VALUES))("%s: every sort and every comparison", async (type, values) => {
  const rows = `(values ${listOf(type, values)}, (98, null), (99, null)) as t(i, v)`;
  const source = await site.stored(`select i, v from ${rows}`);
  for (const [direction, nulls] of [
    ["asc", undefined],
    ["desc", undefined],
    ["asc", "first"],
    ["desc", "last"],
  ] as const) {
    const place = nulls === undefined ? "" : `nulls ${nulls}`;
    const expected = await site.printed(
      `select i::text from ${rows} order by v ${direction} ${place}, i`,
    );
    const sort = [{ column: 1, direction, ...(nulls && { nulls }) }];
    expect(
      (await site.view(source, { sort })).map(([i]) => String(i)),
      direction,
    ).toEqual(expected);
  }
  for (const operator of ["=", "<", "<>", ">="] as const) {
    for (const value of operator.length === 2 ? values.slice(0, 2) : values) {
      const expected = await site.printed(
        `select i::text from ${rows} where v ${operator} ${literal(value)}::${type} order by t.i`,
      );
      const found = await site.view(source, { filters: [{ column: 1, operator, value }] });
      expect(
        found.map(([i]) => String(i)),
        `${operator} ${value.slice(0, 50)}`,
      ).toEqual(expected);
    }
  }
  const some = values.slice(0, 2);
  const within = await site.view(source, {
    filters: [{ column: 1, operator: "in", values: some }],
  });
  expect(within.map(([i]) => String(i))).toEqual(
    await site.printed(
      `select i::text from ${rows} where v in (${some.map((each) => `${literal(each)}::${type}`).join()}) order by t.i`,
    ),
  );
  const nothing = await site.view(source, { filters: [{ column: 1, operator: "is_null" }] });
  expect(nothing.map(([i]) => i)).toEqual([98, 99]);
  expect(
    await site.view(source, { filters: [{ column: 1, operator: "is_not_null" }] }),
  ).toHaveLength(values.length);
});

test("a decimal column against values with more digits than it has", async () => {
  const source = await site.stored(
    "select v from (values (1.00::numeric(5,2)), (1.01), ('NaN')) t(v)",
  );
  const than = (operator: "<" | ">" | "=", value: string) =>
    site.view(source, { filters: [{ column: 0, operator, value }] }).then((rows) => rows.flat());
  expect(await than("<", "1.005")).toEqual(["1.00"]);
  expect(await than(">", "1.005")).toEqual(["1.01", "NaN"]);
  expect(await than("=", "1.010000")).toEqual(["1.01"]);
  expect(await than(">", `-${"9".repeat(1000)}`)).toEqual(["1.00", "1.01", "NaN"]);
});

test("texts are searched in without regard to case, times and numbers as they are shown", async () => {
  const source = await site.stored(
    "select * from (values ('Ärger_%', date '0044-03-15 BC', 1234567890123), (null, '2026-11-21', 5)) t",
  );
  const found = async (
    column: number,
    operator: "contains" | "not_contains" | "starts_with",
    value: string,
  ) => (await site.view(source, { filters: [{ column, operator, value }] })).length;
  expect(await found(0, "contains", "äRGER_")).toBe(1);
  expect(await found(0, "contains", "x%")).toBe(0);
  expect(await found(0, "not_contains", "x")).toBe(1);
  expect(await found(1, "contains", "03-15 bc")).toBe(1);
  expect(await found(2, "starts_with", "123456789012")).toBe(1);
});
