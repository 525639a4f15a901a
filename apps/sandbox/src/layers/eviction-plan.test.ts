import type { EvictionRow } from "@quern/store/layer-evictions";
import fc from "fast-check";
import { expect, test } from "vitest";
import { keyOf } from "../testing-layers/keys.ts";
import { keyOf as idOf, planEviction, priorityOf, rebuildMs } from "./eviction-plan.ts";

function row(name: string, change: Partial<EvictionRow> & { parent?: string } = {}): EvictionRow {
  const { parent, ...rest } = change;
  return {
    id: name,
    org_id: "org",
    state_key: keyOf(name),
    parent_key: parent === undefined ? null : keyOf(parent),
    status: "ready",
    own_bytes: 1000,
    build_ms: 100,
    hits: 0,
    inflation: 0,
    pinned: false,
    leased: false,
    age_s: 1000,
    expired: false,
    ...rest,
  };
}

const goal = { free_bytes: 1, min_age_s: 60, max_victims: 100 };
const victimsOf = (rows: EvictionRow[], change: Partial<typeof goal> = {}) =>
  planEviction(rows, { ...goal, ...change }).victims.map(({ id }) => id);

test("the cheapest to build for its bytes goes first, and what is used more stays longer", () => {
  expect(
    victimsOf([row("dear", { build_ms: 9000 }), row("cheap"), row("used", { hits: 9 })]),
  ).toEqual(["cheap"]);
  expect(victimsOf([row("small"), row("large", { own_bytes: 5000 })])).toEqual(["large"]);
  expect(victimsOf([row("old", { hits: 9 }), row("new", { inflation: 2 })])).toEqual(["old"]);
  expect(
    victimsOf([row("dear", { build_ms: 9000, expired: true, age_s: 1 }), row("cheap")]),
  ).toEqual(["dear"]);
});

test("a rebuild counts from the nearest ancestor that is there", () => {
  const rows = [
    row("base", { build_ms: 500 }),
    row("gone", { parent: "base", build_ms: 4000, status: "evicted" }),
    row("child", { parent: "gone", build_ms: 10 }),
    row("other", { parent: "base", build_ms: 900 }),
  ];
  const byKey = new Map(rows.map((r) => [idOf(r.org_id, r.state_key), r]));
  expect(rebuildMs(rows[2]!, byKey)).toBe(4010);
  // The child of a lost parent costs both, so that the other one goes first; then losing the base makes the child dearer.
  expect(victimsOf(rows, { free_bytes: 2500 })).toEqual(["base", "other", "child"]);
});

const names = ["a", "b", "c", "d", "e", "f", "g", "h"];
const rowsArbitrary = fc
  .array(
    fc.record({
      own_bytes: fc.integer({ min: 0, max: 10_000 }),
      build_ms: fc.integer({ min: 0, max: 100_000 }),
      hits: fc.integer({ min: 0, max: 50 }),
      inflation: fc.double({ min: 0, max: 100, noNaN: true }),
      pinned: fc.boolean(),
      leased: fc.boolean(),
      expired: fc.boolean(),
      age_s: fc.integer({ min: 0, max: 200 }),
      status: fc.constantFrom<EvictionRow["status"]>("ready", "evicting", "evicted"),
      parent: fc.option(fc.constantFrom(...names), { nil: undefined }),
    }),
    { maxLength: names.length },
  )
  .map((records) => records.map((record, n) => row(names[n]!, record)));

test("only what may go goes, no more than needed, the least worth first, and all of it when it is too little", () => {
  fc.assert(
    fc.property(rowsArbitrary, fc.integer({ min: 0, max: 30_000 }), (rows, free_bytes) => {
      const plan = planEviction(rows, { ...goal, free_bytes });
      const free = rows.filter(
        (r) => r.status === "ready" && !r.leased && !r.pinned && (r.expired || r.age_s >= 60),
      );
      const ids = plan.victims.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids.every((id) => free.some((r) => r.id === id))).toBe(true);
      expect(plan.freed_bytes).toBe(plan.victims.reduce((sum, { bytes }) => sum + bytes, 0));
      if (plan.freed_bytes < free_bytes) expect(ids.length).toBe(free.length);
      else if (ids.length > 0)
        expect(plan.freed_bytes - plan.victims.at(-1)!.bytes).toBeLessThan(free_bytes);
      const byKey = new Map(rows.map((r) => [idOf(r.org_id, r.state_key), r]));
      const gone = new Set<string>();
      for (const victim of plan.victims) {
        const worth = (r: EvictionRow) =>
          r.expired ? -1 : priorityOf(r, rebuildMs(r, byKey, gone));
        const left = free.filter((r) => !gone.has(r.id));
        expect(victim.priority).toBeCloseTo(Math.min(...left.map(worth)), 9);
        gone.add(victim.id);
      }
      const sizes = rows.filter((r) => r.status === "ready" && !free.includes(r));
      const { in_use, pinned, too_young } = plan.kept;
      expect(in_use + pinned + too_young).toBe(sizes.reduce((sum, r) => sum + r.own_bytes, 0));
    }),
  );
});
