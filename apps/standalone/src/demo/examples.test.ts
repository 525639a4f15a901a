import { expect, test } from "vitest";
import { readExamples } from "./examples.ts";

test("every example fits the schema, binds what its queries have, and has at least eight tiles", async () => {
  const examples = await readExamples();
  expect(examples.map(({ key }) => key)).toEqual([
    ...["flights-2001", "health-fleet", "ohub-outages", "trad-desk"],
  ]);
  for (const { key, params, queries, visualizations, tiles, schedules } of examples) {
    const known = new Set(params.map(({ name }) => name));
    const charts = tiles.filter((tile) => tile.type === "visualization");
    expect(charts.length, key).toBeGreaterThanOrEqual(8);
    expect(schedules, key).not.toEqual([]);
    for (const { visualization, bindings } of charts) {
      const { query } = visualizations.find((each) => each.key === visualization)!;
      const declared = queries.find((each) => each.key === query)!.params.map(({ name }) => name);
      expect(declared, `${key} ${visualization}`).toEqual(
        expect.arrayContaining(Object.keys(bindings)),
      );
      for (const binding of Object.values(bindings))
        if (binding.type === "dashboard") expect(known).toContain(binding.name);
    }
  }
});
