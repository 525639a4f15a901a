import { expect, test } from "vitest";
import { complete } from "./completion.ts";
import { indexSchema } from "./schema-index.ts";
import { columnsAt, index, labelsAt, offeredAt, snapshot, table } from "./testing-schema.ts";

test("what fits best comes first: the same word, a beginning, a part, letters in order", () => {
  expect(labelsAt("select tot| from orders o, recent")[0]).toBe("total");
  expect(labelsAt("select plat| from orders")[0]).toBe("placed_at");
  expect(labelsAt("select cid| from orders")[0]).toBe("customer_id");
  expect(labelsAt("select nam| from customers")[0]).toBe("name");
  expect(labelsAt("select count| from orders")[0]).toBe("count");
});

test("names that need quotes get them, and quotes that are there are replaced", () => {
  const plain = offeredAt("select o.| from ohub.outages o").items.find(
    ({ label }) => label === "Cause",
  );
  expect(plain?.insert).toBe('"Cause"');
  const quoted = offeredAt('select o."Ca| from ohub.outages o');
  expect(quoted.items[0]).toMatchObject({ label: "Cause", insert: '"Cause"' });
  expect([quoted.start, quoted.end]).toEqual([9, 12]);
  const closed = offeredAt('select o."Ca|" from ohub.outages o');
  expect([closed.start, closed.end]).toEqual([9, 13]);
});

test("hostile names come out as names: quotes, dollars, emoji, right to left, 200 characters", () => {
  const names = ['a"b', "$x}", "🦆", "שלום", "x".repeat(200), "select", " a"];
  const hostile = indexSchema({
    schemas: [
      {
        name: "pu;blic",
        comment: null,
        functions: [{ name: 'f"$1', arguments: "", result: "text", kind: "function" }],
        relations: [table('t"; drop', names)],
      },
    ],
  });
  const sql = 'select  from "pu;blic"."t""; drop"';
  const found = complete({ sql, offset: 7, index: hostile }).items;
  expect(found.slice(0, 7).map(({ insert }) => insert)).toEqual([
    '"a""b"',
    '"$x}"',
    '"🦆"',
    '"שלום"',
    "x".repeat(200),
    '"select"',
    '" a"',
  ]);
  const tables = complete({ sql: "select * from ", offset: 14, index: hostile }).items;
  expect(tables.find(({ kind }) => kind === "table")?.insert).toBe('"pu;blic"."t""; drop"');
  const call = complete({ sql: "select f", offset: 8, index: hostile }).items.find(({ label }) =>
    label.includes('f"'),
  );
  expect(call?.insert).toBe('"pu;blic"."f""\\$1"()$0');
});

test("functions come with their arguments; those of other schemas with their schema", () => {
  const items = offeredAt("select reg|").items;
  expect(items.find(({ label }) => label === "ohub.region")).toMatchObject({
    insert: "ohub.region($0)",
    detail: "(code text) → text",
  });
  expect(offeredAt("select ohub.reg|").items[0]).toMatchObject({
    label: "region",
    insert: "region($0)",
  });
  expect(offeredAt("select no|").items.find(({ label }) => label === "now")?.insert).toBe(
    "now()$0",
  );
});

test("snippets are offered by their word", () => {
  const snippets = [
    // biome-ignore lint/suspicious/noTemplateCurlyInString: places to fill in
    { name: "Last rows", trigger: "lastrows", description: "", sql: "select * from ${1:t}" },
  ];
  expect(offeredAt("last|", { snippets }).items[0]).toMatchObject({
    label: "lastrows",
    kind: "snippet",
    places: true,
  });
});

test("a blank brings up a list only where a condition is surely wanted", () => {
  expect(
    offeredAt("select * from customers c join orders o on |", { afterBlank: true }).items,
  ).not.toEqual([]);
  for (const marked of [
    "select |",
    "select * from |",
    "select a |",
    "select * from orders where |",
  ])
    expect(offeredAt(marked, { afterBlank: true }).items, marked).toEqual([]);
});

test("without a table yet, columns of all tables are offered from two letters on", () => {
  expect(
    offeredAt("select pla|").items.find(({ label }) => label === "placed_at")?.detail,
  ).toContain("orders");
  expect(columnsAt("select p|")).toEqual([]);
});

test("without a schema keywords and functions are still there", () => {
  const bare = indexSchema(null);
  const words = complete({ sql: "select cou", offset: 10, index: bare }).items.map(
    ({ label }) => label,
  );
  expect(words).toContain("count");
});

test("every cut of a text can be completed, and brackets that go 5,000 deep too", () => {
  const sql = `with a as (select o.*, "Cause" from ohub.outages o where x in (1, 2)), b(y) as (values (1))
insert into orders (id, total) select c.id, sum(i.line) over (partition by i.sku order by 1) from customers c
left join lateral (select * from line_items i where i.order_id = c.id) i on true
where c.name = {{ name }} [[ and c.email ~* 'x' ]] group by 1 on conflict (id) do update set total = excluded.total returning *`;
  for (let end = 0; end <= sql.length; end += 1)
    complete({ sql: sql.slice(0, end), offset: end, index });
  for (let offset = 0; offset <= sql.length; offset += 1) complete({ sql, offset, index });
  const deep = `select * from ${"(select * from ".repeat(5000)}`;
  expect(() => complete({ sql: deep, offset: deep.length, index })).not.toThrow();
  const nested = `with ${Array.from({ length: 60 }, (_, n) => `c${n} as (select a.*, b.* from ${n ? `c${n - 1} a, c${n - 1} b` : "orders a, orders b"})`).join(", ")} select  from c59`;
  expect(snapshot.schemas.length).toBe(2);
  expect(() =>
    complete({ sql: nested, offset: nested.indexOf("select  from") + 7, index }),
  ).not.toThrow();
});
