import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from "vitest";
import { collectorFor, configFor, resultOf } from "../testing-postgres/collector.ts";
import { startTestServer, type TestServer } from "../testing-postgres/server.ts";

let server: TestServer;
const open: ReturnType<typeof collectorFor>[] = [];

beforeAll(async () => {
  server = await startTestServer(18, { "pg_stat_statements.max": "1000" });
  await server.sql("create role mon login; grant pg_monitor to mon");
});
afterEach(async () => {
  for (const collector of open.splice(0)) await collector.close();
});
afterAll(() => server.stop());

/** Of a database of its own, so that tests do not meet. */
async function databaseOf(name: string, ...statements: string[]): Promise<string> {
  await server.sql(`create database "${name}"`);
  for (const statement of statements) await server.sql(statement, name);
  return name;
}

function collectorOn(
  database: string,
  collection: Parameters<typeof configFor>[1] = {},
  effects: Parameters<typeof collectorFor>[1] = {},
) {
  const collector = collectorFor(configFor(server.url(database, "mon"), collection), effects);
  open.push(collector);
  return collector;
}

const FUNCTIONS = [
  "sin",
  "cos",
  "tan",
  "atan",
  "tanh",
  "asinh",
  "abs",
  "ceil",
  "floor",
  "cbrt",
  "sign",
];

/** Statements that differ in more than literals and names of columns, which count for nothing. */
function differing(many: number): string[] {
  const one = (at: number) => FUNCTIONS[at % FUNCTIONS.length];
  return Array.from(
    { length: many },
    (_, at) => `select ${one(at)}(${one(Math.floor(at / 11))}(${one(Math.floor(at / 121))}(0)))`,
  );
}

test.each(["1.8", "1.10"])("V2: version %s of the extension on 18", async (version) => {
  const name = await databaseOf(
    `old${version}`,
    `create extension pg_stat_statements version '${version}'`,
    "create table o (n int)",
    "insert into o values (1)",
  );
  const collector = collectorOn(name);
  const [payload] = await collector.collect("statements");
  expect(resultOf(payload, "statements").status).toBe("ok");
  const insert = payload?.query_stats?.find(({ kind }) => kind === "insert");
  expect(insert).toMatchObject({ calls: 1, rows: 1, stats_since: null, blk_read_time_ms: 0 });
  expect(insert?.temp_blk_read_time_ms === null).toBe(version === "1.8");
  expect(payload?.statements).toMatchObject({
    extension_version: version,
    default_version: "1.12",
  });
  expect(payload?.statements?.stats_reset === null).toBe(version === "1.8");
  const { aspects } = await collector.testConnection();
  expect(aspects.find(({ aspect }) => aspect === "pg_stat_statements")?.hint).toContain(
    "alter extension pg_stat_statements update",
  );
});

test("V3: a missing extension is a state with its remedy, and the rest is whole", async () => {
  const [payload] = await collectorOn(await databaseOf("bare", "create table b (n int)")).collect();
  expect(resultOf(payload, "statements")).toMatchObject({
    ...{ status: "error", code: "extension_missing", sqlstate: "42P01" },
  });
  // Never analysed, which is not empty.
  expect(payload?.table_stats).toMatchObject([{ table: "b", reltuples: -1 }]);
});

test("L3, L4, L5: tables that come and go meanwhile, temporary ones, and one of 1,600 columns", async () => {
  const columns = Array.from({ length: 1_600 }, (_, at) => `c${at} int`).join(", ");
  const name = await databaseOf("moving", `create table widest (${columns})`);
  const session = await server.session(name);
  await session.query("create temp table passing (n int)");
  let going = true;
  const moving = (async () => {
    for (let turn = 0; going; turn += 1) {
      await session.query(`create table m${turn} (id int primary key)`);
      await session.query(`drop table m${turn}`);
    }
  })();
  onTestFinished(async () => {
    going = false;
    await moving;
  });
  const collector = collectorOn(name);
  for (let turn = 0; turn < 5; turn += 1) {
    const [payload] = await collector.collect("tables", "indexes", "sequences", "schema");
    const faults = payload?.collectors?.filter(({ status }) => status === "error");
    expect(faults).toEqual([]);
    expect(payload?.table_stats?.some(({ table }) => table === "passing")).toBe(false);
    const widest = payload?.schema?.tables.find((table) => table.name === "widest");
    if (payload?.schema) expect(widest?.columns).toHaveLength(1_600);
  }
});

