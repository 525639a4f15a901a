import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { eventually } from "@quern/connectors/testing/conformance";
import { type TestClient, testClient, testTarget } from "@quern/connectors/testing/target";
import { emptyDatabase, type TestDatabase } from "@quern/store/testing";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { LIMITS, testExecutors } from "./testing.ts";

let database: TestDatabase;
let client: TestClient;
let pool: Awaited<ReturnType<typeof testExecutors>>;
let silent: { server: Server; sockets: Set<Socket> };

beforeAll(async () => {
  database = await emptyDatabase();
  client = await testClient(database);
  pool = await testExecutors(() => database.name, { size: 3, warm: 2 });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket.on("error", () => {})));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  silent = { server, sockets };
});

afterAll(async () => {
  for (const socket of silent.sockets) socket.destroy();
  await new Promise((resolve) => silent.server.close(resolve));
  await pool.stop();
  await client.end();
  await database.drop();
});

const CONFIRMED = { status: "canceled", error: null, cancel: { confirmed: true } };

/** Sessions of runs at this database, without those that canceled them, which may still be on their way out. */
async function sessions(): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `select count(*)::int from pg_stat_activity
      where datname = current_database() and application_name like 'quern%'
        and application_name <> 'quern cancel'`,
  );
  return rows[0]?.count ?? -1;
}

for (const [phase, sslmode] of [
  ["the answer about TLS", "require"],
  ["signing in", "disable"],
] as const) {
  for (const kind of ["query", "test", "introspect"] as const) {
    test(`a ${kind} that hangs in ${phase}`, async () => {
      const { port } = silent.server.address() as AddressInfo;
      const target = testTarget(database.name, { host: "127.0.0.1", port, sslmode });
      const before = silent.sockets.size;
      const common = { run_id: "t", target, limits: LIMITS };
      const execution = pool.executors.execute(
        kind === "query"
          ? { ...common, kind, sql: "select 1", params: [], directory: "/nonexistent" }
          : { ...common, kind },
      );
      await eventually(async () => (silent.sockets.size > before ? true : null));
      execution.cancel();
      execution.cancel();
      expect(await execution.result).toMatchObject(CONFIRMED);
    });
  }
}

test("an introspection that waits at the server", async () => {
  // Not by `client`: within a transaction pg_stat_activity stays as it was first seen.
  const locker = await testClient(database);
  onTestFinished(() => locker.end());
  await locker.query("begin; lock table pg_catalog.pg_description in access exclusive mode");
  const target = testTarget(database.name);
  const execution = pool.executors.execute({
    run_id: "t",
    kind: "introspect",
    target,
    limits: LIMITS,
  });
  await eventually(async () => {
    const { rowCount } = await client.query(
      "select from pg_stat_activity where datname = current_database() and application_name = 'quern introspect' and wait_event_type = 'Lock'",
    );
    return rowCount === 1 ? true : null;
  });
  execution.cancel();
  expect(await execution.result).toMatchObject(CONFIRMED);
  expect(await sessions()).toBe(0);
});

test("a cancel that races with the natural end is one or the other, and confirmed", async () => {
  const outcomes = new Map<string, number>();
  for (let index = 0; index < 16; index += 1) {
    const execution = pool.start("select pg_sleep(0.02)", {}, {}, { max_sessions: 3 });
    await new Promise((resolve) => setTimeout(resolve, index * 3));
    execution.cancel();
    const { status, cancel } = await execution.result;
    expect(["succeeded", "canceled"]).toContain(status);
    if (status === "canceled") expect(cancel).toEqual({ confirmed: true });
    outcomes.set(status, (outcomes.get(status) ?? 0) + 1);
  }
  expect([...outcomes.values()].reduce((sum, count) => sum + count, 0)).toBe(16);
  await eventually(async () => ((await sessions()) <= 2 ? true : null));
});

test("a server that can no longer be asked confirms nothing", async () => {
  await client.query("create role once login connection limit 1 password 'once-pw'");
  const target = {
    ...testTarget(database.name, { user: "once" }),
    secret: { password: "once-pw" },
  };
  const execution = pool.start("select pg_sleep(82)", {}, {}, { target });
  await eventually(async () => {
    const { rowCount } = await client.query(
      "select from pg_stat_activity where usename = 'once' and query like 'select pg_sleep(82)%'",
    );
    return rowCount === 1 ? true : null;
  });
  // Its only connection is taken by the run itself.
  execution.cancel();
  expect(await execution.result).toMatchObject({
    status: "canceled",
    cancel: { confirmed: false },
  });
  await client.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'once'",
  );
  await eventually(async () => {
    const { rowCount } = await client.query("select from pg_stat_activity where usename = 'once'");
    return rowCount === 0 ? true : null;
  });
  await client.query("drop role once");
});
