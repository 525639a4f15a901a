import { expect, test } from "vitest";
import { complete } from "./completion.ts";
import { indexSchema } from "./schema-index.ts";
import { columnsAt, labelsAt, table } from "./testing-schema.ts";

test.each([
  ["select * from |", ["flights", "ohub.outages", "ohub", "lateral"]],
  ["select * from fl|", ["flights"]],
  ["select * from flights, |", ["airports"]],
  ["select * from flights join |", ["airports"]],
  ["update |", ["flights"]],
  ["delete from |", ["flights"]],
  ["insert into |", ["flights"]],
  ["with m as (select 1) select * from |", ["m", "flights"]],
  ["select * from only |", ["orders"]],
  ["select * from (select * from |", ["orders"]],
  ["select 1 union select * from |", ["orders"]],
])("tables come at %s", (marked, wanted) => {
  expect(labelsAt(marked)).toEqual(expect.arrayContaining(wanted));
  expect(columnsAt(marked)).toEqual([]);
});

test.each([
  ["select f.| from flights f", ["origin", "delay"]],
  ["select flights.| from flights", ["origin", "delay"]],
  ["select * from flights as f join airports a on a.iata = f.|", ["origin", "delay"]],
  ["select outages.| from ohub.outages", ["id", "province", "Cause", "started_at", "utility_id"]],
  [
    "select ohub.outages.| from ohub.outages",
    ["id", "province", "Cause", "started_at", "utility_id"],
  ],
  [
    "with m as (select origin, count(*) as n from flights group by 1) select m.| from m",
    ["origin", "n"],
  ],
  ["with m(a, b) as (values (1, 2)) select m.| from m", ["a", "b"]],
  [
    "with m as (select * from flights), n as (select m.*, 1 as one from m) select n.| from n",
    ["origin", "delay", "one"],
  ],
  ["with recursive r as (select id from orders union all select r.| from r) select 1", ["id"]],
  ["with m as (delete from orders returning id, total as t) select m.| from m", ["id", "t"]],
  [
    "select s.| from (select origin, delay * 2 as double, delay::text, count(*) from flights) s",
    ["origin", "double", "delay", "count"],
  ],
  ["select s.| from (select * from flights) as s", ["origin", "delay"]],
  ["select s.| from (select * from flights) as s(a)", ["a", "delay"]],
  ["select v.| from (values (1, 'a')) as v(number, letter)", ["number", "letter"]],
  ["select v.| from (values (1, 'a')) v", ["column1", "column2"]],
  ["select g.| from generate_series(1, 3) as g(n)", ["n"]],
  ["select g.| from generate_series(1, 3) g", ["g"]],
  ["select t.| from top_customers(3) t", ["customer", "spent"]],
  ["select x.| from jsonb_to_recordset('[]') as x(a int, b numeric(3,1))", ["a", "b"]],
  ["select (select o.| from orders o) from flights f", ["id", "customer_id", "total", "placed_at"]],
  [
    "select 1 from flights f where exists (select 1 from orders o where f.| = o.id)",
    ["origin", "delay"],
  ],
  [
    "select * from orders o, lateral (select o.| from customers) c",
    ["id", "customer_id", "total", "placed_at"],
  ],
  ["select * from (orders o join customers c on true) where c.|", ["id", "name", "email"]],
  ["select 1 union all select c.| from customers c", ["id", "name", "email"]],
  ["update orders o set total = o.|", ["id", "customer_id", "total", "placed_at"]],
  ["update orders set total = c.| from customers c", ["id", "name", "email"]],
  ["delete from orders using customers c where c.|", ["id", "name", "email"]],
  ["merge into orders o using customers c on o.|", ["id", "customer_id", "total", "placed_at"]],
  ["select (select a from ((select delay as a from flights)) q where q.|", ["a"]],
  ["select u.| from (select iata as c from airports union select 1) u", ["c"]],
  ["select c.| from case_table c", []],
])("after a dot come the columns of what the name stands for: %s", (marked, wanted) => {
  expect(columnsAt(marked)).toEqual(wanted);
});

test.each([
  ["insert into orders (|", ["id", "customer_id", "total", "placed_at"]],
  ["insert into orders (id, |) values (1)", ["id", "customer_id", "total", "placed_at"]],
  ["insert into ohub.utilities (|", ["id", "name"]],
  ["update orders set |", ["id", "customer_id", "total", "placed_at"]],
  ["update orders set id = 1, |", ["id", "customer_id", "total", "placed_at"]],
  ["insert into customers values (1) on conflict (|", ["id", "name", "email"]],
  ["select * from orders join line_items using (|", ["order_id", "line", "sku"]],
  ["select * from orders o join recent using (|", ["id", "total"]],
])("only columns of the table that is written, or joined: %s", (marked, wanted) => {
  expect(labelsAt(marked)).toEqual(wanted);
});

