/** A small shop and some flights. Only tests may import this file. */
import type { SchemaRelation, SchemaSnapshot } from "@quern/contract/datasources";
import { type CompletionRequest, complete } from "./completion.ts";
import { indexSchema } from "./schema-index.ts";

type Key = SchemaRelation["keys"][number];

export function table(
  name: string,
  columns: string[],
  change: Partial<SchemaRelation> = {},
): SchemaRelation {
  return {
    name,
    kind: "table",
    comment: null,
    row_estimate: 1200,
    bytes: 1,
    columns: columns.map((each) => {
      const [column = "", type = "text"] = each.split(":");
      return {
        name: column,
        type: "text",
        source_type: type,
        not_null: false,
        default: null,
        comment: null,
      };
    }),
    keys: [],
    indexes: [],
    ...change,
  };
}

const primary = (...columns: string[]): Key => ({
  name: "pk",
  type: "primary",
  columns,
  references: null,
});
const foreign = (
  name: string,
  columns: string[],
  to: string,
  target: string[],
  schema = "public",
): Key => ({
  name,
  type: "foreign",
  columns,
  references: { schema, table: to, columns: target },
});

export const snapshot: SchemaSnapshot = {
  schemas: [
    {
      name: "ohub",
      comment: null,
      relations: [
        table(
          "outages",
          ["id:int8", "province", "Cause", "started_at:timestamptz", "utility_id:int8"],
          {
            comment: "One row per outage",
            keys: [
              primary("id"),
              foreign("outages_utility", ["utility_id"], "utilities", ["id"], "ohub"),
            ],
          },
        ),
        table("utilities", ["id:int8", "name"]),
      ],
      functions: [{ name: "region", arguments: "code text", result: "text", kind: "function" }],
    },
    {
      name: "public",
      comment: null,
      relations: [
        table("airports", ["iata", "city"]),
        table("customers", ["id:int8", "name", "email"], { keys: [primary("id")] }),
        table("flights", ["origin", "delay:int4"]),
        table("line_items", ["order_id:int8", "line:int4", "sku"], {
          keys: [
            primary("order_id", "line"),
            foreign("items_order", ["order_id"], "orders", ["id"]),
          ],
        }),
        table(
          "orders",
          ["id:int8", "customer_id:int8", "total:numeric(10,2)", "placed_at:timestamptz"],
          {
            keys: [primary("id"), foreign("orders_customer", ["customer_id"], "customers", ["id"])],
          },
        ),
        table("recent", ["id:int8", "total:numeric"], { kind: "view" }),
      ],
      functions: [
        {
          name: "top_customers",
          arguments: "n integer",
          result: "TABLE(customer text, spent numeric)",
          kind: "function",
        },
      ],
    },
  ],
};

export const index = indexSchema(snapshot);

/** What is offered at `|`. */
export function offeredAt(marked: string, more: Partial<CompletionRequest> = {}) {
  const offset = marked.indexOf("|");
  return complete({ sql: marked.replace("|", ""), offset, index, ...more });
}

export const labelsAt = (marked: string) => offeredAt(marked).items.map(({ label }) => label);

export const columnsAt = (marked: string) =>
  offeredAt(marked)
    .items.filter(({ kind }) => kind === "column")
    .map(({ label }) => label);
