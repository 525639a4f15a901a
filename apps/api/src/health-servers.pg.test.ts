import * as databases from "@quern/contract/health/databases";
import * as events from "@quern/contract/health/events";
import * as relations from "@quern/contract/health/relations";
import * as servers from "@quern/contract/health/server";
import * as statements from "@quern/contract/health/statements";
import { type History, makeHistory } from "@quern/health/testing-history";
import { makeDatasource } from "@quern/store/testing-fixtures";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";

type Person = Awaited<ReturnType<TestApi["as"]>>;

let api: TestApi;
let editor: Person;
let history: History;
let id: string;

beforeAll(async () => {
  api = await startTestApi();
  editor = await api.as("editor");
  const options = { databases: 2, days: 4, raw_hours: 5, statements: 20 };
  history = await makeHistory(api.db, editor.actor.org_id, options);
  id = history.database_ids[0]!;
});
afterAll(() => api.stop());

const ago = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString();
const lastHour = () => ({ from: ago(1) });

describe("the server", () => {
  test("sessions as of a time, with the way to the samples beside it", async () => {
    const at = new Date(history.to.getTime() - 30 * 60_000 + 5_000).toISOString();
    const read = (query: object) =>
      editor.client.call(servers.readSessions, { params: { id }, query });
    const sample = await read({ at });
    expect(Date.parse(sample.at!)).toBeLessThanOrEqual(Date.parse(at));
    expect(Date.parse(at) - Date.parse(sample.at!)).toBeLessThan(10_000);
    expect(sample.sessions.find(({ pid }) => pid === 4103)!.blocked_by).toEqual([4102]);
    expect((await read({ at: sample.next_at! })).previous_at).toBe(sample.at);
    expect(await read({ at: ago(6 * 24) })).toMatchObject({
      at: null,
      sessions: [],
      statements: [],
    });
    const reader = sample.sessions.find(({ pid }) => pid === 4106)!;
    const found = sample.statements.filter(({ query_hash }) => query_hash === reader.query_hash);
    expect(found).toEqual([
      expect.objectContaining({ database_id: id, database: "shop", query: expect.any(String) }),
    ]);
    const samples = await editor.client.call(servers.readSessionSamples, {
      ...{ params: { id }, query: { from: ago(0.5) } },
    });
    expect(samples.items.length).toBeGreaterThan(100);
    expect(samples.items[0]).toMatchObject({
      active: 7,
      blocked: 3,
      longest_wait_s: expect.any(Number),
    });
    const long = await editor.client.call(servers.readSessionSamples, {
      ...{ params: { id }, query: { from: ago(5) } },
    });
    expect(long.items.length).toBeGreaterThan(60);
    expect(Math.max(...long.items.map(({ longest_wait_s }) => longest_wait_s ?? 0))).toBe(44);
  });

  test("its state is that of its main database for all of them", async () => {
    for (const each of history.database_ids) {
      const { server, state } = await editor.client.call(servers.readServer, {
        params: { id: each },
      });
      expect(state.state).toBe("ok");
      expect(server!.slots!.map(({ name }) => name)).toEqual(["replica_1", "warehouse"]);
    }
    const hint = "grant pg_monitor to quern_agent;";
    const refused = { status: "skipped", code: "no_permission", hint, at: ago(0) };
    await sql`update health_databases set collectors = collectors || ${JSON.stringify({ "server.replication": refused })}::jsonb
      where id = ${id}`.execute(api.db);
    const { parts } = await editor.client.call(servers.readServer, { params: { id } });
    expect(parts).toEqual({
      "server.replication": expect.objectContaining({ state: "no_permission", hint }),
    });
    const { history: lag } = await editor.client.call(servers.readReplication, {
      ...{ params: { id }, query: lastHour() },
    });
    expect(
      lag.series.find(({ name }) => name === "replay_lag_bytes")!.values.length,
    ).toBeGreaterThan(50);
  });

  test("settings have their history", async () => {
    const list = (query: object) =>
      editor.client.call(servers.listSettings, { params: { id }, query });
    const { items } = await list({ only: "changed" });
    expect(items.map(({ name, value }) => [name, value])).toEqual([["work_mem", "16384"]]);
    expect(items[0]!.history.map(({ value }) => value)).toEqual(["16384", "4096"]);
    expect(items[0]!.changed_at).toBe(items[0]!.history[0]!.from_at);
    expect((await list({ only: "pending_restart" })).items.map(({ name }) => name)).toEqual([
      "shared_buffers",
    ]);
    expect((await list({ search: "autovacuum_v" })).items).toHaveLength(3);
    expect((await list({ only: "not_default", search: "random_page" })).items).toEqual([]);
  });

  test("the schema is known as of a time, and what changed between two", async () => {
    const read = (query: object) =>
      editor.client.call(servers.readDatabaseSchema, { params: { id }, query });
    const [now, before] = [await read({}), await read({ at: ago(24) })];
    expect(now.versions.map(({ hash }) => hash)).toEqual([now.hash, before.hash]);
    expect(now.schema!.tables).toHaveLength(40);
    const { changes } = await editor.client.call(servers.diffDatabaseSchema, {
      ...{ params: { id }, query: { before: ago(24) } },
    });
    expect(changes.map(({ type, change, object }) => `${type} ${change} ${object}`)).toEqual([
      "column added public.orders.note",
    ]);
  });
});

