import type { SchemaSnapshot } from "@quern/contract/datasources";
import { expect, test } from "vitest";
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
  expect(keysOf(relation, "id")).toEqual(["primary key"]);
  expect(keysOf(relation, "origin")).toEqual(["→ public.airports (iata)"]);
  expect(openAtFirst(snapshot)).toEqual(["s:empty", "s:public"]);
});
