import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { emptyDatabase, type TestDatabase } from "@quern/store/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { BackendHandle, Target } from "../connector.ts";
import { eventually } from "../testing/conformance.ts";
import {
  GENEROUS,
  keepingSink,
  type TestClient,
  testClient,
  testTarget,
} from "../testing/target.ts";
import { postgres } from "./connector.ts";

let database: TestDatabase;
let client: TestClient;

beforeAll(async () => {
  database = await emptyDatabase();
  client = await testClient(database);
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

const KEEP = { keep_ms: 20_000 };

async function sessionNamed(pid: number): Promise<string | null> {
  const { rows } = await client.query<{ name: string }>(
    "select application_name as name from pg_stat_activity where pid = $1",
    [pid],
  );
  return rows[0]?.name ?? null;
}

async function runIn(prepared: BackendHandle, sql: string, target: Target) {
  const { sink, seen } = keepingSink();
  await postgres.execute(target, { sql, params: [], options: GENEROUS, prepared }, sink);
  return seen;
}

test("it shows itself as ready, and as its run afterwards, with the run's timeout", async () => {
  const target = testTarget(database.name);
  const ready = await postgres.prepare(target, KEEP);
  expect(await sessionNamed(ready.pid)).toBe("quern ready");
  const sql = "select current_setting('application_name'), current_setting('statement_timeout')";
  const { handle, statements } = await runIn(ready, sql, target);
  expect(handle).toEqual(ready);
  expect(statements[0]?.seen).toEqual([["quern run=test", "35s"]]);
  await eventually(async () => ((await sessionNamed(ready.pid)) === null ? true : null));
});

test("it is read-only where the datasource is", async () => {
  const target = testTarget(database.name, { read_only: true });
  const ready = await postgres.prepare(target, KEEP);
  await expect(runIn(ready, "create table t (a int)", target)).rejects.toMatchObject({
    sqlstate: "25006",
  });
});

test("unused, it ends by itself", async () => {
  const ready = await postgres.prepare(testTarget(database.name), { keep_ms: 50 });
  await eventually(async () => ((await sessionNamed(ready.pid)) === null ? true : null));
});

test("another target gets a session of its own, and this one ends", async () => {
  const ready = await postgres.prepare(testTarget(database.name), KEEP);
  const { handle } = await runIn(ready, "select 1", testTarget(database.name, { read_only: true }));
  expect(handle?.pid).not.toBe(ready.pid);
  await eventually(async () => ((await sessionNamed(ready.pid)) === null ? true : null));
});

test("one that the server ended is replaced before anything is sent", async () => {
  const target = testTarget(database.name);
  const ready = await postgres.prepare(target, KEEP);
  await client.query("select pg_terminate_backend($1)", [ready.pid]);
  const { handle, statements } = await runIn(ready, "select 7", target);
  expect(handle?.pid).not.toBe(ready.pid);
  expect(statements[0]?.seen).toEqual([[7]]);
});

test("one whose connection went silent is given up within a moment", async () => {
  await using proxy = await silentProxy(testTarget(database.name));
  const target = testTarget(database.name, { host: "127.0.0.1", port: proxy.port });
  const ready = await postgres.prepare(target, KEEP);
  proxy.silence();
  const { handle, statements } = await runIn(ready, "select 8", target);
  expect(handle?.pid).not.toBe(ready.pid);
  expect(statements[0]?.seen).toEqual([[8]]);
});

/** Passes bytes on, until `silence()`: from then on nothing of the connections there are, in either direction. */
async function silentProxy({ config }: Target) {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(config.port, config.host);
    for (const socket of [near, far]) sockets.add(socket.on("error", () => {}));
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    silence() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
