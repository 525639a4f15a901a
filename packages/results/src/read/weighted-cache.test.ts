import { expect, test } from "vitest";
import { weightedCache } from "./weighted-cache.ts";

const cache = () => weightedCache<string>(10, (value) => value.length);

test("what was not used for longest goes first", () => {
  const kept = cache();
  kept.set("a", "aaaa");
  kept.set("b", "bbbb");
  expect(kept.get("a")).toBe("aaaa");
  kept.set("c", "cccc");
  expect([kept.get("a"), kept.get("b"), kept.get("c")]).toEqual(["aaaa", undefined, "cccc"]);
  expect(kept.weight()).toBe(8);
});

test("a value that is set again weighs once", () => {
  const kept = cache();
  for (let n = 0; n < 10; n += 1) kept.set("a", "aaaa");
  kept.set("b", "bbbb");
  expect(kept.weight()).toBe(8);
  expect(kept.get("a")).toBe("aaaa");
});

test("a value that is too heavy is not kept, and nothing goes for it", () => {
  const kept = cache();
  kept.set("a", "aaaa");
  kept.set("b", "b".repeat(11));
  expect(kept.get("b")).toBeUndefined();
  expect(kept.get("a")).toBe("aaaa");
});
