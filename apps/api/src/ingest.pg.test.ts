import { gzipSync } from "node:zlib";
import type { AgentPayload } from "@quern/contract/agent/payload";
import {
  createAgent,
  listAgents,
  revokeAgent,
  rotateAgentKey,
} from "@quern/contract/health/agents";
import { takePayload } from "@quern/health/snapshot";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestApi, type TestApi } from "./testing.ts";
import { type Credentials, EPOCHS, payloadOf, send, statementOf } from "./testing-agents.ts";

let api: TestApi;
let admin: Awaited<ReturnType<TestApi["as"]>>;
let agent: Credentials & { id: string };

beforeAll(async () => {
  api = await startTestApi();
  admin = await api.as("admin");
  agent = await newAgent("first");
});
afterAll(() => api.stop());

async function newAgent(name: string, of = admin) {
  const made = await of.client.call(createAgent, { body: { name } });
  return { ...made, id: made.agent.id };
}

/** A node and a database of its own for each test. */
let made = 0;
function site(): Partial<AgentPayload> {
  made += 1;
  return { node_id: `node-${made}`, node_name: `db${made}`, instance_id: `instance-${made}` };
}
const BEGUN = Date.now() - 3_600_000;
const minute = (n: number) => new Date(BEGUN + n * 60_000).toISOString();

async function points(instance_id: string) {
  const { rows } = await sql<{ marks: string[]; calls: number[]; seconds: number }>`
    select marks, calls::float8[] as calls, seconds from health_statement_points join health_databases on id = database_id
    where instance_id = ${instance_id} order by at`.execute(api.db);
  return rows;
}

test("differences of counters are stored, with what makes them doubtful", async () => {
  const own = site();
  const at = (n: number, calls: number, epochs = EPOCHS) =>
    payloadOf({
      ...own,
      timestamp: minute(n),
      sequence: n,
      epochs,
      query_stats: [statementOf("a", calls)],
    });
  const reset = { ...EPOCHS, statements_stats_reset: "2026-03-02T10:00:00Z" };
  for (const payload of [at(0, 4), at(1, 10), at(2, 12, reset), at(20, 20, reset)]) {
    expect(await send(api.address, agent, payload, { gzip: true })).toMatchObject({ status: 200 });
  }
  expect(await points(own.instance_id!)).toEqual([
    { marks: [], calls: [6], seconds: 60 },
    { marks: ["reset"], calls: [12], seconds: 60 },
    { marks: ["gap"], calls: [8], seconds: 1080 },
  ]);
});

test("U5, U6, U12: the same snapshot is stored once, however often and from however many sides it comes", async () => {
  const own = site();
  const first = payloadOf({ ...own, timestamp: minute(0), query_stats: [statementOf("a", 1)] });
  await send(api.address, agent, first);
  const second = payloadOf({ ...own, timestamp: minute(1), query_stats: [statementOf("a", 5)] });
  const answers = await Promise.all(
    Array.from({ length: 6 }, () => send(api.address, agent, second)),
  );
  expect(answers.map(({ body }) => body.status).sort()).toEqual([
    ...Array(5).fill("duplicate"),
    "stored",
  ]);
  expect(await points(own.instance_id!)).toHaveLength(1);
});

test("U7: what comes late, after something newer, changes no difference", async () => {
  const own = site();
  const at = (n: number, calls: number) =>
    payloadOf({
      ...own,
      timestamp: minute(n),
      sequence: n,
      query_stats: [statementOf("a", calls)],
    });
  for (const payload of [at(0, 1), at(2, 9), at(1, 5), at(3, 10)])
    await send(api.address, agent, payload);
  expect((await points(own.instance_id!)).map(({ calls }) => calls)).toEqual([[8], [1]]);
});

test("U14: the body of the original agent is taken, at its own path", async () => {
  const own = "original-agent-instance-id";
  const body = (calls: number, minutes: number) => ({
    ...{ agent_version: "0.2.0", timestamp: minute(minutes), instance_id: own },
    database: {
      type: "postgres",
      version: "PostgreSQL 16.1 on x86_64",
      provider: "supabase",
      provider_metadata: {},
    },
    query_stats: [
      {
        ...{
          query_hash: "1f",
          query: "select $1",
          calls,
          total_time_ms: 1.5,
          mean_time_ms: 1.5,
          rows: 1,
        },
        ...{ shared_blks_hit: 1, shared_blks_read: 0 },
      },
    ],
    table_stats: [],
    index_stats: [],
    settings: { max_connections: "100" },
    schema: { tables: [], indexes: [] },
  });
  const big = JSON.stringify(body(1, 0)).replace('"calls":1', '"calls":9007199254740993');
  expect(await send(api.address, agent, null, { body: big, path: "/v1/ingest" })).toMatchObject({
    status: 200,
  });
  const bigger = JSON.stringify(body(1, 1)).replace('"calls":1', '"calls":9007199254740999');
  await send(api.address, agent, null, { body: bigger, path: "/v1/ingest" });
  expect((await points(own)).map(({ calls }) => calls)).toEqual([[6]]);
  expect(await send(api.address, agent, null, { body: bigger })).toMatchObject({
    body: { status: "duplicate" },
  });
});

