import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { AgentPayload } from "@quern/contract/agent/payload";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UnreachableError } from "../collector.ts";
import type { CollectionConfig, TlsConfig } from "../config/agent-config.ts";
import { checkedCollector } from "../testing-mariadb/collector.ts";
import {
  COUNTING,
  HAS_MARIADB,
  startTestMariadb,
  type TestMariadb,
} from "../testing-mariadb/server.ts";
import { configFor, resultOf } from "../testing-postgres/collector.ts";
import { startProxy, type TestProxy } from "../testing-postgres/proxy.ts";
import { printMysqlGrants } from "./grants.ts";

const CANARY = "zqcanary4711";
const NO_TLS: TlsConfig = { sslmode: "disable", sslrootcert: null, sslcert: null, sslkey: null };
const folder = mkdtempSync(join(tmpdir(), "quern-mariadb-tls-"));
const file = (name: string) => join(folder, name);

let server: TestMariadb;
let proxy: TestProxy;

function makeCertificate(name: string, subject: string) {
  const key = ["-newkey", "rsa:2048", "-nodes", "-keyout", file(`${name}.key`)];
  const out = ["-out", file(`${name}.pem`), "-addext", `subjectAltName=DNS:${subject}`];
  const args = ["req", "-x509", "-days", "2", "-subj", `/CN=${subject}`, ...key, ...out];
  execFileSync("openssl", args, { stdio: "ignore" });
}

/** As printed, with MariaDB's own rights and a password. */
const grants = printMysqlGrants()
  .replace(/^grant replication client.*$/m, "")
  .replace("-- grant binlog", "grant binlog")
  .replace("…", "secret")
  .replace("max_user_connections 5", "max_user_connections 50")
  .replace(/^\s*--.*$/gm, "")
  .split(";")
  .map((statement) => statement.trim())
  .filter((statement) => statement !== "");

const FIXTURE = [
  "create database shop",
  "create database other",
  "create table other.t (id int primary key)",
  `create table shop.orders (id bigint unsigned auto_increment primary key, customer_id int not null,
    status enum('${CANARY}', 'b') default 'b', note varchar(40) default '${CANARY}', total decimal(10,2) default 8.15,
    created timestamp default current_timestamp(), twice int generated always as (customer_id * 2) stored,
    key by_customer (customer_id, note(10)), unique one (note, id), check (note <> '${CANARY}')) comment '${CANARY}'`,
  `create table shop.parts (id int primary key, order_id bigint unsigned,
    constraint of_order foreign key (order_id) references shop.orders (id) on delete cascade)`,
  `create view shop.seen as select * from shop.orders where note = '${CANARY}'`,
  "insert into shop.orders (customer_id, note) select seq, concat('n', seq) from shop.seq_1_to_500",
  `create user keeper identified by '${CANARY}'`,
];

beforeAll(async () => {
  if (!HAS_MARIADB) return;
  makeCertificate("server", "localhost");
  makeCertificate("other", "other");
  server = await startTestMariadb([
    ...COUNTING,
    ...[`--ssl-cert=${file("server.pem")}`, `--ssl-key=${file("server.key")}`],
    ...[
      "--log-bin=bin",
      "--server-id=1",
      "--event-scheduler=ON",
      `--init-connect=set @a = '${CANARY}'`,
    ],
  ]);
  await server.sql(...FIXTURE, ...grants);
  proxy = await startProxy(server.port);
});
afterAll(async () => {
  await proxy?.stop();
  await server?.stop();
  rmSync(folder, { recursive: true });
});

function collector(
  url = server.url("shop"),
  collection: Partial<CollectionConfig> = {},
  tls: Partial<TlsConfig> = {},
) {
  const config = configFor(url, collection, { type: "mysql", tls: { ...NO_TLS, ...tls } });
  return checkedCollector(config, { grace_ms: 100 });
}

/** Numbers of the sessions of agents. */
async function agentsOf(of: TestMariadb): Promise<number[]> {
  const rows = await of.sql(
    "select id from information_schema.processlist where user = 'quern_agent' order by id desc",
  );
  return rows.map(({ id }) => id);
}

const tableOf = (payload: AgentPayload | undefined, name: string) =>
  payload?.table_stats?.find(({ table }) => table === name);

