import { cp, rename } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { mostWanted } from "./pool-demand.ts";
import { openTestInstances, startOn, type TestInstances, withSession } from "./testing.ts";

let sandbox: TestInstances;
beforeAll(async () => {
  sandbox = await openTestInstances({ pool: 2, busy: () => false });
});
afterAll(() => sandbox.stop());

test("a layer that is asked for is soon there before it is asked for; each clone serves once", async () => {
  const environment = sandbox.instances.environment({});
  const cold = await startOn(sandbox, environment);
  expect(cold.timings.warm).toBe(false);
  const ready = () => sandbox.instances.stats().pool.ready;
  await expect.poll(ready, { timeout: 20_000 }).toBeGreaterThan(0);
  const warm = await startOn(sandbox, environment, { limits: { wall_ms: 600_000 } });
  expect(warm.timings).toMatchObject({ warm: true, clone_ms: 0 });
  expect(warm.id).not.toBe(cold.id);
  await withSession(warm, (client) => client.query("create table mine ()"));
  await expect.poll(ready, { timeout: 20_000 }).toBeGreaterThan(0);
  const next = await startOn(sandbox, environment);
  expect(next.timings.warm).toBe(true);
  await expect(withSession(next, (client) => client.query("select * from mine"))).rejects.toThrow();
  expect(sandbox.instances.stats().pool).toMatchObject({ hits: 2, misses: 1 });
  expect(sandbox.instances.stats().running.head).toBe(3);
  for (const instance of [cold, warm, next]) await instance.destroy();

  // Other limits than the usual ones are not what the pool has.
  await expect.poll(ready, { timeout: 20_000 }).toBeGreaterThan(0);
  const small = await startOn(sandbox, environment, { limits: { connections: 3 } });
  expect(small.timings.warm).toBe(false);
  await small.destroy();

  // A layer that was evicted and built again is another one, under the same name.
  const layer = await sandbox.base(environment);
  await expect.poll(ready, { timeout: 20_000 }).toBeGreaterThan(0);
  await rename(layer, `${layer}.evicted`);
  await cp(`${layer}.evicted`, layer, { recursive: true });
  const fresh = await startOn(sandbox, environment);
  expect(fresh.timings.warm).toBe(false);
  await fresh.destroy();

  await sandbox.instances.forget(environment.env_key);
  await expect.poll(() => sandbox.instances.stats().running.pool, { timeout: 20_000 }).toBe(0);
});

const layer = (name: string) => ({
  key: Buffer.from(name),
  from: `/layers/${name}`,
  environment: sandbox.instances.environment({}),
});
const entry = (
  name: string,
  demand: number,
  ready: number,
  failed_at = Number.NEGATIVE_INFINITY,
) => ({ name, layer: layer(name), demand, at: 0, ready: Array(ready).fill(name), failed_at });
const wanted = (entries: ReturnType<typeof entry>[], capacity: number) =>
  mostWanted(entries, capacity, 0)?.layer.key.toString() ?? null;

test("what is asked for most is started first, and only so many as pay", () => {
  expect(wanted([], 4)).toBeNull();
  expect(wanted([entry("a", 1, 0), entry("b", 2, 0)], 4)).toBe("b");
  expect(wanted([entry("a", 1, 1)], 4)).toBeNull();
  expect(wanted([entry("a", 5, 1)], 4)).toBe("a");
  expect(wanted([entry("a", 5, 3)], 4)).toBeNull();
  // A layer that just failed to start is left alone for a while.
  expect(wanted([entry("a", 5, 0, -1_000)], 4)).toBeNull();
});

test("a full pool gives way only to what is asked for much more", () => {
  expect(wanted([entry("a", 2, 2), entry("b", 1.5, 0)], 2)).toBeNull();
  expect(wanted([entry("a", 2, 2), entry("b", 3, 0)], 2)).toBe("b");
});