describe("events", () => {
  test("come the newest first, in pages, by type", async () => {
    const list = (query: object) =>
      editor.client.call(events.listEvents, {
        params: { id },
        query: { from: ago(24 * 11), ...query },
      });
    const { items, counts } = await list({});
    expect(items.map(({ type }) => type).sort()).toEqual(["deploy", "schema", "setting"]);
    expect(counts).toEqual({ deploy: 1, schema: 1, setting: 1 });
    const some = await list({ type: "deploy,setting", limit: 1 });
    expect(some.counts).toEqual(counts);
    expect(items.filter(({ type }) => type !== "schema")[0]).toEqual(some.items[0]);
    expect(items.map(({ at }) => at)).toEqual(
      items
        .map(({ at }) => at)
        .toSorted()
        .toReversed(),
    );
    const first = await list({ limit: 2 });
    const second = await list({ limit: 2, cursor: first.next_cursor! });
    expect([...first.items, ...second.items]).toEqual(items);
    expect((await list({ type: "setting" })).items.map(({ subject }) => subject)).toEqual([
      "work_mem",
    ]);
    expect(await problemOf(list({ cursor: "nonsense" }))).toMatchObject({
      code: "invalid_request",
    });
  });

  test("a deploy that is marked twice by one pipeline is one", async () => {
    const body = { type: "deploy" as const, subject: "shop 5.0", source_key: "pipeline-7" };
    const first = await editor.client.call(events.createEvent, { body });
    const second = await editor.client.call(events.createEvent, {
      body: { ...body, subject: "again" },
    });
    expect(second).toEqual(first);
    expect(first).toMatchObject({ subject: "shop 5.0", database: null, created_by: "A editor" });
    const own = { type: "note" as const, subject: "Looked into it", database_id: id };
    expect(await editor.client.call(events.createEvent, { body: own })).toMatchObject({
      database: { id, name: "shop" },
    });
    const { items } = await editor.client.call(events.listEvents, { params: { id } });
    expect(items.map(({ subject }) => subject)).toEqual(
      expect.arrayContaining(["shop 5.0", "Looked into it"]),
    );
    const { rows } = await sql<{ n: number }>`
      select count(*) as n from audit_log where action = 'health_event.created'`.execute(api.db);
    expect(rows[0]!.n).toBe(2);
  });
});

describe("who may do what", () => {
  test("viewers may nothing, and people of another organisation know of nothing", async () => {
    const viewer = await api.as("viewer");
    for (const route of ROUTES)
      expect(await problemOf(viewer.client.call(route, askedOf(route) as never))).toMatchObject({
        status: 403,
      });
    const { rows } = await sql<{ id: string }>`
      insert into orgs (name) values ('Elsewhere') returning id`.execute(api.db);
    await sql`update health_databases set org_id = ${rows[0]!.id} where id = ${id}`.execute(api.db);
    for (const route of ROUTES.slice(1)) {
      const problem = problemOf(editor.client.call(route, askedOf(route) as never));
      expect(await problem, route.operation).toMatchObject({ status: 404 });
    }
    const body = { type: "note" as const, subject: "x", database_id: id };
    expect(await problemOf(editor.client.call(events.createEvent, { body }))).toMatchObject({
      status: 404,
    });
    await sql`update health_databases set org_id = ${editor.actor.org_id} where id = ${id}`.execute(
      api.db,
    );
  });

  test("a database is linked to a datasource that the editor may use, and forgotten", async () => {
    const other = history.database_ids[1]!;
    const admin = await api.as("admin");
    const hidden = await makeDatasource(api.db, admin.actor);
    const shared = await makeDatasource(api.db, admin.actor, { everyone: true });
    const link = (datasource_id: string | null, who = editor) =>
      who.client.call(databases.linkDatabase, { params: { id: other }, body: { datasource_id } });
    expect(await problemOf(link(hidden))).toMatchObject({ code: "not_found" });
    expect((await link(shared)).datasource!.id).toBe(shared);
    expect((await link(hidden, admin)).datasource!.id).toBe(hidden);
    const seen = await editor.client.call(databases.readDatabase, { params: { id: other } });
    expect(seen.datasource).toBeNull();
    expect((await link(null)).datasource).toBeNull();
    await editor.client.call(databases.forgetDatabase, { params: { id: other } });
    expect(
      await problemOf(editor.client.call(databases.readDatabase, { params: { id: other } })),
    ).toMatchObject({ code: "not_found" });
    const { items } = await editor.client.call(databases.listDatabases, {});
    expect(items.map(({ name }) => name)).toEqual(["shop"]);
    // Alone on its server now, so its load is the server's.
    expect(items[0]!.load.filter((load) => load !== null).length).toBeGreaterThan(20);
  });
});

const ROUTES = [
  databases.listDatabases,
  databases.readDatabase,
  databases.readOverview,
  databases.readMetrics,
  statements.listStatements,
  statements.readStatement,
  relations.listTables,
  relations.listIndexes,
  relations.readTable,
  servers.readSessions,
  servers.readSessionSamples,
  servers.readServer,
  servers.listSettings,
  servers.readDatabaseSchema,
  servers.diffDatabaseSchema,
  servers.readReplication,
  events.listEvents,
] as const;

/** What `route` needs at least, about the first database. */
function askedOf(route: (typeof ROUTES)[number]) {
  const all = { id, statement_id: "1", relation_id: "1" };
  const params = Object.entries(all).filter(([name]) => route.path.includes(`:${name}`));
  const needed: Record<string, object> = {
    readDatabaseMetrics: { names: "load" },
    diffDatabaseSchema: { before: ago(1) },
  };
  return { params: Object.fromEntries(params), query: needed[route.operation] ?? {} };
}
