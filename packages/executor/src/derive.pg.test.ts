/** Sorting, adding up and comparing stored results gives what PostgreSQL gives. */
import { readFileSync } from "node:fs";
import { readRows } from "@quern/results/read/rows";
import { partFromBytes } from "@quern/results/read/source";
import { emptyDatabase, type TestDatabase } from "@quern/store/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startDeriving } from "./testing-derive.ts";

let database: TestDatabase;
let site: Awaited<ReturnType<typeof startDeriving>>;

beforeAll(async () => {
  database = await emptyDatabase();
  site = await startDeriving(database);
});
afterAll(async () => {
  await site.stop();
  await database.drop();
});

test("a large result is sorted stably over many parts, and its rows stay as they are", async () => {
  const sql = (order: string) => `
    select g, g % 7 as k, md5(g::text) as t, (g % 1000 / 8.0)::numeric(14,2) as n,
      case when g % 5000 = 0 then 'infinity' else timestamptz '2026-01-01' + g * interval '1 s' end as ts
    from generate_series(1, 150000) g ${order}`;
  const source = await site.stored(sql(""));
  expect(source.parts.length).toBeGreaterThan(2);
  const sort = [
    { column: 1, direction: "desc" as const },
    { column: 3, direction: "asc" as const },
  ];
  const filters = [{ column: 0, operator: ">" as const, value: "1000" }];
  const rows = await site.view(source, { sort, filters });
  const expected = await site.stored(
    `select * from (${sql("")}) s where g > 1000 order by k desc, n, g`,
  );
  expect(rows).toEqual(
    await readRows(
      expected,
      async ({ part }) => {
        const { path } = expected.parts[part]!;
        return partFromBytes(path, readFileSync(path));
      },
      0,
      150_000,
    ),
  );
});

test("statistics are exact", async () => {
  const source = await site.stored(`
    select g::bigint * 100000000000000 as i, case when g % 10 = 0 then null else (g % 3)::text end as t,
      case g when 1 then 0 else g + 0.1 end as n, (g % 4)::numeric(9,2) as d, g % 2 = 0 as b, g / 4.0::float8 as f, date '2026-01-01' + g as day,
      case when g = 5 then 'infinity' else timestamp '2026-01-01' + g * interval '1 hour' end as ts
    from generate_series(1, 10000) g`);
  const { columns, rows } = await site.derived({ kind: "result_statistics", source });
  const table = rows.map((row) =>
    Object.fromEntries(columns.map(({ name }, index) => [name, row[index]])),
  );
  expect(table[0]).toMatchObject({
    column: 0,
    name: "i",
    nulls: "0",
    distinct: "10000",
    min: "100000000000000",
    max: "1000000000000000000",
    sum: "5000500000000000000000",
    mean: "500050000000000000",
    distinct_is_exact: true,
  });
  expect(table[1]).toMatchObject({ nulls: "1000", distinct: "3", min: "0", max: "2", sum: null });
  expect(JSON.parse(String(table[1]?.top)).map(({ count }: { count: number }) => count)).toEqual([
    3000, 3000, 3000,
  ]);
  const [sum, mean] = [
    await site.printed(
      "select sum(case g when 1 then 0 else g + 0.1 end)::text from generate_series(1, 10000) g",
    ),
    await site.printed(
      "select trim_scale(avg(case g when 1 then 0 else g + 0.1 end))::text from generate_series(1, 10000) g",
    ),
  ];
  expect(table[2]).toMatchObject({ min: "0", max: "10000.1", sum: sum[0], mean: mean[0] });
  expect(table[3]).toMatchObject({
    distinct: "4",
    min: "0.00",
    max: "3.00",
    sum: "15000.00",
    mean: "1.5",
  });
  expect(table[4]).toMatchObject({ true_count: "5000", min: "false", max: "true", sum: null });
  expect(table[5]).toMatchObject({ min: "0.25", max: "2500", sum: "12501250", mean: "1250.125" });
  expect(table[6]).toMatchObject({ min: "2026-01-02", max: "2053-05-19", mean: null });
  expect(table[7]).toMatchObject({
    min: "2026-01-01 01:00:00",
    max: "infinity",
    distinct: "10000",
  });
  for (const [index, name] of [
    [0, "i"],
    [5, "f"],
    [6, "day"],
  ] as const) {
    const histogram = JSON.parse(String(table[index]?.histogram)) as { count: number }[];
    expect(histogram, name).toHaveLength(20);
    expect(
      histogram.reduce((all, { count }) => all + count, 0),
      name,
    ).toBe(10_000);
  }
  const special = await site.stored(
    "select v from (values ('NaN'::numeric), (1), ('Infinity')) t(v)",
  );
  expect(
    (await site.derived({ kind: "result_statistics", source: special })).rows[0]?.slice(4, 8),
  ).toEqual([...["1", "NaN", "NaN", "NaN"]]);
  const none = await site.stored("select 1 as a, null::numeric as b where false");
  expect((await site.derived({ kind: "result_statistics", source: none })).rows).toMatchObject([
    [0, "a", "0", "0", null, null, null, null, null, "[]", null, true],
    [1, "b", "0", "0", null, null, null, null, null, "[]", null, true],
  ]);
});

test("a comparison counts rows, with every kind of value", async () => {
  const rows = (list: string) => site.stored(`select * from (values ${list}) t(a, n, ts, f)`);
  const same = "(1, 1.5, timestamp 'infinity', 'NaN'::float8)";
  const source = await rows(
    `${same}, ${same}, ${same}, (2, 'NaN', null, 1), (3, null, null, null)`,
  );
  const other = await rows(`${same}, (3, null, null, null), (4, 0, '2026-01-01', 2)`);
  const { columns, rows: changes } = await site.derived({
    kind: "result_comparison",
    source,
    other,
  });
  expect(columns.map(({ name }) => name)).toEqual(["change", "count", "a", "n", "ts", "f"]);
  expect(changes).toEqual([
    ["added", "2", 1, "1.5", "infinity", "NaN"],
    ["removed", "1", 4, "0", "2026-01-01 00:00:00", 2],
    ["added", "1", 2, "NaN", null, 1],
  ]);
  expect((await site.derived({ kind: "result_comparison", source, other: source })).rows).toEqual(
    [],
  );
  const empty = { ...other, rows: 0, parts: [] };
  const all = await site.derived({ kind: "result_comparison", source, other: empty }, 2);
  expect(all).toMatchObject({ truncated: "rows" });
  expect(all.rows.map(([change, count]) => [change, count])).toEqual([
    ["added", "3"],
    ["added", "1"],
  ]);
});

test("results without rows or columns", async () => {
  const empty = await site.stored("select 1 as a where false");
  expect(await site.view(empty, { sort: [{ column: 0, direction: "asc" }] })).toEqual([]);
  const bare = await site.stored("select from generate_series(1, 3)");
  expect(await site.view(bare, {})).toEqual([[], [], []]);
  expect((await site.derived({ kind: "result_statistics", source: bare })).rows).toEqual([]);
  const other = await site.stored("select");
  expect((await site.derived({ kind: "result_comparison", source: bare, other })).rows).toEqual([
    ["added", "2"],
  ]);
});

test("the work sees its files only, and leaves nothing behind", async () => {
  const source = await site.stored("select 1 as a");
  const outside = { ...source, parts: [{ ...source.parts[0]!, path: "/etc/hostname" }] };
  await expect(site.derived({ kind: "result_view", source: outside, view: {} })).rejects.toThrow();
});
