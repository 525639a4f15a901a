import { readFile } from "node:fs/promises";
import type { AgentPayload } from "@quern/contract/agent/payload";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { collectorFor, configFor, resultOf } from "../testing-postgres/collector.ts";
import { CANARY, FIXTURE, FIXTURE_AFTER } from "../testing-postgres/fixture.ts";
import { startTestServer, TEST_MAJORS, type TestServer } from "../testing-postgres/server.ts";

const ODD_TABLE = 'Ta.b "q" 😀';

describe.each(TEST_MAJORS.map((major) => ({ major })))("PostgreSQL $major", ({ major }) => {
  let server: TestServer;
  let payload: AgentPayload;
  const monitor = () => collectorFor(configFor(server.url("postgres", "mon")));

  beforeAll(async () => {
    server = await startTestServer(major, {
      max_prepared_transactions: "2",
      "pg_stat_statements.track": "all",
    });
    for (const statements of [FIXTURE, ...FIXTURE_AFTER]) await server.sql(statements);
    // Until 14 counters reach the statistics by a process that takes its time.
    const vacuumed = () =>
      server.sql("select from pg_stat_user_tables where relname = 'a' and last_vacuum is not null");
    while ((await vacuumed()).length === 0);
    const holder = await server.session();
    await holder.query("begin; insert into parent values (1); prepare transaction 'canary7c1f'");
    await holder.query("begin");
    await holder.query("insert into parent values (2)");
    const collector = monitor();
    await collector.sample();
    [payload] = (await collector.collect()) as [AgentPayload];
    await collector.close();
    await holder.query("rollback");
    await holder.query("rollback prepared 'canary7c1f'");
  });
  afterAll(() => server.stop());

  test("V1, R3: with pg_monitor every section but bloat, sequences and columns is whole", () => {
    const faults = payload.collectors?.filter(({ status }) => status !== "ok");
    expect(faults?.map(({ name, code }) => [name, code])).toEqual([
      ["sequences", "no_permission"],
      ["bloat", "no_permission"],
      ["column_statistics", "no_permission"],
    ]);
    expect(resultOf(payload, "bloat").hint).toContain("--print-helper-sql");
    expect(payload.database).toMatchObject({ type: "postgres", provider: "generic" });
    expect(Math.floor((payload.database.version_num ?? 0) / 10_000)).toBe(major);
    expect(payload.cluster_id).toMatch(/^[0-9a-f]{64}$/);
    expect(payload.instance_id).toMatch(/^[0-9a-f]{32}$/);
  });

  test("X1: no literal of the catalogs, of statements or of sessions is in the payload", () => {
    expect(JSON.stringify(payload)).not.toContain(CANARY);
    const secrets = payload.query_stats?.filter((it) => it.secret_visible);
    expect(secrets?.map(({ query }) => query).join()).toMatch(/create role/i);
  });

  test("names are exact, whatever they hold; oids are no negative numbers", () => {
    const odd = payload.table_stats?.find(({ table }) => table === ODD_TABLE);
    expect(odd).toMatchObject({ schema: "we.ird", kind: "r" });
    expect(odd?.relid).toBeGreaterThan(0);
    expect(payload.index_stats?.find(({ index }) => index === "i.x")?.table).toBe(ODD_TABLE);
    expect(payload.table_stats?.some(({ table }) => table === "n".repeat(63))).toBe(true);
    expect(payload.schema?.tables.some(({ name }) => name === ODD_TABLE)).toBe(true);
  });

  test("tables have counters, sizes, ages and options, and partitions their parent", () => {
    const a = payload.table_stats?.find(({ table }) => table === "a");
    expect(a).toMatchObject({ n_tup_ins: 2000, n_live_tup: 2000, reltuples: 2000, parent: null });
    expect(Number(a?.size_bytes)).toBe(
      Number(a?.index_bytes) + Number(a?.size_bytes) - Number(a?.index_bytes),
    );
    expect(Number(a?.heap_bytes)).toBeGreaterThan(100_000);
    expect(Number(a?.frozen_xid_age)).toBeGreaterThanOrEqual(0);
    const part = payload.table_stats?.find(({ table }) => table === "part1");
    expect(part?.parent).toBe("public.part");
    expect(part?.options).toMatchObject({ fillfactor: "80", autovacuum_enabled: "off" });
    expect(a?.last_vacuum).toMatch(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    // -1 is "never analysed" from 14 on, 0 before.
    const never = payload.table_stats?.find(({ table }) => table === "hasty");
    expect(never?.reltuples).toBe(0);
  });

  test("defect 10: as many indexes as there are, with expressions, order and predicates", () => {
    const indexes = payload.schema?.indexes.filter(({ table }) => table === "a") ?? [];
    expect(indexes.map(({ name }) => name).sort()).toEqual([
      ...["a_expr", "a_part", "a_pkey", "a_u", "a_x1", "a_x2"],
    ]);
    const expression = indexes.find(({ name }) => name === "a_expr");
    expect(expression).toMatchObject({ include: ["y"], fillfactor: 70, access_method: "btree" });
    expect(expression?.keys?.[0]).toMatchObject({ column: null, descending: true });
    expect(expression?.keys?.[0]?.expression?.text).toMatch(/lower\(\(z \|\| \$1/);
    expect(indexes.find(({ name }) => name === "a_part")?.predicate?.text).toMatch(/z = \$1/);
    expect(indexes.find(({ name }) => name === "a_u")?.keys?.[1]).toMatchObject({
      ...{ column: "y", nulls_first: true, descending: false },
    });
    expect(indexes.find(({ name }) => name === "a_pkey")?.constraint).toBe("a_pkey");
    expect(expression?.definition).toMatch(
      /^CREATE INDEX a_expr ON \S+a USING btree \(lower\(\(z \|\| \$1::text\)\) DESC\) INCLUDE \(y\) WITH \(fillfactor='70'\)$/,
    );
    expect(indexes.find(({ name }) => name === "a_u")?.definition).toMatch(
      /^CREATE UNIQUE INDEX a_u ON \S+a USING btree \(x, y NULLS FIRST\)$/,
    );
  });

  test("defect 11: columns come without a right on any table, and keys with their types", () => {
    const a = payload.schema?.tables.find(({ name }) => name === "a");
    expect(a?.columns.map(({ name }) => name)).toEqual(["id", "x", "y", "z", "w"]);
    expect(a?.columns[3]?.default).toMatch(/^\$1/);
    const foreign = payload.schema?.constraints?.filter(({ type }) => type === "f") ?? [];
    expect(foreign.map(({ name, validated }) => [name, validated])).toEqual([
      ["child_p_fkey", true],
      ["late", false],
    ]);
    expect(foreign[0]).toMatchObject({
      column_types: ["bigint"],
      references: { table: "parent", columns: ["id"], column_types: ["integer"] },
    });
    expect(payload.schema?.tables.find(({ name }) => name === "v2")?.view_depth).toBe(2);
    expect(payload.schema?.routines?.find(({ name }) => name === "secretive")).toMatchObject({
      ...{ security_definer: true, sets_search_path: false, public_may_execute: true },
    });
    expect(payload.schema?.triggers).toEqual([
      { schema: "public", table: "a", name: "quiet", enabled: "D" },
    ]);
    expect(payload.schema?.publications?.[0]?.tables).toEqual(["public.a"]);
  });

  test("settings have units, and of texts only those that hold no secret", () => {
    const detail = new Map(payload.settings_detail?.map((setting) => [setting.name, setting]));
    expect(detail.get("shared_buffers")).toMatchObject({ value: "2048", unit: "8kB" });
    expect(detail.get("archive_command")?.value ?? null).toBeNull();
    expect(payload.settings?.max_connections).toBe("40");
    // What the agent sets for its own sessions is not the server's.
    expect(detail.get("statement_timeout")?.value).toBe("0");
    expect(detail.get("default_transaction_read_only")?.value).toBe("off");
  });

  test("the server: databases, writes, locks, and who holds the horizon", () => {
    const { server: stats } = payload;
    expect(stats?.databases.map(({ name }) => name)).toContain("template0");
    expect(stats?.checkpointer).toHaveProperty("num_requested");
    expect(stats?.bgwriter).toHaveProperty("buffers_clean");
    expect(stats?.io === undefined).toBe(major < 16);
    if (stats?.io) expect(JSON.stringify(stats.io)).toContain("write_bytes");
    expect(stats?.horizon?.map(({ type }) => type)).toContain("prepared");
    expect(stats?.horizon?.map(({ type }) => type)).toContain("backend");
    expect(stats?.prepared_transactions).toHaveLength(1);
    expect(Number(stats?.locks?.held)).toBeGreaterThan(0);
    expect(stats?.agent_role).toMatchObject({ name: "mon", superuser: false, reads_tables: false });
    const session = payload.activity?.[0]?.sessions.find(
      ({ state }) => state === "idle in transaction",
    );
    expect(session).toMatchObject({ kind: "insert", application: null });
  });

  test("--test-connection: every aspect, each with what mends it", async () => {
    const collector = monitor();
    const { ok, aspects } = await collector.testConnection();
    expect(ok).toBe(true);
    expect(aspects.map(({ aspect, status, hint }) => [aspect, status, hint === null])).toEqual([
      ["reachable", "ok", true],
      ["tls", "warning", false],
      ["version", "ok", true],
      ["provider", "ok", true],
      ["role", "ok", true],
      ["pg_monitor", "ok", true],
      ["pg_stat_statements", "ok", true],
      ["helper", "warning", false],
      ["track_io_timing", "warning", false],
      ["databases", "ok", true],
    ]);
    await collector.close();
  });

  test("R1, R2: without grants what is hidden is said, with the grant", async () => {
    const collector = collectorFor(configFor(server.url("postgres", "nobody_special")));
    const [own] = await collector.collect("statements", "tables");
    expect(resultOf(own, "statements")).toMatchObject({ status: "error", code: "no_permission" });
    expect(resultOf(own, "statements").hint).toContain(
      'grant pg_read_all_stats to "nobody_special"',
    );
    expect(resultOf(own, "tables").status).toBe("ok");
    const { aspects } = await collector.testConnection();
    expect(aspects.filter(({ hint }) => hint?.startsWith("grant ")).map((it) => it.aspect)).toEqual(
      ["pg_monitor", "pg_stat_statements"],
    );
    await server.sql("grant pg_read_all_stats to nobody_special");
    const [granted] = await collector.collect("statements");
    expect(resultOf(granted, "statements").status).toBe("ok");
    await collector.close();
  });

  test("R4, R5: the helper gives widths and sequences, and never a value of a row", async () => {
    const collector = collectorFor(configFor(server.url("postgres", "keeper")));
    const [own] = await collector.collect("bloat", "sequences", "schema");
    expect(resultOf(own, "bloat").status).toBe("ok");
    const wide = own?.sequences?.find(({ sequence }) => sequence === "wide");
    expect(wide).toMatchObject({
      ...{ last_value: 2040109465, readable: true, data_type: "bigint" },
      columns: [{ table: "narrow", column: "id", data_type: "integer", max_value: 2147483647 }],
    });
    const fresh = own?.sequences?.find(({ sequence }) => sequence === "fresh");
    expect(fresh).toMatchObject({ last_value: null, readable: true });
    const columns = await server.sql(
      `select p.proargnames::text as names from pg_proc p where p.proname = 'column_statistics'`,
    );
    expect(columns[0]?.names).toBe(
      "{relation,attribute,inherited,null_frac,avg_width,n_distinct,correlation}",
    );
    await collector.close();
  });

  test("statistics of columns are numbers, also of a value that is the most common one", async () => {
    await server.sql(
      `create table told (z text not null); insert into told select '${CANARY}' from generate_series(1, 2000);
       create index told_z on told (upper(z)); alter table told owner to keeper`,
    );
    await server.sql("vacuum analyze told");
    const as = (role: string) => collectorFor(configFor(server.url("postgres", role)));
    for (const role of ["keeper", "postgres"]) {
      const collector = as(role);
      const [own] = await collector.collect("schema", "column_statistics");
      expect(resultOf(own, "column_statistics")).toMatchObject({ status: "ok", code: null });
      const of = (name: string) =>
        own?.column_statistics?.relations.find((relation) => relation.name === name);
      expect(of("told")).toMatchObject({
        ...{ reltuples: 2000, relallvisible: of("told")?.relpages },
        columns: [{ name: "z", null_frac: 0, n_distinct: 1, correlation: 1 }],
      });
      expect(of("told")?.columns[0]?.avg_width).toBeGreaterThan(CANARY.length);
      expect(of("told_z")?.columns).toMatchObject([{ n_distinct: 1 }]);
      expect(of("a_x1")?.relpages).toBeGreaterThan(1);
      expect(own?.column_statistics?.omitted_columns).toBe(0);
      expect(JSON.stringify(own)).not.toContain(CANARY);
      const [again] = await collector.collect("schema", "column_statistics");
      expect(again?.column_statistics).toBeUndefined();
      expect(resultOf(again, "column_statistics").code).toBe("unchanged");
      await server.sql("create table newer (x int)");
      const [changed] = await collector.collect("schema", "column_statistics");
      expect(changed?.column_statistics?.relations.some(({ name }) => name === "newer")).toBe(true);
      await server.sql("drop table newer");
      await collector.close();
    }
    const [seen] = await server.sql(
      "select most_common_vals::text as vals from pg_stats where tablename = 'told'",
    );
    expect(seen?.vals).toContain(CANARY);
    await server.sql("drop table told");
  });

  test("without rights on tables their columns are said to be hidden, with what mends it", async () => {
    const collector = collectorFor(configFor(server.url("postgres", "mon")));
    const [none] = await collector.collect("column_statistics");
    expect(none?.column_statistics).toBeUndefined();
    const result = resultOf(none, "column_statistics");
    expect(result).toMatchObject({ status: "error", code: "no_permission", sqlstate: "42501" });
    expect(result.hint).toContain("--print-helper-sql");
    expect(result.hint).toMatch(
      /grant (pg_read_all_data|select on all tables in schema …) to "mon";/,
    );
    await server.sql("grant select on a to mon");
    const [some] = await collector.collect("column_statistics");
    expect(resultOf(some, "column_statistics")).toMatchObject({ code: "no_permission" });
    const shown = some?.column_statistics?.relations.filter(({ columns }) => columns.length > 0);
    expect(new Set(shown?.map(({ name }) => name))).toEqual(new Set(["a"]));
    expect(some?.column_statistics?.omitted_columns).toBeGreaterThan(0);
    await server.sql("revoke select on a from mon");
    await collector.close();
  });

  test("bloat is found where it is", async () => {
    await server.sql(
      `create table air (id int primary key, t text); insert into air select g, repeat('y', 100) from generate_series(1, 20000) as g;
       delete from air where id % 4 <> 0; analyze air; update pg_class set reltuples = 5000 where relname in ('air', 'air_pkey')`,
    );
    const collector = collectorFor(configFor(server.url("postgres", "keeper")));
    const [own] = await collector.collect("bloat");
    const air = own?.bloat?.find(({ table, index }) => table === "air" && index === null);
    const share = Number(air?.wasted_bytes) / Number(air?.real_bytes);
    expect(share).toBeGreaterThan(0.65);
    expect(share).toBeLessThan(0.8);
    await collector.close();
  });

  test("L1: a granted ACCESS EXCLUSIVE lock costs the sizes of one table", async () => {
    const holder = await server.session();
    await holder.query("begin; lock table a in access exclusive mode");
    const collector = monitor();
    const [own] = await collector.collect("tables", "indexes", "schema");
    expect(own?.table_stats?.find(({ table }) => table === "a")).toMatchObject({
      ...{ locked: true, size_bytes: null, n_tup_ins: 2000 },
    });
    const free = own?.table_stats?.find(({ table }) => table === "parent");
    expect(free?.locked).toBeUndefined();
    expect(free?.size_bytes).not.toBeNull();
    expect(own?.index_stats?.find(({ index }) => index === "a_x1")).toMatchObject({
      ...{ locked: true, size_bytes: null },
    });
    // Told by the lock's limit of 200 ms, and not by the statement's of 10 s; the others did not wait for it.
    expect(resultOf(own, "schema")).toMatchObject({
      ...{ status: "skipped", code: "locked", sqlstate: "55P03" },
    });
    for (const name of ["tables", "indexes"]) expect(resultOf(own, name).status).toBe("ok");
    expect(own?.collectors?.reduce((sum, { duration_ms }) => sum + duration_ms, 0)).toBeLessThan(
      9_000,
    );
    await holder.query("rollback");
    await holder.end();
    await collector.close();
  });

  test("L2, blocking: a waiting lock counts, and the tree of who waits for whom is there", async () => {
    const reader = await server.session();
    await reader.query("begin; select count(*) from a");
    const waiting = () =>
      server.sql("select count(*) as n from pg_stat_activity where wait_event_type = 'Lock'");
    const altering = await server.session();
    const altered = altering.query("alter table a add column extra int");
    while ((await waiting())[0]?.n !== "1");
    const queued = await server.session();
    const counted = queued.query("select count(*) from a");
    while ((await waiting())[0]?.n !== "2");
    const collector = monitor();
    await collector.sample();
    const [own] = await collector.collect("tables");
    expect(own?.table_stats?.find(({ table }) => table === "a")?.locked).toBe(true);
    const sessions = own?.activity?.[0]?.sessions ?? [];
    const root = sessions.find(({ state }) => state === "idle in transaction");
    const middle = sessions.find(({ kind }) => kind === "alter table");
    expect(middle).toMatchObject({
      blocked_by: [root?.pid],
      waits_for: { mode: "AccessExclusiveLock", schema: "public", relation: "a" },
    });
    expect(middle?.waits_for?.since === null).toBe(major < 14);
    const last = sessions.find(({ waits_for }) => waits_for?.mode === "AccessShareLock");
    expect(last?.blocked_by).toEqual([middle?.pid]);
    await reader.query("rollback");
    await Promise.all([altered, counted]);
    await collector.close();
  });

  test("C1, C6: after a reset the counters are raw and the epoch tells, toplevel is summed", async () => {
    await server.sql(`create table seq_c (n int);
      create function twice() returns void language plpgsql as $$ begin insert into seq_c values (1); end $$`);
    const collector = monitor();
    const run = async (times: number) => {
      for (let turn = 0; turn < times; turn += 1) {
        await server.sql("insert into seq_c values (1); select twice()");
      }
      const [own] = await collector.collect("statements");
      const inserts = own?.query_stats?.filter(
        ({ kind, tables }) => kind === "insert" && tables?.includes("seq_c"),
      );
      return { own, hash: inserts?.[0]?.query_hash };
    };
    const { own: before, hash } = await run(4);
    const calls = (of: AgentPayload | undefined) =>
      of?.query_stats?.filter(({ query_hash }) => query_hash === hash).map((it) => it.calls);
    expect(calls(before)).toEqual([8]);
    await server.sql("select pg_stat_statements_reset()");
    const { own: after } = await run(7);
    expect(calls(after)).toEqual([14]);
    const reset = [before, after].map((of) => of?.epochs?.statements_stats_reset ?? null);
    if (major >= 14) expect(reset[0]).not.toEqual(reset[1]);
    else expect(reset).toEqual([null, null]);
    expect(before?.epochs?.archiver_stats_reset).toEqual(after?.epochs?.archiver_stats_reset);
    await collector.close();
  });

  test("what the agent itself runs is left out of statements and sessions", async () => {
    const collector = monitor();
    const payloads = [...(await collector.collect()), ...(await collector.collect("statements"))];
    const sent = payloads.flatMap(({ query_stats }) => query_stats ?? []);
    expect(sent.length).toBeGreaterThan(0);
    // Nobody but the agent has this role.
    expect(sent.filter(({ user_name }) => user_name === "mon")).toEqual([]);
    expect(collector.cost().database_time_ms).toBeGreaterThan(0);
    expect(collector.cost().connections).toBe(1);
    const server_statements = await server.sql(
      "select query from pg_stat_statements where query like 'select /* quern-agent */%' limit 1",
    );
    expect(server_statements).toHaveLength(1);
    await collector.close();
  });
});

test("the fixture has the canary in it", async () => {
  expect(FIXTURE.split(CANARY).length).toBeGreaterThan(10);
  expect(await readFile(new URL(import.meta.url), "utf8")).toContain("CANARY");
});
