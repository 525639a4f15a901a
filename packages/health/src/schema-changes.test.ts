import { expect, test } from "vitest";
import { schemaChanges, withoutParts } from "./schema-changes.ts";
import { index, schemaOf, table } from "./testing-schema.ts";

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

test("a table that comes or goes takes its indexes with it, and is one change", () => {
  const [kept, gone, made] = [table("kept"), table("gone"), table("made")];
  const before = schemaOf({ tables: [kept, gone], indexes: [index("g", "gone", ["id"])] }).schema;
  const after = schemaOf({
    tables: [kept, made],
    indexes: [index("m", "made", ["id"]), index("k", "kept", ["id"])],
  }).schema;
  const changes = schemaChanges(before, after);
  expect(changes).toHaveLength(5);
  expect(withoutParts(changes).map(({ change, object }) => `${change} ${object}`)).toEqual([
    "removed public.gone",
    "added public.made",
    "added public.k",
  ]);
});
