import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestInstances, startOn, type TestInstances, withSession } from "./testing.ts";

const MIB = 1024 * 1024;
let sandbox: TestInstances;
beforeAll(async () => {
  sandbox = await openTestInstances();
});
afterAll(() => sandbox.stop());

const environment = () => sandbox.instances.environment({});

test("an instance that outgrows its disk is ended, and says so", async () => {
  const instance = await startOn(sandbox, environment(), { limits: { disk_bytes: 96 * MIB } });
  await expect(
    withSession(instance, (client) =>
      client.query(
        "create table t (x text); alter table t alter x set storage external; insert into t select repeat(i::text, 4000) from generate_series(10000, 1000000) i",
      ),
    ),
  ).rejects.toThrow();
  const ended = await instance.exited;
  expect(ended.reason).toBe("disk_limit");
  expect(ended.detail).toMatch(/take \d+ of 100663296 bytes/);
  await instance.destroy();
  expect(await sandbox.registry.getSingleMetricAsString("quern_instance_kills_total")).toContain(
    '{reason="disk_limit"} 1',
  );
});

test("an instance that needs more memory than it may have is ended, and says so", async ({
  skip,
}) => {
  if (sandbox.instances.stats().isolation.cgroup === null) skip("no control groups here");
  const instance = await startOn(sandbox, environment(), { limits: { memory_bytes: 96 * MIB } });
  await expect(
    withSession(instance, (client) =>
      client.query(
        "select length(string_agg(repeat('x', 1000000), '')) from generate_series(1, 400)",
      ),
    ),
  ).rejects.toThrow();
  expect((await instance.exited).reason).toBe("memory_limit");
  await instance.destroy();
});

test("an instance ends when its time is up, however busy", async () => {
  const instance = await startOn(sandbox, environment(), { limits: { wall_ms: 300 } });
  await expect(
    withSession(instance, (client) => client.query("do $$ begin loop end loop; end $$")),
  ).rejects.toThrow();
  expect((await instance.exited).reason).toBe("wall_clock");
  await instance.destroy();
});

test("sessions and statements are bounded as asked", async () => {
  const instance = await startOn(sandbox, environment(), {
    limits: { connections: 2, statement_timeout_ms: 200 },
  });
  await withSession(instance, async (client) => {
    await expect(client.query("select pg_sleep(10)")).rejects.toThrow(/statement timeout/);
    await withSession(instance, async () => {
      await expect(withSession(instance, async () => {})).rejects.toThrow(/too many clients/);
    });
  });
  await instance.destroy();
});

test("the server is the first to go when the machine has no memory left, and has no capability", async () => {
  const instance = await startOn(sandbox, environment());
  const [pid] = (await readFile(join(instance.directory, "postmaster.pid"), "utf8")).split("\n");
  expect((await readFile(`/proc/${pid}/oom_score_adj`, "utf8")).trim()).toBe("800");
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  if (sandbox.instances.stats().isolation.setpriv) expect(status).toMatch(/NoNewPrivs:\s+1/);
  if (sandbox.instances.stats().isolation.uids) {
    expect(status).toMatch(/CapEff:\s+0+\n/);
    expect(status).toMatch(/CapBnd:\s+0+\n/);
  }
  await instance.destroy();
});
