import { expect, test } from "vitest";
import { schemaChanges } from "./schema-changes.ts";
import { index, schemaOf } from "./testing-schema.ts";

const schema = (definition?: string) =>
  schemaOf({ indexes: [index("i", "t", ["a"], definition === undefined ? {} : { definition })] })
    .schema;

test("that an agent sends more than before is no change of the schema", () => {
  const [silent, told, other] = [schema(), schema("CREATE INDEX i"), schema("CREATE INDEX i ON t")];
  expect(schemaChanges(silent, told)).toEqual([]);
  expect(schemaChanges(told, silent)).toEqual([]);
  expect(schemaChanges(told, other)).toMatchObject([
    { type: "index", change: "changed", object: "public.i", fields: ["definition"] },
  ]);
});
