import { expect, test } from "vitest";
import { versionChanges } from "./version-changes.ts";

const version = {
  name: "Delays",
  description: "",
  datasource_id: "one",
  sql: "select 1",
  params: [{ name: "city", type: "text" as const }],
  limits: {},
  result_ttl_s: null,
};

test("only what changed beside the SQL is told, each with how it was and is", () => {
  expect(versionChanges(version, { ...version, sql: "select 2" }, (id) => id)).toEqual([]);
  const after = {
    ...version,
    name: "Late flights",
    datasource_id: "two",
    limits: { timeout_ms: 1500 },
    params: [
      { name: "city", type: "text" as const, label: "City" },
      { name: "n", type: "numeric" as const },
    ],
  };
  const changes = versionChanges(version, after, (id) => `datasource ${id}`);
  expect(changes).toEqual([
    { what: "Name", before: "Delays", after: "Late flights" },
    { what: "Datasource", before: "datasource one", after: "datasource two" },
    { what: "Parameter city", before: "type: text", after: "label: City, type: text" },
    { what: "Parameter n", before: "none", after: "type: numeric" },
    { what: "Time limit", before: "the usual", after: expect.stringContaining("1.5") },
  ]);
});

test("the order in which a definition's fields come is no change", () => {
  const same = { ...version, params: [{ type: "text" as const, name: "city" }] };
  expect(versionChanges(version, same, (id) => id)).toEqual([]);
});
