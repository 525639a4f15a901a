import type { SchemaRelation, SchemaSnapshot } from "@quern/contract/datasources";
import { expect, test } from "vitest";
import { columnListSql, insertSql, selectSql } from "./templates.ts";
import { keysOf, openAtFirst, treeLines } from "./tree.ts";

const column = (name: string) => ({
  name,
  type: "text" as const,
  source_type: "text",
  not_null: false,
  default: null,
  comment: null,
});
const snapshot: SchemaSnapshot = {
  schemas: [
    { name: "empty", comment: null, relations: [], functions: [] },
    {
      name: "public",
      comment: null,
      relations: [
        {
          name: "flights",
          kind: "table",
          comment: null,
          row_estimate: 3,
          bytes: 8192,
          columns: [column("id"), column("origin")],
          keys: [
            { name: "p", type: "primary", columns: ["id"], references: null },
            {
              name: "f",
              type: "foreign",
              columns: ["origin"],
              references: { schema: "public", table: "airports", columns: ["iata"] },
            },
          ],
          indexes: [],
        },
      ],
      functions: [{ name: "miles", arguments: "int", result: "int", kind: "function" }],
    },
  ],
};
const ids = (open: string[], search = "") =>
  treeLines(snapshot, new Set(open), search).map((line) => line.id);

test("what is folded hides what is in it, and an empty schema comes last and has nothing to unfold", () => {
  expect(ids([])).toEqual(["s:public", "s:empty"]);
  expect(ids(["s:public"])).toEqual(["s:public", "r:public.flights", "f:public", "s:empty"]);
  expect(treeLines(snapshot, new Set(), "").map((line) => line.open)).toEqual([false, null]);
  expect(ids(["s:public", "r:public.flights"])).toContain("r:public.flights.origin");
});

test("a search unfolds to what it finds and leaves out the rest", () => {
  expect(ids([], "ORIG")).toEqual(["s:public", "r:public.flights", "r:public.flights.origin"]);
  expect(ids([], "flights")).toEqual(["s:public", "r:public.flights"]);
  expect(ids([], "public.mil")).toEqual(["s:public", "f:public", "f:public:miles(int)"]);
  expect(ids([], "nothing")).toEqual([]);
  expect(ids(["r:public.flights"], "flights")).toContain("r:public.flights.id");
});

test("keys are told in words", () => {
  const relation = snapshot.schemas[1]!.relations[0]!;
  expect(keysOf(relation, "id").map((key) => key.words)).toEqual(["primary key"]);
  expect(keysOf(relation, "origin").map((key) => key.words)).toEqual(["→ public.airports (iata)"]);
  expect(openAtFirst(snapshot)).toEqual(["s:empty", "s:public"]);
});

const relation = (name: string, more: Partial<SchemaRelation> = {}): SchemaRelation => ({
  ...{ name, kind: "table", comment: null, row_estimate: null, bytes: null },
  ...{ columns: [column("id")], keys: [], indexes: [], ...more },
});
const shop: SchemaSnapshot = {
  schemas: [
    {
      name: "shop",
      comment: null,
      relations: [
        relation("customer_orders", { comment: "What people bought" }),
        relation("events", { kind: "partitioned_table" }),
        relation("events_2026", {
          partition_of: { schema: "shop", table: "events", bound: "FOR VALUES IN (2026)" },
          indexes: [{ name: "events_2026_id", definition: "CREATE INDEX …", valid: false }],
          triggers: [{ name: "noted", definition: "CREATE TRIGGER …", enabled: false }],
        }),
      ],
      functions: [],
      sequences: [{ name: "tickets", source_type: "bigint", comment: null, owned_by: null }],
      types: [{ name: "mood", kind: "enum", comment: null, labels: ["sad", "ok"] }],
    },
  ],
};
const shown = (open: string[], search = "") =>
  treeLines(shop, new Set(open), search).map((line) => line.id);

test("partitions stand under their table, with what belongs to each", () => {
  expect(shown(["s:shop"])).toEqual([
    "s:shop",
    "r:shop.customer_orders",
    "r:shop.events",
    "sequences:shop",
    "types:shop",
  ]);
  const all = ["s:shop", "r:shop.events", "r:shop.events/partitions", "r:shop.events_2026"];
  const lines = treeLines(
    shop,
    new Set([...all, "r:shop.events_2026/indexes", "r:shop.events_2026/triggers"]),
    "",
  );
  const inside = lines.filter((line) => line.id.startsWith("r:shop.events_2026"));
  expect(inside.map((line) => [line.id.slice("r:shop.events_2026".length), line.level])).toEqual([
    ["", 4],
    [".id", 5],
    ["/indexes", 5],
    ["/indexes/events_2026_id", 6],
    ["/triggers", 5],
    ["/triggers/noted", 6],
  ]);
  const warnings = inside.flatMap((line) => (line.kind === "detail" ? [line.warning] : []));
  expect(warnings).toEqual(["not valid: its build failed", "disabled"]);
});

test("a search finds partitions, comments, and names by the starts of their parts", () => {
  expect(shown([], "events_2026")).toEqual(["s:shop", "r:shop.events", "r:shop.events_2026"]);
  expect(shown([], "bought")).toEqual(["s:shop", "r:shop.customer_orders"]);
  expect(shown([], "custord")).toEqual(["s:shop", "r:shop.customer_orders"]);
  expect(shown([], "co")).toEqual(["s:shop", "r:shop.customer_orders"]);
  expect(shown([], "mood")).toEqual(["s:shop", "types:shop", "types:shop:mood"]);
  expect(shown([], "xyz")).toEqual([]);
});

test("a hundred thousand columns: what is found is cut, and says so", () => {
  const many: SchemaSnapshot = {
    schemas: [
      {
        ...{ name: "big", comment: null, functions: [] },
        relations: Array.from({ length: 1_000 }, (_, table) =>
          relation(`t${table}`, {
            columns: Array.from({ length: 100 }, (_, at) => column(`c${at}`)),
          }),
        ),
      },
    ],
  };
  const lines = treeLines(many, new Set(), "c1");
  expect(lines).toHaveLength(2_001);
  expect(lines.at(-1)).toMatchObject({ kind: "more" });
});

test("templates quote what has to be quoted and leave out what the database fills", () => {
  const odd = relation('we"ird', {
    columns: [
      { ...column("id"), source_type: "bigint", identity: "always", not_null: true },
      { ...column("order"), default: "7" },
      { ...column("twice"), generated: "id * 2" },
    ],
    keys: [{ name: "p", type: "primary", columns: ["id"], references: null }],
  });
  expect(selectSql("public", odd)).toBe(
    'select\n  id,\n  "order",\n  twice\nfrom "we""ird"\nlimit 100',
  );
  expect(insertSql("shop", odd)).toBe(
    'insert into shop."we""ird" ("order")\nvalues (\n  default /* order */\n)',
  );
  expect(columnListSql("shop", odd)).toBe(
    [
      'create table shop."we""ird" (',
      "  id bigint generated always as identity not null,",
      '  "order" text default 7,',
      "  twice text generated always as (id * 2) stored,",
      "  primary key (id)",
      ");",
    ].join("\n"),
  );
});
