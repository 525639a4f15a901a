import type { SchemaSnapshot } from "@quern/contract/agent/schema";
import type { HealthEvent } from "@quern/contract/health/events";
import type { SchemaChange } from "@quern/contract/health/server";
import { describe, expect, test } from "vitest";
import { diffLines } from "../../diff/lines.ts";
import { eventDays, eventPlace, eventTitle, typesInOrder } from "./event-words.ts";
import { otherObjects, schemaIndex, schemaLines } from "./schema-lines.ts";
import { tableNamed, tableText } from "./schema-text.ts";
import { changeGroups, countChanges, fieldChanges, pairLines } from "./schema-words.ts";

const snapshot = (tables: string[]): SchemaSnapshot => ({
  tables: tables.map((name) => ({
    ...{ schema: "public", name, row_count_estimate: 1, size_bytes: 1 },
    columns: [
      { name: "id", data_type: "bigint", nullable: false, default: null, position: 1 },
      { name: `${name}_note`, data_type: "text", nullable: true, default: null, position: 2 },
    ],
  })),
  indexes: [
    {
      ...{ schema: "public", table: "orders", name: "orders_pkey", columns: ["id"] },
      ...{ is_unique: true, is_primary: true, size_bytes: 1 },
    },
  ],
  extensions: [{ name: "hstore", version: "1.8", default_version: "1.9", schema: "public" }],
});

describe("the schema", () => {
  test("a search finds tables by their columns, and opens what is closed", () => {
    const schema = snapshot(["orders", "carts"]);
    const lines = (closed: string[], search: string) =>
      schemaLines(schemaIndex(schema), otherObjects(schema), new Set(closed), search).map(
        ({ id }) => id,
      );
    expect(lines([], "")).toEqual(["s public", "public.carts", "public.orders", "o extensions"]);
    expect(lines(["s public"], "")).toEqual(["s public", "o extensions"]);
    expect(lines(["s public"], "carts_note")).toEqual(["s public", "public.carts"]);
    expect(lines([], "hstore")).toEqual(["o extensions", "extensions hstore"]);
  });

  test("five thousand tables are searched in one go", () => {
    const names = Array.from({ length: 5_000 }, (_, place) => `t${place}`);
    const schema = snapshot(names);
    const index = schemaIndex(schema);
    expect(schemaLines(index, [], new Set(), "")).toHaveLength(5_001);
    expect(schemaLines(index, [], new Set(), "t4999_n")).toHaveLength(2);
  });

  test("a table is a text that can be laid beside another", () => {
    const found = tableNamed(snapshot(["orders"]), "public.orders")!;
    const text = tableText(found);
    expect(text.split("\n")).toEqual([
      "table public.orders",
      "  id bigint not null",
      "  orders_note text",
      "  unique index orders_pkey using btree (id)",
    ]);
    const pairs = pairLines(diffLines(text, text.replace("orders_note text", "note text")));
    expect(pairs.map(({ left, right }) => [left?.change, right?.change])).toEqual([
      ["same", "same"],
      ["same", "same"],
      ["removed", "added"],
      ["same", "same"],
    ]);
    expect(pairLines(diffLines("", "a\nb")).at(-1)).toMatchObject({ right: { text: "b" } });
  });

  test("changes stand under their table", () => {
    const change = (more: Partial<SchemaChange>): SchemaChange => ({
      ...{ type: "column", change: "added", object: "public.orders.note", fields: [] },
      ...{ before: null, after: { schema: "public", table: "orders", name: "note" }, ...more },
    });
    const changes = [
      change({}),
      change({
        ...{ type: "index", change: "changed", fields: ["definition", "key_columns"] },
        before: {
          schema: "public",
          table: "carts",
          name: "i",
          definition: "a",
          key_columns: ["x"],
        },
        after: { schema: "public", table: "carts", name: "i", definition: "b", key_columns: ["y"] },
      }),
      change({ type: "table", change: "removed", object: "public.old", before: {}, after: null }),
      change({ type: "extension", object: "hstore" }),
    ];
    expect(changeGroups(changes).map(({ table, state }) => [table, state])).toEqual([
      ["public.carts", "changed"],
      ["public.old", "removed"],
      ["public.orders", "changed"],
      [null, "changed"],
    ]);
    expect(countChanges(changes)).toEqual({ added: 2, removed: 1, changed: 1 });
    expect(fieldChanges(changes[1]!)).toEqual([{ name: "definition", before: "a", after: "b" }]);
  });
});

describe("events", () => {
  const event = (type: string, more: Partial<HealthEvent> = {}): HealthEvent => ({
    ...{ id: type, at: "2026-03-01T10:00:00.000Z", type, subject: null, details: {} },
    ...{ source: "agent", database: null, server: null, created_by: null, ...more },
  });

  test("say what happened, also those that this app does not know", () => {
    const setting = { before: "4096", after: "16384", unit: "kB" };
    expect(eventTitle(event("setting", { subject: "work_mem", details: setting }))).toBe(
      "work_mem: 4 MiB became 16 MiB",
    );
    const versions = { before: "PostgreSQL 17.2 on x", after: "PostgreSQL 18.4 on x" };
    expect(eventTitle(event("version", { details: versions }))).toBe("Version 17.2 became 18.4");
    const one = { count: 1, changes: [{ type: "column", change: "added", object: "public.a.b" }] };
    expect(eventTitle(event("schema", { subject: "public.a.b", details: one }))).toBe(
      "public.a.b was added",
    );
    expect(eventTitle(event("schema", { details: { count: 3 } }))).toBe("3 changes of the schema");
    expect(eventTitle(event("eclipse"))).toBe("eclipse");
    expect(typesInOrder(["eclipse", "note", "restart"])).toEqual(["restart", "note", "eclipse"]);
  });

  test("lead to what they are about", () => {
    const to = (each: HealthEvent) => eventPlace(each, "d", {})?.to;
    expect(to(event("setting", { subject: "jit" }))).toMatchObject({
      ...{ path: "/databases/d/settings", query: { search: "jit" } },
    });
    expect(to(event("schema"))).toMatchObject({
      query: { at: "2026-03-01T10:00:00.000Z", before: "2026-03-01T09:59:59.999Z" },
    });
    expect(to(event("finding", { details: { finding_id: "f" } }))).toBe("/findings/f");
    expect(to(event("note"))).toBeUndefined();
  });

  test("stand by day", () => {
    // Days are those of the viewer's zone, whichever the machine has.
    const at = (day: number, hour: number) => new Date(2026, 2, day, hour).toISOString();
    const days = eventDays([
      event("a", { at: at(3, 23) }),
      event("b", { at: at(3, 1) }),
      event("c", { at: at(2, 23) }),
    ]);
    expect(days.map(({ events }) => events.map(({ id }) => id))).toEqual([["a", "b"], ["c"]]);
  });
});
