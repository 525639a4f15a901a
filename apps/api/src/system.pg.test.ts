import { readSystem } from "@quern/contract/system";
import { noteRunner } from "@quern/store/queue";
import { noteApiProcess } from "@quern/store/system";
import { makeDatasource, makeRun } from "@quern/store/testing-fixtures";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ QUERN_METRICS_ADDR: "127.0.0.1:0" });
});
afterAll(() => api.stop());

const pool = { max: 8, open: 2, idle: 1, waiting: 0 };
const vitals = { version: "0.1.0", rss: 90_000_000, cpu: 0.02, event_loop_lag_s: 0.001, pool };

/** The value of each series of a metric, by its labels as Prometheus writes them. */
async function scrape(name: string): Promise<Map<string, number>> {
  const reply = await fetch(`${api.metrics_address}/metrics`);
  const lines = (await reply.text()).split("\n").filter((line) => line.startsWith(`${name}{`));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf("} ");
      return [line.slice(name.length + 1, end), Number(line.slice(end + 2))];
    }),
  );
}

test("the system page shows processes, queue, the last hour, results and the database", async () => {
  const { actor, client } = await api.as("admin");
  const busy = await makeDatasource(api.db, actor, { max_concurrency: 3 });
  await makeDatasource(api.db, actor);
  const old = await makeRun(api.db, actor, busy);
  await makeRun(api.db, actor, busy);
  await sql`update runs set queued_at = now() - interval '90 seconds' where id = ${old}`.execute(
    api.db,
  );
  await noteRunner(api.db, {
    id: "runner-1",
    hostname: "host",
    slots: 4,
    vitals: { ...vitals, executors: { idle: 2, busy: 0, started: 2 } },
  });
  await noteApiProcess(api.db, { id: "gone", hostname: "host", vitals });
  await sql`update api_processes set seen_at = now() - interval '1 minute' where id = 'gone'`.execute(
    api.db,
  );

  const system = await client.call(readSystem, {});
  expect(system.version).toBe("0.1.0");
  expect(system.tracing).toBe(false);
  expect(system.apis.map(({ alive }) => alive)).toEqual([true, false]);
  expect(system.apis[0]?.vitals?.pool.max).toBe(20);
  expect(system.runners).toMatchObject([
    { id: "runner-1", slots: 4, running: 0, alive: true, vitals: { executors: { idle: 2 } } },
  ]);
  expect(system.queue).toMatchObject([
    { datasource: { id: busy }, queued: 2, running: 0, max_concurrency: 3 },
  ]);
  expect(system.queue[0]?.oldest_wait_s).toBeGreaterThanOrEqual(90);
  expect(system.queue[0]?.oldest_wait_s).toBeLessThan(150);
  expect(system.result_store).toMatchObject({ kind: "file", estimated: false });
  expect(system.database.migration).toMatch(/^00\d\d_/);
  expect(system.database.bytes).toBeGreaterThan(1_000_000);
  expect(system.database.tables).toHaveLength(10);
  expect(system.database.connections).toBeGreaterThan(0);
});

test("only admins may see it", async () => {
  const { client } = await api.as("editor");
  expect((await problemOf(client.call(readSystem, {}))).code).toBe("not_allowed");
});

test("the listener serves metrics without signing in, and nothing else", async () => {
  const statuses = await Promise.all([
    fetch(`${api.metrics_address}/metrics`),
    fetch(`${api.metrics_address}/api/v1/system`),
    fetch(`${api.metrics_address}/metrics`, { method: "POST" }),
    fetch(`${api.address}/metrics`),
  ]).then((replies) => replies.map(({ status }) => status));
  expect(statuses).toEqual([200, 404, 405, 401]);
});

test("queue metrics are by datasource, with the idle ones at zero, and are gone with a deleted one", async () => {
  const { actor } = await api.as("admin");
  const idle = await makeDatasource(api.db, actor);
  const label = `datasource_id="${idle}",datasource="datasource ${idle}"`;
  expect((await scrape("quern_queue_depth")).get(label)).toBe(0);
  await makeRun(api.db, actor, idle);
  expect((await scrape("quern_queue_depth")).get(label)).toBe(1);
  await sql`update runs set queued_at = now() - interval '10 minutes' where datasource_id = ${idle}`.execute(
    api.db,
  );
  expect((await scrape("quern_queue_oldest_wait_seconds")).get(label)).toBeGreaterThan(599);
  await sql`update runs set status = 'canceled', finished_at = now() where datasource_id = ${idle}`.execute(
    api.db,
  );
  await sql`update datasources set deleted_at = now() where id = ${idle}`.execute(api.db);
  expect((await scrape("quern_queue_depth")).has(label)).toBe(false);
});

test("without its database the process still gives its own metrics, and says nothing of the queue", async () => {
  await sql`alter table queue rename to away`.execute(api.db);
  try {
    const text = await (await fetch(`${api.metrics_address}/metrics`)).text();
    expect(text).toMatch(/^quern_database_up 0$/m);
    expect(text).toMatch(/^quern_database_pool_max_connections \d+$/m);
    expect(text).not.toMatch(/^quern_(queue|runners|runs|datasource)[a-z_]*(\{[^}]*\})? \d/m);
  } finally {
    await sql`alter table away rename to queue`.execute(api.db);
  }
  const text = await (await fetch(`${api.metrics_address}/metrics`)).text();
  expect(text).toMatch(/^quern_database_up 1$/m);
  expect(text).toMatch(/^quern_runners_alive \d+$/m);
});
