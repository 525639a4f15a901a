import { expect, test } from "vitest";
import { openPressure } from "./ingest-pressure.ts";

test("agents are asked to send less often while others have to be sent away, and no longer", () => {
  let now = 0;
  const pressure = openPressure(() => now);
  expect(pressure.wish()).toBeNull();
  pressure.refused();
  expect(pressure.wish()).toBe(120);
  for (let count = 0; count < 50; count += 1) pressure.refused();
  expect(pressure.wish()).toBe(300);
  for (let count = 0; count < 10_000; count += 1) pressure.refused();
  expect(pressure.wish()).toBe(600);
  now += 5 * 60_000;
  expect(pressure.wish()).toBeNull();
});
