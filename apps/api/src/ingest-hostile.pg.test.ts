/** Agents that tell nonsense or mean harm: a clear status, nothing stored, and everybody else's pages as they were. */
import type { AgentPayload } from "@quern/contract/agent/payload";
import { createAgent } from "@quern/contract/health/agents";
import { listDatabases } from "@quern/contract/health/databases";
import { listTables } from "@quern/contract/health/relations";
import { sumUp } from "@quern/health/rollups";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestApi, type TestApi } from "./testing.ts";
import { type Credentials, EPOCHS, payloadOf, send, statementOf } from "./testing-agents.ts";

let api: TestApi;
let admin: Awaited<ReturnType<TestApi["as"]>>;
let agent: Credentials;
let other: Credentials;

beforeAll(async () => {
  api = await startTestApi();
  admin = await api.as("admin");
  agent = await admin.client.call(createAgent, { body: { name: "first" } });
  other = await admin.client.call(createAgent, { body: { name: "second" } });
});
afterAll(() => api.stop());

let made = 0;
/** A payload of a node and a database of its own. */
function payloadOfNew(more: Record<string, unknown> = {}): AgentPayload {
  made += 1;
  return payloadOf({
    ...{ node_id: `node-${made}`, node_name: `db${made}`, instance_id: `instance-${made}` },
    ...{ timestamp: new Date().toISOString(), ...more },
  });
}
const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000);

async function refused(payload: unknown, body?: string) {
  const answer = await send(api.address, agent, payload, body === undefined ? {} : { body });
  return [answer.status, answer.body.code, answer.body.errors?.[0]?.path];
}