test("V5: the extension in another schema", async () => {
  const name = await databaseOf(
    "elsewhere",
    "create schema extensions",
    "create extension pg_stat_statements schema extensions",
    "grant usage on schema extensions to mon",
    "select 5 as elsewhere",
  );
  const collector = collectorOn(name);
  const [payload] = await collector.collect("statements");
  expect(payload?.query_stats?.map(({ query }) => query)).toContain("select $1 as elsewhere");
  await server.sql("revoke usage on schema extensions from mon", name);
  const [hidden] = await collector.collect("statements");
  expect(resultOf(hidden, "statements").hint).toMatch(
    /^grant usage on schema "extensions" to "mon"/,
  );
});

test("V6, several databases: one reading serves those without the extension; globs and dropped ones", async () => {
  await databaseOf("team_a", "select 1 as in_a");
  await databaseOf("team_b", "create extension pg_stat_statements", "select 1 as in_b");
  await databaseOf("team_hidden");
  const collector = collectorOn("team_a", {
    databases: { include: ["team_*"], exclude: ["*hidden"] },
  });
  const payloads = await collector.collect();
  expect(payloads.map(({ database }) => database.name)).toEqual(["team_a", "team_b"]);
  const [a, b] = payloads;
  expect(a?.query_stats?.map(({ query }) => query)).toContain("select $1 as in_a");
  expect(b?.query_stats?.map(({ query }) => query)).toContain("select $1 as in_b");
  expect(b?.query_stats?.map(({ query }) => query)).not.toContain("select $1 as in_a");
  expect(a?.server).toBeDefined();
  expect(b?.server).toBeUndefined();
  expect(b?.settings).toBeUndefined();
  expect(a?.node_id).toBe(b?.node_id);
  expect(a?.instance_id).not.toBe(b?.instance_id);
  expect(collector.cost().connections).toBe(1);
  await server.sql("drop database team_b with (force)");
  const after = await collector.collect("tables");
  expect(after.map(({ database }) => database.name)).toEqual(["team_a"]);
});

test("a budget of two connections reads any number of databases", async () => {
  for (const name of ["many1", "many2", "many3"]) await databaseOf(name);
  const collector = collectorOn("many1", {
    databases: { include: ["many?"], exclude: [] },
    connection_budget: 2,
  });
  await collector.sample();
  const seen: number[] = [];
  const watching = setInterval(() => seen.push(collector.cost().connections), 1);
  const payloads = await collector.collect("tables");
  clearInterval(watching);
  expect(payloads).toHaveLength(3);
  expect(payloads.every((payload) => resultOf(payload, "tables").status === "ok")).toBe(true);
  expect(Math.max(...seen)).toBeLessThanOrEqual(2);
});

test("C5, C7: evictions show in dealloc, and a new entry is told from one that was not sent", async () => {
  const name = await databaseOf("evict", "create extension pg_stat_statements");
  const collector = collectorOn(name, { max_statements: 12 });
  const session = await server.session(name);
  // So long and so often that what follows them is not chosen by its time or its calls, however busy the machine is.
  const slow = differing(15).map((text) => `${text}, pg_sleep(0.1)`);
  await session.query([...slow, ...slow].join("; "));
  await session.query("select 1, 1, 1 as quiet");
  const [first] = await collector.collect("statements");
  expect(first?.query_stats?.length).toBeLessThanOrEqual(12);
  expect(first?.query_stats?.some(({ new_entry }) => new_entry !== undefined)).toBe(false);
  expect(first?.statements?.other?.statements).toBeGreaterThan(0);
  await session.query("select 1, 1, 1, 1 as brandnew");
  for (let turn = 0; turn < 9; turn += 1) await session.query("select 1, 1, 1 as quiet");
  const [second] = await collector.collect("statements");
  const of = (alias: string) =>
    second?.query_stats?.find(({ query }) => query?.endsWith(` as ${alias}`));
  expect(of("quiet")).toMatchObject({ calls: 10, new_entry: false });
  expect(of("brandnew")).toMatchObject({ calls: 1, new_entry: true });
  // What did nothing since is not sent again.
  const sent = second?.query_stats?.map(({ query_hash }) => query_hash);
  expect(first?.query_stats?.some(({ query_hash }) => sent?.includes(query_hash))).toBe(false);
  await session.query(differing(1_100).join("; "));
  const [third] = await collector.collect("statements");
  expect(Number(third?.statements?.dealloc)).toBeGreaterThan(Number(second?.statements?.dealloc));
  expect(Number(third?.statements?.max_entries)).toBe(1_000);
});

