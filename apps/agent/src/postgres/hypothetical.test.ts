/** Plans as PostgreSQL 15 printed them; with HypoPG 1.3.1 each of these indexes made them cheaper. */
import { expect, test } from "vitest";
import { candidates, tryIndexes } from "./hypothetical.ts";
import type { Session } from "./session.ts";

const scan = (table: string, alias: string, filter: string, more = {}) => ({
  ...{ "Node Type": "Seq Scan", Schema: "public", "Relation Name": table, Alias: alias },
  ...{ Filter: filter, "Total Cost": 3_774, ...more },
});
const columnsOf = (filter: string, alias = "orders") =>
  candidates([{ Plan: scan("orders", alias, filter) }]).map(({ columns }) => columns);

test("an index is tried on what the filter of a scan compares with equality, as PostgreSQL quotes it", () => {
  expect(columnsOf("((orders.customer_id = $1) AND (orders.state = $2))")).toEqual([
    ["customer_id", "state"],
  ]);
  expect(columnsOf("((o.state)::text = $1)", "o")).toEqual([["state"]]);
  expect(columnsOf('("Odd".""".x" = $1)', "Odd")).toEqual([['""".x"']]);
  expect(columnsOf("(orders.customer_id = ANY ($1))")).toEqual([["customer_id"]]);
  expect(columnsOf("((orders.at > $1) AND (orders.customer_id = $2))")).toEqual([["customer_id"]]);
});

test("none where one of several conditions would do, nothing is equal, or an index is used", () => {
  expect(columnsOf("((orders.customer_id = $1) OR (orders.id = $2))")).toEqual([]);
  expect(columnsOf("(orders.at > $1)")).toEqual([]);
  expect(columnsOf("(big_orders.id = $1)")).toEqual([]);
  const looked_up = scan("orders", "o", "(o.a = $1)", { "Node Type": "Index Scan" });
  expect(candidates([{ Plan: looked_up }])).toEqual([]);
});

test("of a join each table, at most three", () => {
  const Plans = ["a", "b", "c", "d"].map((name) => scan(name, name, `(${name}.x = $1)`));
  expect(candidates([{ Plan: { "Node Type": "Append", Plans } }])).toHaveLength(3);
});

test("each index is tried alone, and none is left; without HypoPG nothing is asked", async () => {
  const asked: string[] = [];
  const plan = JSON.stringify([{ Plan: scan("orders", "orders", "(orders.a = $1)") }]);
  const query = async (sql: string) => {
    asked.push(sql);
    if (sql.includes("format(")) return [{ begin: "create index on public.orders " }];
    return sql.startsWith("explain") ? [{ plan }] : [];
  };
  const session: Pick<Session, "query"> = { query };
  const explain = (options: string) => `explain (${options}format json) select 1`;
  const hypopg = new Map([["hypopg", { version: "1.4", schema: "ext", default_version: null }]]);
  expect(await tryIndexes(session, { extensions: hypopg }, explain)).toEqual([
    { definition: "create index on public.orders (a)", total_cost: 3_774 },
  ]);
  expect(asked.filter((sql) => !sql.includes("format("))).toEqual([
    'select "ext".hypopg_reset()',
    "explain (verbose, format json) select 1",
    'select * from "ext".hypopg_create_index($1)',
    "explain (format json) select 1",
    'select "ext".hypopg_reset()',
  ]);
  asked.length = 0;
  expect(await tryIndexes(session, { extensions: new Map() }, explain)).toBeUndefined();
  expect(asked).toEqual([]);
});