async function kept(instance_id: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select count(*)::integer as n from health_databases where instance_id = ${instance_id}`.execute(
    api.db,
  );
  return rows[0]!.n;
}

const NO_COUNTS = {
  ...{ seq_scan: 1, seq_tup_read: 1, idx_scan: 1, idx_tup_fetch: 1, n_tup_upd: 1, n_tup_del: 1 },
  ...{ n_live_tup: 1, n_dead_tup: 1, last_vacuum: null, last_autovacuum: null },
  ...{ last_analyze: null, last_autoanalyze: null },
};
const table = (n_tup_ins: number | string, more = {}) => ({
  ...{ schema: "public", table: "orders", n_tup_ins, ...NO_COUNTS, ...more },
});

test("text that PostgreSQL cannot store is named by its path, wherever it is, and nothing is stored", async () => {
  const database = { type: "postgres", version: "PostgreSQL 18.4", provider: "generic" };
  const collector = {
    ...{ name: "tables", status: "error", code: null, sqlstate: null, hint: null },
    ...{ duration_ms: 1, rows: null, truncated: false },
  };
  for (const bad of ["a\u0000b", "a\ud800", "\udc00b"]) {
    for (const [path, more] of [
      ["agent_version", { agent_version: bad }],
      ["database.version", { database: { ...database, version: bad } }],
      ["database.provider_metadata.a.b.0", { database: withMetadata(database, { b: [bad] }) }],
      ["cluster_id", { cluster_id: bad }],
      ["query_stats.0.tables.0", { query_stats: [statementOf("a", 1, { tables: [bad] })] }],
      [
        "table_stats.0.options.fillfactor",
        { table_stats: [table(1, { options: { fillfactor: bad } })] },
      ],
      ["collectors.0.hint", { collectors: [{ ...collector, hint: bad }] }],
      ["schema_hash", { schema_hash: bad }],
    ] as const) {
      const payload = payloadOfNew(more);
      expect(await refused(payload)).toEqual([422, "invalid_payload", path]);
      expect(await kept(payload.instance_id)).toBe(0);
    }
    const settings = payloadOfNew({ settings: { [bad]: "on" } });
    const [status, , path] = await refused(settings);
    expect([status, path]).toEqual([422, expect.stringMatching(/^settings\./)]);
  }
  const heartbeat = { status: "ok", agent_version: "\u0000", timestamp: new Date().toISOString() };
  const path = "/api/v1/heartbeat";
  expect(await send(api.address, agent, heartbeat, { path })).toMatchObject({ status: 422 });
});

const withMetadata = (database: object, a: unknown) => ({ ...database, provider_metadata: { a } });

test("names with escapes, control characters and text that only looks like an escape are names", async () => {
  const names = ["a\u0007\u001b[31mb", "a\u202eb", "a\\u0000b", '😀 "we.ird"'];
  const payload = payloadOfNew({
    table_stats: names.map((name) => ({ ...table(1), table: name })),
  });
  expect(await send(api.address, agent, payload)).toMatchObject({ status: 200 });
  const { items } = await admin.client.call(listDatabases, { query: {} });
  const { id } = items.find(({ server }) => server.name === payload.node_name)!;
  const { items: tables } = await admin.client.call(listTables, { params: { id }, query: {} });
  expect(tables.map(({ name }) => name).sort()).toEqual(names.sort());
});

test("JSON that is nested without end is refused by whoever would first fail at it", async () => {
  const nested = (depth: number, core = "") => "[".repeat(depth) + core + "]".repeat(depth);
  const body = (value: string) =>
    JSON.stringify(payloadOfNew({ database: withMetadata(payloadOf().database, "@@") })).replace(
      '"@@"',
      value,
    );
  const path = "database.provider_metadata.a";
  expect(await refused(null, body(nested(20_000)))).toEqual([422, "invalid_payload", path]);
  // A number of many digits is read by a parser that calls itself.
  const exact = body(nested(20_000, "12345678901234567890"));
  expect(await refused(null, exact)).toEqual([422, "invalid_payload", undefined]);
  expect(await send(api.address, agent, null, { body: body(nested(500)) })).toMatchObject({
    status: 200,
  });
});

test("numbers that cannot be are unknown, and sums of the largest that can be do not stop the hours of others", async () => {
  const nonsense = payloadOfNew();
  for (const [minutes, big] of [
    [130, "1"],
    [129, "99999999999999999999"],
    [128, "18446744073709551615"],
    [127, "-99999999999999999999"],
  ] as const) {
    const payload = {
      ...{ ...nonsense, snapshot_uuid: crypto.randomUUID(), sequence: 200 - minutes },
      timestamp: ago(minutes * 60).toISOString(),
      query_stats: [statementOf("a", 1, { calls: big, rows: big, total_time_ms: minutes * 1e300 })],
      table_stats: [table(big, { size_bytes: big, frozen_xid_age: big, n_dead_tup: big })],
    };
    expect(await send(api.address, agent, payload)).toMatchObject({ status: 200 });
  }
  const decent = payloadOfNew();
  for (const minutes of [130, 129]) {
    await send(api.address, agent, {
      ...{ ...decent, snapshot_uuid: crypto.randomUUID() },
      timestamp: ago(minutes * 60).toISOString(),
      table_stats: [table(1_000 - minutes)],
    });
  }
  const { rows: points } = await sql<{ id: string; values: number[] }>`
    select database_id as id, array_agg(n_tup_ins[1]::float8 order by at) as values from health_table_points
      join health_databases on id = database_id where instance_id = ${nonsense.instance_id} group by 1`.execute(
    api.db,
  );
  const [{ id, values }] = points as [(typeof points)[number]];
  for (const value of values) expect(value ?? 0).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
  // The most that an agent could get stored, more often than a bigint holds it.
  await sql`
    update health_table_points set n_tup_ins = array_fill(${String(2n ** 62n)}::bigint, array[cardinality(relation_ids)])
    where database_id = ${id}`.execute(api.db);
  await sql`
    insert into health_table_points
    select (jsonb_populate_record(points, jsonb_build_object('at', at + make_interval(secs => n)))).*
    from health_table_points as points, generate_series(1, 3) as n where database_id = ${id}`.execute(
    api.db,
  );
  expect((await sumUp(api.db)).hours).toBeGreaterThan(0);
  const { rows: hours } = await sql<{ instance_id: string; n: number }>`
    select instance_id, max(n_tup_ins[1])::float8 as n from health_table_hours join health_databases on id = database_id
    group by 1 order by 1`.execute(api.db);
  expect(new Map(hours.map((row) => [row.instance_id, row.n]))).toEqual(
    new Map([
      [nonsense.instance_id, 2 ** 63],
      [decent.instance_id, 1],
    ]),
  );
});

test("samples of a clock that is far off are left out; near ones are kept on whichever day they are", async () => {
  const session = {
    ...{ pid: 1, backend_type: "client backend", database: "shop", user_name: "u" },
    ...{ application: null, state: "active", wait_event_type: null, wait_event: null },
    ...{ query_hash: null, fingerprint: null, kind: null, backend_start: null, xact_start: null },
    ...{ query_start: null, state_change: null, xid_age: null, xmin_age: null },
  };
  const times = ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", ago(-20 * 3_600).toISOString()];
  const payload = payloadOfNew({
    activity: [...times, ago(20 * 3_600).toISOString(), ago(3 * 86_400).toISOString(), "never"].map(
      (at) => ({ at, idle: 0, sessions: [session] }),
    ),
  });
  expect(await send(api.address, agent, payload)).toMatchObject({ status: 200 });
  const { rows } = await sql<{ days: number }>`
    select round(extract(epoch from at - ${payload.timestamp}::timestamptz) / 3600)::integer as days
    from health_activity join health_servers on id = server_id where node_id = ${payload.node_id!} order by at`.execute(
    api.db,
  );
  expect(rows.map(({ days }) => days)).toEqual([-20, 20]);
});

test("times that no page could show are none", async () => {
  const far = "+275760-09-13T00:00:00.000Z";
  const payload = payloadOfNew({
    epochs: { ...EPOCHS, server_time: far, postmaster_start: "infinity" },
    table_stats: [table(1, { last_vacuum: far, last_autovacuum: "yesterday 5" })],
  });
  expect(await send(api.address, agent, payload)).toMatchObject({ status: 200 });
  const { items } = await admin.client.call(listDatabases, { query: {} });
  const { id } = items.find(({ server }) => server.name === payload.node_name)!;
  const { items: tables } = await admin.client.call(listTables, { params: { id }, query: {} });
  expect(tables).toMatchObject([{ last_vacuum: null, last_autovacuum: null }]);
});

test("U15, U17: an agent writes into no database of another server, and leaves nothing behind when it has to pause", async () => {
  const own = payloadOfNew({ query_stats: [statementOf("a", 1)] });
  await send(api.address, agent, own);
  const again = { ...own, snapshot_uuid: crypto.randomUUID(), sequence: 9 };
  const stranger = { ...again, node_id: "of-another" };
  expect((await send(api.address, other, stranger)).body).toMatchObject({
    ...{ code: "invalid_payload", errors: [{ path: "instance_id" }] },
  });
  const { rows } = await sql`select from health_servers where node_id = 'of-another'`.execute(
    api.db,
  );
  expect(rows).toHaveLength(0);
  const beside = { ...again, instance_id: "one-more-of-it" };
  expect((await send(api.address, other, beside)).body).toMatchObject({ status: "paused" });
  expect(await kept("one-more-of-it")).toBe(0);
});

test("databases without end are refused, those that are known go on", async () => {
  const known = payloadOfNew();
  await send(api.address, agent, known);
  await sql`
    insert into health_databases (org_id, server_id, instance_id, name)
    select org_id, server_id, 'many-' || n, 'many' from health_databases, generate_series(1, 10000) as n
    where instance_id = ${known.instance_id}`.execute(api.db);
  const more = payloadOfNew();
  expect(await refused(more)).toEqual([422, "invalid_payload", "instance_id"]);
  expect(await kept(more.instance_id)).toBe(0);
  const again = { ...known, snapshot_uuid: crypto.randomUUID() };
  expect(await send(api.address, agent, again)).toMatchObject({ status: 200 });
  await sql`delete from health_databases where name = 'many'`.execute(api.db);
});
