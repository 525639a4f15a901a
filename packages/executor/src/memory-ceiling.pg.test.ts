/** A result far larger than what its executor may use streams through it. */
import { emptyDatabase, type TestDatabase } from "@quern/store/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testExecutors } from "./testing.ts";

const LIMIT = 256 * 1024 ** 2;
let database: TestDatabase;
let executors: Awaited<ReturnType<typeof testExecutors>>;

beforeAll(async () => {
  database = await emptyDatabase();
  executors = await testExecutors(() => database.name, { memory_limit_bytes: LIMIT });
});
afterAll(async () => {
  await executors.stop();
  await database.drop();
});

test("700 MB through 256 MB", async () => {
  const outcome = await executors.run(
    "select g, repeat(md5(g::text), 56) as t from generate_series(1, 400000) g",
    { max_bytes: 4 * 1024 ** 3 },
  );
  expect(outcome).toMatchObject({
    status: "succeeded",
    error: null,
    rows: 400_000,
    truncated: null,
  });
  expect(outcome.bytes).toBeGreaterThan(2.5 * LIMIT);
  expect(outcome.peak_rss).toBeLessThan(LIMIT);
  expect(outcome.parts.reduce((sum, { rows }) => sum + rows, 0)).toBe(400_000);
}, 120_000);