test("U11, U12, U13: each refusal says what to do, and nothing is stored", async () => {
  const own = site();
  const payload = payloadOf({ ...own, query_stats: [statementOf("a", 1)] });
  const other = { ...agent, api_key: "qra_wrong" };
  expect(await send(api.address, other, payload)).toMatchObject({
    status: 401,
    body: { code: "wrong_credentials" },
  });
  expect(await send(api.address, agent, payload, { signature: "0".repeat(64) })).toMatchObject({
    status: 401,
    body: { code: "invalid_signature" },
  });
  const stale = Math.floor(Date.now() / 1000) - 400;
  const late = await send(api.address, agent, payload, { timestamp: stale });
  expect(late).toMatchObject({ status: 401, body: { code: "stale_timestamp" } });
  expect(late.body.detail).toMatch(/4\d\d s behind/);
  const future = { ...payload, timestamp: new Date(Date.now() + 3_600_000).toISOString() };
  expect(await send(api.address, agent, future)).toMatchObject({
    status: 422,
    body: { errors: [{ path: "timestamp" }] },
  });
  const wrong = { ...payload, query_stats: [{ ...statementOf("a", 1), calls: "many" }] };
  expect(await send(api.address, agent, wrong)).toMatchObject({
    status: 422,
    body: { code: "invalid_payload", errors: [{ path: "query_stats.0.calls" }] },
  });
  const nul = { ...payload, query_stats: [statementOf("a", 1, { query: "\u0000" })] };
  expect(await send(api.address, agent, nul)).toMatchObject({ status: 422 });
  expect(await send(api.address, agent, null, { body: "{" })).toMatchObject({ status: 422 });
  expect(await send(api.address, agent, null, { body: "x", encoding: "gzip" })).toMatchObject({
    status: 422,
  });
  const bomb = gzipSync(Buffer.alloc(97 * 1024 * 1024));
  expect(await send(api.address, agent, null, { body: bomb, encoding: "gzip" })).toMatchObject({
    status: 413,
  });
  expect(await points(own.instance_id!)).toEqual([]);
  const { items } = await admin.client.call(listAgents, {});
  expect(items.find(({ id }) => id === agent.id)?.rejected?.reason).toMatch(/96 MiB/);
});

test("U15, U17: an agent writes into its own organisation, and a second agent of one server is told to pause", async () => {
  const own = site();
  const payload = payloadOf({ ...own, query_stats: [statementOf("a", 1)] });
  await send(api.address, agent, payload);
  const second = await newAgent("second");
  const paused = await send(api.address, second, {
    ...payload,
    snapshot_uuid: crypto.randomUUID(),
  });
  expect(paused.body).toMatchObject({ paused: true });
  const { rows } = await sql<{ id: string; org_id: string }>`
    with other as (insert into orgs (name) values ('other') returning id)
    insert into health_agents (org_id, name) select id, 'stranger' from other returning id, org_id`.execute(
    api.db,
  );
  const elsewhere = { ...payload, snapshot_uuid: crypto.randomUUID() };
  const sizes = { wire_bytes: 1, body_bytes: 1 };
  const answer = await takePayload(api.db, rows[0]!, elsewhere, "", sizes);
  expect(answer).toMatchObject({ status: "stored" });
  const { rows: kept } = await sql<{ databases: number }>`
    select count(distinct org_id)::integer as databases from health_databases
    where instance_id = ${own.instance_id!}`.execute(api.db);
  expect(kept).toEqual([{ databases: 2 }]);
});

test("two keys live during a rotation, none after the agent is revoked", async () => {
  const own = site();
  const before = await newAgent("rotating");
  const after = await admin.client.call(rotateAgentKey, { params: { id: before.id }, body: {} });
  const status = async (key: Credentials) => (await send(api.address, key, payloadOf(own))).status;
  expect([await status(before), await status(after)]).toEqual([200, 200]);
  const last = await admin.client.call(rotateAgentKey, {
    params: { id: before.id },
    body: { overlap_hours: 0 },
  });
  expect([await status(before), await status(after), await status(last)]).toEqual([401, 401, 200]);
  await admin.client.call(revokeAgent, { params: { id: before.id } });
  expect(await status(last)).toBe(401);
});

test("texts and schemas that are not known are asked for", async () => {
  const own = site();
  const without = payloadOf({
    ...own,
    query_stats: [statementOf("a", 1, { query: null })],
    schema_hash: "f".repeat(64),
  });
  await send(api.address, agent, { ...without, timestamp: minute(0) });
  const again = {
    ...without,
    timestamp: minute(1),
    snapshot_uuid: crypto.randomUUID(),
    query_stats: [statementOf("a", 2, { query: null })],
  };
  expect((await send(api.address, agent, again)).body).toMatchObject({
    want_texts: ["a"],
    want_schema: true,
  });
});
