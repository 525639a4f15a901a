import { expect, test } from "vitest";
import { column, schemaOf, table } from "../testing-schema.ts";
import { timeable } from "./parameters.ts";
import { rowFiles, sampleTables } from "./sample.ts";

const { schema } = schemaOf({
  tables: [
    table("orders", { columns: ["id", "at", "state"].map((name) => column(name, "text")) }),
    table("customers", { columns: ["id", "city"].map((name) => column(name, "text")) }),
    table("days", { kind: "p", partition_key: "RANGE (id)" }),
    table("day_1", { parent: "public.days" }),
  ],
});

const sourcesOf = async (text: string) => {
  const found = await timeable(text, schema.tables);
  return "untimed" in found
    ? found.detail
    : found.parameters.map(({ p, t, c, share, array }) => `${p} ${t}.${c} ${share} ${array}`);
};

test.each([
  [
    "select * from orders o where o.id = $1 and $2 >= at",
    ["1 orders.id null false", "2 orders.at 0.1 false"],
  ],
  [
    "select 1 from orders where at between $1 and $2",
    ["1 orders.at 0.45 false", "2 orders.at 0.55 false"],
  ],
  [
    "select 1 from orders where state in ($1, $2)",
    ["1 orders.state null false", "2 orders.state null false"],
  ],
  ["select 1 from orders where state = any($1)", ["1 orders.state null true"]],
  ["select 1 from orders where at > timestamptz $1", ["1 orders.at 0.9 false"]],
  [
    "with a as (select * from orders where state = $1) select * from a",
    ["1 orders.state null false"],
  ],
  [
    "select 1 from orders o join customers c on c.id = o.id where city = $1",
    ["1 customers.city null false"],
  ],
  ["delete from only public.orders where id = $1", ["1 orders.id null false"]],
  ["select 1 from orders o, customers c where id = $1", "$1"],
  ["select 1 from orders where state <> $1", "$1"],
  ["select 1 from orders where lower(state) = $1", "$1"],
  ["select 1 from orders where id = $1 limit $2", "$2"],
  ["insert into orders values ($1)", "$1"],
  ["select from where $1 $2", ""],
])("%s takes its values from %s", async (text, expected) => {
  expect(await sourcesOf(text)).toEqual(expected);
});

test("a statement without parameters can be timed, and says what it reads", async () => {
  expect(await timeable("select count(*) from orders", schema.tables)).toEqual({
    ...{ parameters: [], reads: [{ s: "public", t: "orders", object: "public.orders" }] },
  });
});

test("rows are taken at random where a table has more of them, and of partitions the whole table", () => {
  const size = (n: string, p: number, t: number) => ({ s: "public", n, p, t, v: 0 });
  const sizes = [
    size("orders", 10_000, 1_000_000),
    size("customers", 10, 1_000),
    size("days", 0, -1),
    size("day_1", 4, 4_000),
  ];
  const { sampled, gaps } = sampleTables(schema.tables, schema, sizes, 500);
  expect(gaps).toEqual([]);
  expect(sampled.map(({ sql }) => sql.split("\n").at(-1))).toEqual([
    "from only public.orders tablesample system (0.2) limit 500",
    "from only public.customers tablesample bernoulli (55) limit 500",
    "from public.days tablesample bernoulli (13.75) limit 500",
  ]);
});

test("cells are escaped as COPY reads them", () => {
  const files = rowFiles([[["a\tb\\", null, "\\N", "x\r\ny", ""]], []]);
  expect(files).toEqual({
    "rows/1.tsv": { content: "a\\tb\\\\\t\\N\t\\\\N\tx\\r\\ny\t\n" },
    "rows/2.tsv": { content: "" },
  });
});