test("columns in scope come first, then aliases, functions and words", () => {
  const items = labelsAt(
    "select 1 from airports; select | from flights, ohub.outages o where true",
  );
  expect(items.slice(0, 9)).toEqual([
    "origin",
    "delay",
    "id",
    "province",
    "Cause",
    "started_at",
    "utility_id",
    "flights",
    "o",
  ]);
  expect(items).not.toContain("iata");
  expect(items).toEqual(expect.arrayContaining(["count", "case", "distinct"]));
});

test("the columns of the query around come behind those of the query itself", () => {
  expect(
    columnsAt("select * from customers c where exists (select 1 from orders o where |)"),
  ).toEqual(["id", "customer_id", "total", "placed_at", "name", "email"]);
});

test("a with query sees those before it, not the main query and not those behind it", () => {
  const items = labelsAt(
    "with a as (select 1 as x), b as (select | from a), c as (select 2 as y) select * from flights",
  );
  expect(items).toContain("x");
  expect(items).not.toContain("origin");
  expect(items).not.toContain("y");
});

test("order by and group by offer the names of the select list", () => {
  expect(
    columnsAt("select origin, avg(delay) as late from flights group by 1 order by |").slice(0, 3),
  ).toEqual(["origin", "late", "delay"]);
  expect(columnsAt("select date_trunc('day', placed_at) as day from orders group by |")[0]).toBe(
    "day",
  );
});

test("foreign keys give whole conditions, in either direction, also over two columns", () => {
  expect(labelsAt("select * from orders o join customers c on |")[0]).toBe("c.id = o.customer_id");
  expect(labelsAt("select * from customers c join orders o on |")[0]).toBe("o.customer_id = c.id");
  expect(labelsAt("select * from customers c join orders o |")[0]).toBe("on o.customer_id = c.id");
  expect(labelsAt("select * from customers join orders |")[0]).toBe(
    "on orders.customer_id = customers.id",
  );
  expect(labelsAt("select * from ohub.outages join ohub.utilities u on |")[0]).toBe(
    "u.id = outages.utility_id",
  );
  const pair = indexSchema({
    schemas: [
      {
        name: "public",
        comment: null,
        functions: [],
        relations: [
          table("a", ["x", "y"]),
          table("b", ["ax", "ay"], {
            keys: [
              {
                name: "b_a",
                type: "foreign",
                columns: ["ax", "ay"],
                references: { schema: "public", table: "a", columns: ["x", "y"] },
              },
            ],
          }),
        ],
      },
    ],
  });
  const sql = "select * from a join b on ";
  expect(complete({ sql, offset: sql.length, index: pair }).items[0]?.label).toBe(
    "b.ax = a.x and b.ay = a.y",
  );
});

test("the joined table is the one before the cursor, and without a key names that say the same are tried", () => {
  expect(
    labelsAt("select * from orders o join customers c on | join line_items i on true")[0],
  ).toBe("c.id = o.customer_id");
  expect(labelsAt("select * from customers c join recent on |")).not.toContain("recent.id = c.id");
  const guess = indexSchema({
    schemas: [
      {
        name: "public",
        comment: null,
        functions: [],
        relations: [table("users", ["id"]), table("posts", ["user_id"])],
      },
    ],
  });
  const sql = "select * from users join posts on ";
  expect(complete({ sql, offset: sql.length, index: guess }).items[0]?.label).toBe(
    "posts.user_id = users.id",
  );
});

test("tables that a foreign key ties to those of the statement come first behind join", () => {
  expect(labelsAt("select * from customers join |")[0]).toBe("orders");
  expect(labelsAt("select * from orders join |").slice(0, 2).sort()).toEqual([
    "customers",
    "line_items",
  ]);
});

test.each([
  ["select * from flights whe|", "where"],
  ["select * from flights f w|", "where"],
  ["select * from flights f left j|", "join"],
  ["select * from flights where origin i|", "in"],
  ["select * from flights where origin is n|", "not"],
  ["select * from flights gro|", "group by"],
  ["select * from flights order by delay d|", "desc"],
  ["select case wh|", "when"],
  ["se|", "select"],
  ["select 1; sel|", "select"],
  ["explain sel|", "select"],
  ["select delay::in|", "interval"],
  ["select cast(delay as te|", "text"],
  ["select dis|", "distinct"],
  ["insert into flights va|", "values"],
])("keywords by place: %s", (marked, wanted) => {
  expect(labelsAt(marked)).toContain(wanted);
});

test.each([
  "select 'fro|m' from flights",
  "select 1 -- fro|",
  "select 1 /* fro| */",
  "-- fro|",
  "select $$ fro| $$",
  "select * from flights f|",
  "select delay as d|",
  "select 12|",
  "select 1 as |",
  "select {{ ori| }}",
  "with or| as (select 1)",
])("nothing is offered at %s", (marked) => {
  if (marked.startsWith("with ")) return expect(columnsAt(marked)).toEqual([]);
  expect(labelsAt(marked)).toEqual([]);
});