test("texts are sent once, and again when they are asked for; the schema, too", async () => {
  const name = await databaseOf("texts", "create extension pg_stat_statements");
  const collector = collectorOn(name);
  const session = await server.session(name);
  const read = async () => {
    await session.query("select 1 as once");
    const [payload] = await collector.collect("statements", "schema", "settings");
    return { payload, texts: payload?.query_stats?.map(({ query }) => query) };
  };
  const first = await read();
  expect(first.texts).toContain("select $1 as once");
  expect(first.payload?.settings_detail?.length).toBeGreaterThan(300);
  const second = await read();
  expect(second.texts).toEqual([null]);
  expect(second.payload?.schema).toBeUndefined();
  expect(second.payload?.schema_hash).toBe(first.payload?.schema?.hash);
  expect(second.payload?.settings_detail).toBeUndefined();
  expect(resultOf(second.payload, "schema").code).toBe("unchanged");
  const hash = second.payload?.query_stats?.[0]?.query_hash ?? "";
  collector.learn(second.payload?.instance_id ?? "", { want_texts: [hash], want_schema: true });
  const third = await read();
  expect(third.texts).toEqual(["select $1 as once"]);
  expect(third.payload?.schema?.hash).toBe(first.payload?.schema?.hash);
  await server.sql("create table added (n int)", name);
  expect((await read()).payload?.schema?.tables.map((table) => table.name)).toEqual(["added"]);
});

test("V8: a squashed list is parsed, and is no literal", async () => {
  const name = await databaseOf("squash", "create extension pg_stat_statements");
  await server.sql("select 1 where 7 in (1, 2, 3, 4, 5)", name);
  const [payload] = await collectorOn(name).collect("statements");
  const squashed = payload?.query_stats?.find(({ query }) => query?.includes("/*, ... */"));
  expect(squashed?.fingerprint).toMatch(/^[0-9a-f]{16}$/);
  expect(squashed?.text_state).toBe("normalised");
});

test("V7: a server of tomorrow, with columns gone and views changed, is degraded and not dead", async () => {
  const name = await databaseOf(
    "tomorrow",
    "create schema shim",
    `create function shim.current_setting(n text) returns text language sql stable as
       $$ select case n when 'server_version_num' then '190000' else pg_catalog.current_setting(n) end $$`,
    "create view shim.pg_stat_wal as select 42::int8 as wal_records, 7::int8 as wal_of_tomorrow",
    "create view shim.pg_stat_bgwriter as select 'x'::text as only_text",
    `create view shim.pg_stat_all_tables as select relid, schemaname, relname, n_live_tup from pg_catalog.pg_stat_all_tables`,
    "create view shim.pg_stat_io as select 1 as nothing_known where false",
    "create table t (n int); insert into t values (1); grant usage on schema shim to mon; grant select on all tables in schema shim to mon",
  );
  const collector = collectorOn(name, {}, { search_path: "shim, pg_catalog" });
  const [payload] = await collector.collect();
  expect(payload?.database.version_num).toBe(190_000);
  expect(payload?.server?.wal).toMatchObject({ wal_records: 42, wal_of_tomorrow: 7 });
  const table = payload?.table_stats?.find((it) => it.table === "t");
  expect(table).toMatchObject({ n_live_tup: 1, seq_scan: null, last_vacuum: null });
  expect(payload?.epochs?.bgwriter_stats_reset).toBeNull();
  expect(payload?.epochs?.archiver_stats_reset).not.toBeNull();
  expect(
    payload?.collectors?.filter(({ status }) => status === "error").map((it) => it.code),
  ).toEqual(["extension_missing"]);
  const { aspects } = await collector.testConnection();
  expect(aspects.find(({ aspect }) => aspect === "version")?.hint).toContain(
    "newer than the agent",
  );
});

test("R6: a right that is taken away in the middle costs its own part", async () => {
  const name = await databaseOf("rights", "create extension pg_stat_statements");
  const collector = collectorOn(name);
  expect(resultOf((await collector.collect("statements"))[0], "statements").status).toBe("ok");
  await server.sql("revoke execute on all functions in schema public from public", name);
  const [payload] = await collector.collect();
  expect(resultOf(payload, "statements")).toMatchObject({
    code: "no_permission",
    sqlstate: "42501",
  });
  expect(resultOf(payload, "tables").status).toBe("ok");
});

