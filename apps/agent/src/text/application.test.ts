import { expect, test } from "vitest";
import { knownApplication } from "./application.ts";
import { BoundedCache } from "./bounded-cache.ts";

test("programs are known by name; what a user has typed is `other`", () => {
  expect(knownApplication("psql")).toBe("psql");
  expect(knownApplication("pgAdmin 4 - DB:zqcanary")).toBe("pgAdmin");
  expect(knownApplication("quern-agent")).toBe("quern-agent");
  expect(knownApplication("zqcanary")).toBe("other");
  expect(knownApplication(" ")).toBeNull();
  expect(knownApplication(null)).toBeNull();
});

test("the cache keeps what was used last, within its bounds of entries and characters", () => {
  const cache = new BoundedCache<number>(3, 10);
  for (const [index, key] of ["aa", "bb", "cc"].entries()) cache.set(key, index);
  cache.get("aa");
  cache.set("dd", 3);
  expect(["aa", "bb", "cc", "dd"].map((key) => cache.get(key))).toEqual([0, undefined, 2, 3]);
  cache.set("eeeeeeee", 4);
  expect(cache.size).toBe(2);
  expect(cache.get("dd")).toBe(3);
});