describe.skipIf(!HAS_MARIADB)("MariaDB", () => {
  test("every section of it, with the rights that are printed", async () => {
    const app = await server.session();
    await app.query("use shop");
    await app.query(`select count(*) from orders where note = '${CANARY}' /* ${CANARY} */`);
    await app.query("select * from orders where id in (1, 2, 3)");
    await app.query("update orders set total = 9 where customer_id = 5");
    await app.query(`create or replace view seen2 as select '${CANARY}' as x`);
    const reader = collector();
    await reader.sample();
    const [payload] = await reader.collect();
    expect(payload?.collectors?.filter(({ status }) => status === "error")).toEqual([]);
    expect(payload?.database).toMatchObject({ type: "mariadb", name: "shop", provider: "generic" });
    expect(payload?.database.version).toMatch(/^MariaDB 1\d\.\d+\.\d+/);
    expect(tableOf(payload, "orders")).toMatchObject({
      ...{ schema: "shop", n_tup_ins: 500, n_tup_upd: 1, n_tup_del: 0, n_dead_tup: null },
      ...{ seq_scan: null, size_bytes: expect.any(Number) },
    });
    const index = payload?.index_stats?.find((each) => each.index === "orders.PRIMARY");
    expect(index).toMatchObject({ idx_scan: null, size_bytes: expect.any(Number) });
    expect(index?.idx_tup_fetch).toBeGreaterThanOrEqual(3);
    const count = payload?.query_stats?.find(({ query }) => query?.includes("COUNT"));
    expect(count).toMatchObject({
      ...{ calls: 1, rows: 1, kind: "select", tables: ["orders"], text_state: "normalised" },
      query: "SELECT COUNT (*) FROM `orders` WHERE `note` = ?",
    });
    expect(count?.stats_since).toMatch(/^20\d\d-/);
    expect(
      payload?.query_stats?.some(
        ({ query }) => query === "create or replace view `seen2` <redacted>",
      ),
    ).toBe(true);
    expect(payload?.query_stats?.some(({ query }) => /_schema/.test(query ?? ""))).toBe(false);
    expect(payload?.server).toMatchObject({
      ...{ in_recovery: false, max_connections: 151, replicas: [] },
      databases: [{ name: "shop", xact_commit: null, blks_hit: null, tup_inserted: 500 }],
      status: { innodb_deadlocks: 0, threads_running: expect.any(Number) },
      wal: { binlog_files: 1, binlog_bytes: expect.any(Number), wal_buffers_full: 0 },
      wal_position_bytes: expect.any(Number),
    });
    expect(payload?.server?.receiver).toBeUndefined();
    expect(resultOf(payload, "bloat")).toMatchObject({ status: "skipped", code: "not_supported" });
    const setting = (name: string) => payload?.settings_detail?.find((each) => each.name === name);
    expect(setting("max_connections")).toMatchObject({ value: "151", default_value: "151" });
    expect(setting("sql_mode")?.value).toContain("STRICT_TRANS_TABLES");
    expect(setting("init_connect")).toMatchObject({ value: null });
    expect(setting("event_scheduler")).toMatchObject({ value: "ON", default_value: "OFF" });
    expect(JSON.stringify(payload)).not.toContain(CANARY);

    const [again] = await reader.collect("schema", "settings", "statements");
    expect(again?.schema).toBeUndefined();
    expect(again?.settings_detail).toBeUndefined();
    expect(again?.schema_hash).toBe(payload?.schema_hash);
    expect(again?.epochs).toMatchObject({
      ...payload?.epochs,
      server_time: expect.any(String),
    });
    reader.learn(payload?.instance_id ?? "", {
      ...{ want_texts: [count?.query_hash ?? ""], want_schema: true },
    });
    await app.query("select count(*) from orders where note = 'x'");
    const [asked] = await reader.collect("schema", "statements");
    expect(asked?.schema?.hash).toBe(payload?.schema_hash);
    expect(
      asked?.query_stats?.find(({ query_hash }) => query_hash === count?.query_hash),
    ).toMatchObject({
      ...{ calls: 2, new_entry: false, query: expect.stringContaining("COUNT") },
    });
    await reader.close();
  });

  test("the schema: columns without literals, keys in their order, constraints", async () => {
    const reader = collector();
    const [payload] = await reader.collect("schema");
    await reader.close();
    const orders = payload?.schema?.tables.find(({ name }) => name === "orders");
    expect(
      orders?.columns.map(({ name, data_type, default: value, generated, identity }) => [
        ...[name, data_type, value, generated, identity],
      ]),
    ).toEqual([
      ["id", "bigint(20) unsigned", null, "", "d"],
      ["customer_id", "int(11)", null, "", ""],
      ["status", "enum(2 labels)", "?", "", ""],
      ["note", "varchar(40)", "?", "", ""],
      ["total", "decimal(10,2)", "?", "", ""],
      ["created", "timestamp", "current_timestamp()", "", ""],
      ["twice", "int(11)", "`customer_id` * ?", "s", ""],
    ]);
    expect(payload?.schema?.tables.find(({ name }) => name === "seen")?.kind).toBe("v");
    const index = payload?.schema?.indexes.find(({ name }) => name === "orders.by_customer");
    expect(index).toMatchObject({
      columns: ["customer_id", "note"],
      is_unique: false,
      access_method: "btree",
    });
    expect(index?.keys?.map(({ operator_class }) => operator_class)).toEqual(["", "prefix 10"]);
    const constraint = (type: string, table: string) =>
      payload?.schema?.constraints?.find((each) => each.type === type && each.table === table);
    expect(constraint("c", "orders")).toMatchObject({ definition: "`note` <> ?" });
    expect(constraint("f", "parts")).toMatchObject({
      ...{ name: "of_order", columns: ["order_id"], column_types: ["bigint(20) unsigned"] },
      references: {
        schema: "shop",
        table: "orders",
        columns: ["id"],
        column_types: ["bigint(20) unsigned"],
      },
      definition: "on update restrict on delete cascade",
    });
    expect(JSON.stringify(payload)).not.toContain(CANARY);
  });

  test("databases: the URL's, those of globs, all without either; one that is not there", async () => {
    const names = async (database: string, databases: CollectionConfig["databases"]) => {
      const reader = collector(server.url(database), { databases });
      const payloads = await reader.collect("tables", "server");
      await reader.close();
      return payloads.map(({ database: of, server: whole }) => [of.name, whole !== undefined]);
    };
    expect(await names("shop", { include: [], exclude: [] })).toEqual([["shop", true]]);
    expect(await names("shop", { include: ["*"], exclude: ["no*"] })).toEqual([
      ["shop", true],
      ["other", false],
    ]);
    expect(await names("", { include: [], exclude: [] })).toEqual([
      ["other", true],
      ["shop", false],
    ]);
    await expect(names("nowhere", { include: [], exclude: [] })).rejects.toThrow(
      /sees no database/,
    );
  });

  test("who waits for whom, for rows and for the structure of a table", async () => {
    const [holder, waiter, changer, reader] = [
      await server.session(),
      await server.session(),
      await server.session(),
      await server.session(),
    ];
    for (const session of [holder, waiter, changer, reader]) await session.query("use shop");
    await holder.query(`update orders set note = '${CANARY}3' where id = 2`);
    await holder.query("begin");
    await holder.query("update orders set total = 10 where id = 1");
    const agent = collector();
    const [known] = await agent.collect("statements");
    const updated = known?.query_stats?.find(({ query }) => query?.includes("SET `note` = ?"));
    const waiting = [waiter.query(`update orders set note = '${CANARY}2' where id = 1`)];
    const sampled = async (pids: number[]) => {
      for (;;) {
        await agent.sample();
        const [payload] = await agent.collect("custom_metrics");
        const sample = payload?.activity?.at(-1);
        const found = pids.map((pid) => sample?.sessions.find((each) => each.pid === pid));
        if (found.every((each) => (each?.blocked_by?.length ?? 0) > 0)) return { sample, found };
        // InnoDB tells of waits what it told before, as long as it is asked again within 100 ms.
        await sleep(150);
      }
    };
    const pid = (session: typeof holder) => session.threadId ?? 0;
    // One after the other: behind the change of the table it would wait for that, and not for the row.
    await sampled([pid(waiter)]);
    waiting.push(changer.query("alter table orders add column later int"));
    const [told] = (await sampled([pid(waiter), pid(changer)])).found;
    expect(told?.query_hash).toBe(updated?.query_hash);
    // Without this the server does not say what a session runs: then its text leads to it.
    await server.sql(
      "update performance_schema.setup_consumers set enabled = 'NO' where name = 'events_statements_current'",
    );
    waiting.push(reader.query("select count(*) from orders"));
    const { sample, found } = await sampled([pid(waiter), pid(changer), pid(reader)]);
    const [row, change, queued] = found;
    expect(row).toMatchObject({
      ...{ blocked_by: [pid(holder)], kind: "update", state: "active", wait_event_type: "Lock" },
      ...{ database: "shop", user_name: "root", backend_type: "client backend" },
      ...{ query_hash: updated?.query_hash, fingerprint: updated?.fingerprint },
      waits_for: {
        lock_type: "record",
        schema: "shop",
        relation: "orders",
        mode: expect.stringContaining("X"),
      },
    });
    expect(row?.waits_for?.since).toMatch(/^20\d\d-.*Z$/);
    expect(change?.blocked_by).toContain(pid(holder));
    expect(change).toMatchObject({
      ...{
        kind: "alter table",
        waits_for: { mode: "EXCLUSIVE", schema: "shop", relation: "orders" },
      },
    });
    expect(queued?.blocked_by).toEqual([pid(changer)]);
    const root = sample?.sessions.find((each) => each.pid === pid(holder));
    expect(root).toMatchObject({ state: "idle in transaction", query_start: null });
    const age = Date.parse(sample?.at ?? "") - Date.parse(root?.xact_start ?? "");
    expect(age).toBeGreaterThan(-1_500);
    expect(age).toBeLessThan(60_000);
    expect(JSON.stringify(sample)).not.toContain(CANARY);
    await holder.query("rollback");
    await Promise.all(waiting);
    await agent.close();
  });

  test("an account without rights: what is missing, and the statement that mends it", async () => {
    await server.sql(
      "create user poor identified by 'secret'",
      "grant references on other.t to poor",
    );
    const poor = collector(server.url("other", "poor"));
    await poor.sample();
    const [payload] = await poor.collect();
    expect(resultOf(payload, "statements")).toMatchObject({
      status: "error",
      code: "no_permission",
      sqlstate: "42000",
    });
    for (const name of ["server", "activity"]) {
      expect(resultOf(payload, name)).toMatchObject({
        ...{ code: "no_permission", hint: "grant process on *.* to 'poor'@'%';" },
      });
    }
    expect(payload?.schema?.tables.map(({ name }) => name)).toEqual(["t"]);
    const { ok, aspects } = await poor.testConnection();
    await poor.close();
    expect(ok).toBe(true);
    expect(aspects.find(({ aspect }) => aspect === "process")?.hint).toBe(
      "grant process on *.* to 'poor'@'%';",
    );
    const rich = await collector().testConnection();
    expect(
      rich.aspects.filter(({ status }) => status !== "ok").map(({ aspect }) => aspect),
    ).toEqual(["tls"]);
  });

  test("a limit leaves out the small tables, with all that is theirs", async () => {
    const reader = collector(server.url("shop"), { max_tables: 1 });
    const [payload] = await reader.collect("schema");
    await reader.close();
    const { schema } = payload ?? {};
    expect(schema?.omitted_tables).toBeGreaterThanOrEqual(2);
    expect(schema?.tables.map(({ name }) => name)).toEqual(["orders"]);
    expect(schema?.tables[0]?.columns).toContainEqual(
      expect.objectContaining({ name: "customer_id", position: 2 }),
    );
    expect(new Set(schema?.indexes.map(({ table }) => table))).toEqual(new Set(["orders"]));
    expect(new Set(schema?.constraints?.map(({ table }) => table))).toEqual(new Set(["orders"]));
    expect(resultOf(payload, "schema").truncated).toBe(true);
  });

  test("metrics of one's own: numbers and labels, read-only", async () => {
    await server.sql("grant select on shop.parts to quern_agent@'%'");
    const metric = (name: string, sql: string) => ({
      ...{ name, sql, database: null, interval_ms: 60_000, type: "gauge" as const },
    });
    const custom_metrics = [
      metric(
        "many",
        "with recursive s as (select 1 as n union all select n + 1 from s where n < 500) select n, 'x' as label from s;",
      ),
      metric("writes", "with x as (select 1) delete from parts"),
      metric("drops", "drop table parts"),
      metric("denied", "select count(*) from orders"),
      metric("two", "select count(*) as parts, 0.5 as half from parts"),
      metric("limit", "select @@max_statement_time"),
    ];
    const reader = collector(server.url("shop"), { custom_metrics });
    const [payload] = await reader.collect("custom_metrics");
    await reader.close();
    expect(resultOf(payload, "custom_metrics.many")).toMatchObject({
      status: "ok",
      truncated: true,
    });
    expect(payload?.custom_metrics?.filter(({ name }) => name === "many")).toHaveLength(100);
    expect(payload?.custom_metrics).toContainEqual({
      name: "two_half",
      labels: {},
      value: 0.5,
      type: "gauge",
    });
    expect(payload?.custom_metrics?.find(({ name }) => name === "limit")?.value).toBe(5);
    expect(resultOf(payload, "custom_metrics.drops").code).toBe("read_only");
    expect(resultOf(payload, "custom_metrics.writes").status).toBe("error");
    expect(resultOf(payload, "custom_metrics.denied").code).toBe("no_permission");
    expect(await server.sql("select 1 from shop.parts limit 1")).toEqual([]);
  });

  test("a server that falls silent, one that cuts, a wrong password, nobody there", async () => {
    const url = server.url("shop").replace(String(server.port), String(proxy.port));
    const impatient = { statement_timeout_ms: 2_500 };
    const reader = collector(url, impatient);
    await reader.collect("tables");
    proxy.swallow = true;
    await expect(reader.collect("tables")).rejects.toThrow(/no answer in time/);
    const descriptors = async () => (await readdir("/proc/self/fd")).length;
    const before = await descriptors();
    const config = configFor(url, {}, { type: "mysql", tls: NO_TLS, connect_timeout_ms: 15 });
    const hasty = checkedCollector(config, { grace_ms: 100 });
    for (let cycle = 0; cycle < 30; cycle += 1) {
      await expect(hasty.collect("tables")).rejects.toThrow(UnreachableError);
      await hasty.sample();
    }
    // Sockets are closed a moment after they are given up, on the proxy's side, too.
    await expect.poll(descriptors).toBeLessThan(before + 10);
    proxy.swallow = false;
    expect(resultOf((await reader.collect("tables"))[0], "tables").status).toBe("ok");
    await server.sql(`kill ${(await agentsOf(server))[0]}`);
    expect(resultOf((await reader.collect("tables"))[0], "tables").status).toBe("ok");
    await reader.close();
    for (const bytes of [100, 3_000, 8_000]) {
      proxy.cut_after = bytes;
      const cut = collector(url, impatient);
      const payloads = await cut.collect("tables", "settings", "schema").catch((error: unknown) => {
        expect(error).toBeInstanceOf(UnreachableError);
        return [];
      });
      const lost = payloads.flatMap(({ collectors = [] }) =>
        collectors.filter(({ status, code }) => status === "error" && code === "connection_lost"),
      );
      expect(lost.length).toBeLessThan(2);
      await cut.close();
    }
    const wrong = collector(server.url("shop", "quern_agent", CANARY));
    await expect(wrong.collect()).rejects.toMatchObject({
      ...{ code: "1045", message: expect.stringMatching(/password is wrong/) },
    });
    await expect(wrong.collect()).rejects.not.toThrow(CANARY);
    await expect(collector("mysql://u:p@127.0.0.1:1/d").collect()).rejects.toMatchObject({
      code: "ECONNREFUSED",
    });
  });

  test("sslmode means what it means in libpq", async () => {
    const attempt = async (tls: Partial<TlsConfig>, host = "localhost") => {
      const url = server.url("shop").replace("127.0.0.1", host);
      const reader = collector(url, {}, tls);
      const { aspects } = await reader.testConnection();
      await reader.close();
      const reached = aspects.find(({ aspect }) => aspect === "reachable");
      if (reached?.status !== "ok") return reached?.detail;
      return aspects.find(({ aspect }) => aspect === "tls")?.detail;
    };
    const sslrootcert = file("server.pem");
    expect(await attempt({ sslmode: "disable" })).toBe("not encrypted");
    expect(await attempt({ sslmode: "allow" })).toBe("not encrypted");
    expect(await attempt({ sslmode: "prefer" })).toMatch(/^TLSv1.3.*certificate not verified$/);
    expect(await attempt({ sslmode: "require" })).toMatch(/certificate not verified$/);
    expect(await attempt({ sslmode: "require", sslrootcert })).toMatch(/, certificate verified$/);
    expect(await attempt({ sslmode: "require", sslrootcert: file("other.pem") })).toMatch(
      /sslrootcert/,
    );
    expect(await attempt({ sslmode: "verify-ca" })).toMatch(/signed by itself/);
    expect(await attempt({ sslmode: "verify-ca", sslrootcert }, "127.0.0.1")).toMatch(/verified$/);
    expect(await attempt({ sslmode: "verify-full", sslrootcert })).toMatch(/name verified$/);
    expect(await attempt({ sslmode: "verify-full", sslrootcert }, "127.0.0.1")).toMatch(
      /another name/,
    );
    expect(await attempt({ sslmode: "verify-ca", sslrootcert: file("none") })).toMatch(
      /sslrootcert/,
    );
    await server.sql("create user strict identified by 'secret' require ssl");
    const strict = configFor(
      server.url("mysql", "strict"),
      {},
      { type: "mysql", tls: { ...NO_TLS, sslmode: "allow" } },
    );
    const { aspects } = await checkedCollector(strict).testConnection();
    expect(aspects.find(({ aspect }) => aspect === "tls")?.detail).toMatch(/^TLS/);
  });

  test("a truncated table of statements, a flush, and a restart without performance_schema", async () => {
    const reader = collector();
    const [before] = await reader.collect("statements");
    // Marks have the server's seconds.
    await server.sql(
      "truncate performance_schema.events_statements_summary_by_digest",
      "select sleep(1.1)",
    );
    await server.sql(
      "truncate performance_schema.events_statements_summary_by_digest",
      "flush status",
    );
    const [after] = await reader.collect("statements");
    expect(after?.epochs?.postmaster_start).toBe(before?.epochs?.postmaster_start);
    expect(Date.parse(after?.epochs?.statements_stats_reset ?? "")).toBeGreaterThan(
      Date.parse(before?.epochs?.statements_stats_reset ?? ""),
    );
    expect(after?.epochs?.database_stats_reset).toBe(before?.epochs?.database_stats_reset);

    await server.restart(["--performance-schema=OFF", "--skip-ssl"]);
    await reader.sample();
    const [off] = await reader.collect();
    expect(off?.epochs?.postmaster_start).not.toBe(before?.epochs?.postmaster_start);
    expect(off?.epochs).toMatchObject({ statements_stats_reset: null });
    expect(off?.epochs?.database_stats_reset).toBe(off?.epochs?.postmaster_start);
    expect(resultOf(off, "statements")).toMatchObject({
      ...{
        status: "skipped",
        code: "not_supported",
        hint: expect.stringContaining("performance_schema = ON"),
      },
    });
    expect(resultOf(off, "tables")).toMatchObject({ status: "ok", code: "sizes_only", rows: 2 });
    expect(tableOf(off, "orders")).toMatchObject({
      n_tup_ins: null,
      size_bytes: expect.any(Number),
    });
    expect(resultOf(off, "server.binary_logs").status).toBe("ok");
    expect(off?.server?.wal).toEqual({ wal_buffers_full: 0 });
    await reader.close();
    const unencrypted = collector(server.url("shop"), {}, { sslmode: "require" });
    expect((await unencrypted.testConnection()).aspects[0]?.detail).toMatch(/does not offer TLS/);
    const falls = collector(server.url("shop"), {}, { sslmode: "prefer" });
    expect((await falls.testConnection()).aspects[1]?.detail).toBe("not encrypted");
  });
});