test("custom metrics: numbers are values, texts labels; capped, read-only, one statement, at their own pace", async () => {
  const name = await databaseOf(
    "custom",
    "create table orders (state text, amount numeric); grant select, insert on orders to mon",
    "insert into orders values ('paid', 10.5), ('open', 'NaN')",
  );
  let now = 1_000_000;
  const metric = (metric_name: string, sql: string) => ({
    ...{ name: metric_name, sql, database: null, interval_ms: 60_000, type: "gauge" as const },
  });
  const collector = collectorOn(
    name,
    {
      custom_metrics: [
        metric("orders", "select state, sum(amount) as amount, count(*) from orders group by 1"),
        metric("many", "select g as n from generate_series(1, 1000000) as g;"),
        metric("writes", "insert into orders values ('x', 1) returning amount"),
        metric("two", "select 1; delete from orders"),
        metric("words", "select 'a' as b"),
      ],
    },
    { now: () => now },
  );
  const [payload] = await collector.collect("custom_metrics");
  const metrics = payload?.custom_metrics ?? [];
  const paid = metrics.filter(({ labels }) => labels.state === "paid");
  expect(paid.map(({ name: of, value }) => [of, value])).toEqual([
    ["orders_amount", 10.5],
    ["orders_count", 1],
  ]);
  expect(metrics.find((it) => it.labels.state === "open")?.value).toBeNull();
  expect(metrics.filter((it) => it.name === "many")).toHaveLength(100);
  expect(resultOf(payload, "custom_metrics.many").truncated).toBe(true);
  for (const refused of ["writes", "two", "words"]) {
    expect(resultOf(payload, `custom_metrics.${refused}`).status).toBe("error");
  }
  expect(await server.sql("select count(*) as n from orders", name)).toEqual([{ n: "2" }]);
  now += 30_000;
  expect((await collector.collect("custom_metrics"))[0]?.custom_metrics).toBeUndefined();
  now += 30_000;
  expect((await collector.collect("custom_metrics"))[0]?.custom_metrics).toBeDefined();
});

test("plans: generic, without literals, at most once an hour, and only where the role may read", async () => {
  const name = await databaseOf(
    "plans",
    "create extension pg_stat_statements",
    "create table p (id int primary key, t text); grant select on p to mon; create table secret (id int)",
    "select * from p where t = 'canary7c1f' and id > 3",
    "select * from secret where id = 1",
  );
  const plans = { enabled: true, min_mean_ms: 0, max_per_collection: 20 };
  const collector = collectorOn(name, { plans });
  const [payload] = await collector.collect("plans");
  const found = payload?.plans?.find((plan) =>
    JSON.stringify(plan).includes('"Relation Name":"p"'),
  );
  expect(found?.plan).toMatchObject({ "Node Type": expect.any(String), "Relation Name": "p" });
  expect(JSON.stringify(payload)).not.toContain("canary");
  expect(JSON.stringify(payload?.plans)).not.toContain("secret");
  expect(resultOf(payload, "plans").code).toBe("no_permission");
  const [again] = await collector.collect("plans");
  expect(again?.plans?.map(({ plan_hash }) => plan_hash)).not.toContain(found?.plan_hash);
});

test("X2: a text that is not valid in any encoding does not take the numbers with it", async () => {
  await server.sql(`create database ascii template template0 encoding 'SQL_ASCII'`);
  await server.sql("alter database ascii set pg_stat_statements.track = 'all'");
  const name = await databaseOf("utf", "create extension pg_stat_statements");
  const session = await server.session("ascii");
  await session.query("set client_encoding = 'SQL_ASCII'");
  await session.query(
    `do $$ begin execute convert_from('\\x73656c6563742031206173202263ff6e22'::bytea, 'SQL_ASCII'); end $$`,
  );
  await server.sql("select 1 where 1 = 2", name);
  const collector = collectorOn(name, { databases: { include: ["ascii"], exclude: [] } });
  const payloads = await collector.collect("statements", "tables");
  expect(payloads).toHaveLength(2);
  for (const payload of payloads) {
    expect(payload.query_stats?.length).toBeGreaterThan(0);
    expect(resultOf(payload, "tables").status).toBe("ok");
    expect(resultOf(payload, "statements").code).toBe("texts_unreadable");
  }
});
