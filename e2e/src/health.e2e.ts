/**
 * Health as a person has it: the agent's single file beside a server that things are done to, Quern that takes what it sends,
 * findings and marks that appear, fixes that are pressed and mend. And nothing of anybody's data comes along.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { inflateRawSync } from "node:zlib";
import { printHelperSql } from "@quern/agent/postgres/helper-sql";
import { startTestServer, type TestServer } from "@quern/agent/testing-postgres/server";
import type { Client } from "@quern/contract/client";
import { createDatasource } from "@quern/contract/datasources";
import { createAgent } from "@quern/contract/health/agents";
import { listDatabases, readMetrics } from "@quern/contract/health/databases";
import { listEvents } from "@quern/contract/health/events";
import {
  evaluateRules,
  type Finding,
  listFindings,
  listRules,
} from "@quern/contract/health/findings";
import { createRun, readRun } from "@quern/contract/runs";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Quern, signInClient, startQuern } from "./quern.ts";

const run = promisify(execFile);
const ADMIN = { email: "health@example.test", password: "correct horse battery" };
const CANARY = "zqcanary9035";
/** Nobody who waits for less is told of. */
const LONG_S = 30;

let folder: string;
let file: string;
let server: TestServer;
let quern: Quern;
let api: Client;
let database_id: string;
let datasource_id: string;
let agentEnv: NodeJS.ProcessEnv;
let heldSince: number;
const sessions: pg.Client[] = [];
const agentOutput: string[] = [];

const PLANTED = [
  "create extension pg_stat_statements",
  "create role mon login",
  "grant pg_monitor to mon",
  `create role keeper login password '${CANARY}'`,
  `create table visits (id bigint primary key, note text default '${CANARY}' check (note <> '${CANARY}x'))`,
  `comment on table visits is '${CANARY}'`,
  `create index visits_note on visits (lower(note || '${CANARY}')) where note <> '${CANARY}'`,
  `create view seen as select '${CANARY}'::text as word`,
  `create type mood as enum ('${CANARY}', 'calm')`,
  `insert into visits (id, note) select n, '${CANARY}' || n from generate_series(1, 100) as n`,
  `select count(*) from visits where note = '${CANARY}' /* ${CANARY} */`,
  `do $body$ begin perform '${CANARY}'; end $body$`,
  `copy visits to program 'cat > /dev/null # ${CANARY}'`,
  `alter system set archive_command = 'cp %p /${CANARY}'`,
  `create function lookup() returns text language sql as $$ select '${CANARY}' $$`,
  "create table orders (id serial primary key, total int not null)",
  "create table lines (id bigint primary key, order_id int not null references orders)",
  "create index lines_order_id on lines (order_id)",
  "insert into orders (total) select 1 from generate_series(1, 10000)",
  "insert into lines select n, n from generate_series(1, 10000) as n",
  "analyze",
];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "quern-health-"));
  file = join(folder, "quern-agent.mjs");
  server = await startTestServer(18);
  await server.sql("create database shop");
  for (const statement of PLANTED) await server.sql(statement, "shop");
  await server.sql(printHelperSql("mon"), "shop");
  await holdLock();
  [quern] = await Promise.all([
    startQuern({ QUERN_ADMIN_EMAIL: ADMIN.email, QUERN_ADMIN_PASSWORD: ADMIN.password }),
    bundleAgent(),
  ]);
  api = await signInClient(quern.url, ADMIN.email, ADMIN.password);
  const { port } = server;
  const config = { host: "127.0.0.1", port, database: "shop", user: "postgres" } as const;
  const made = await api.call(createDatasource, {
    body: {
      ...{ name: "Shop", type: "postgres", secret: { password: "secret" } },
      config: { ...config, sslmode: "disable", read_only: false },
    },
  });
  datasource_id = made.id;
  const { api_key, signing_secret, endpoint } = await api.call(createAgent, {
    body: { name: "Beside the shop" },
  });
  agentEnv = {
    ...{ PATH: process.env.PATH, HOME: folder, DATABASE_URL: server.url("shop", "mon") },
    ...{ DATAPACE_ENDPOINT: endpoint, DATAPACE_API_KEY: api_key },
    ...{ DATAPACE_SIGNING_SECRET: signing_secret, DATAPACE_HEALTH_PORT: "0", LOG_LEVEL: "debug" },
    QUERN_SPOOL_DIR: join(folder, "state"),
  };
  await send();
  const { items } = await api.call(listDatabases, { query: {} });
  database_id = items.find(({ name }) => name === "shop")!.id;
});
afterAll(async () => {
  for (const session of sessions) await session.end().catch(ignoreEnd);
  await quern?.[Symbol.asyncDispose]();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A transaction that is left open with a row locked, somebody who waits for that, and another that is left open. */
async function holdLock(): Promise<void> {
  for (let n = 0; n < 3; n += 1) sessions.push(await server.session("shop"));
  const [holder, waiter, idle] = sessions;
  await holder!.query(`begin; update orders set total = 2 where id = 1; select '${CANARY}'`);
  await idle!.query(`begin; select count(*) from visits where note = '${CANARY}'`);
  void waiter!.query("update orders set total = 3 where id = 1").catch(ignoreEnd);
  heldSince = Date.now();
}

async function bundleAgent(): Promise<void> {
  const args = ["run", "bundle", "-w", "@quern/agent", "--silent", "--", "--file", file];
  await run("npm", args, { cwd: new URL("../..", import.meta.url) });
}

/** The agent reads once and sends it. */
async function send(): Promise<void> {
  const { stdout, stderr } = await run(process.execPath, [file, "--once"], { env: agentEnv });
  agentOutput.push(stdout, stderr);
}

/** What the advisors say, of the rules that were broken, when they are asked anew. */
async function judged(expected: "finding" | "ok"): Promise<Finding[]> {
  const params = { id: database_id };
  await api.call(evaluateRules, { params, body: {} });
  const states = async () => {
    const { items } = await api.call(listRules, { params });
    return BROKEN.map((rule) => {
      const { state, reason } = items.find((each) => each.rule === rule)!;
      return { rule, state, reason };
    });
  };
  await expect
    .poll(states, { timeout: 40_000 })
    .toEqual(BROKEN.map((rule) => expect.objectContaining({ rule, state: expected })));
  return (await api.call(listFindings, { query: { database_id } })).items;
}

/** Runs the fix of a finding as it is, on the datasource that is the same database. */
async function press({ rule, fix }: Finding): Promise<void> {
  const started = await api.call(createRun, { body: { datasource_id, sql: fix!.sql! } });
  const ended = await api.call(readRun, { params: started, query: { wait: 30 } });
  expect([rule, ended.status, ended.error]).toEqual([rule, "succeeded", null]);
}

async function eventTypes(): Promise<string[]> {
  const { items } = await api.call(listEvents, { params: { id: database_id }, query: {} });
  return items.map(({ type }) => type);
}

const BROKEN = [
  ...["blocked-sessions", "idle-in-transaction", "sequence-exhaustion", "unindexed-foreign-key"],
] as const;

test("an index dropped, a lock held, transactions left open and a sequence that is full are found, and their fixes mend them", async () => {
  await server.sql("drop index lines_order_id; select setval('orders_id_seq', 2140000000)", "shop");
  const wait = heldSince + (LONG_S + 1) * 1_000 - Date.now();
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, wait)));
  await send();
  const found = await judged("finding");
  expect(await eventTypes()).toContain("schema");
  const of = (rule: string) => found.find((each) => each.rule === rule)!;
  expect(of("sequence-exhaustion")).toMatchObject({
    severity: "critical",
    object: "public.orders_id_seq",
  });
  expect(of("blocked-sessions").evidence.map(({ key }) => key)).toContain("longest_wait");
  for (const rule of ["blocked-sessions", "sequence-exhaustion", "unindexed-foreign-key"])
    await press(of(rule));
  await send();
  await judged("ok");
});

test("statistics that were reset and a backend that was killed are marks, and no rates", async () => {
  await server.sql("select pg_stat_reset(), pg_stat_statements_reset()", "shop");
  await send();
  expect(await eventTypes()).toEqual(
    expect.arrayContaining(["statistics_reset", "statements_reset"]),
  );
  const victim = await server.session("shop");
  const { rows } = await victim.query<{ pid: string }>("select pg_backend_pid() as pid");
  process.kill(Number(rows[0]!.pid), "SIGKILL");
  await expect
    .poll(() => server.sql("select 1 as up", "shop").catch(() => []), { timeout: 20_000 })
    .toEqual([{ up: "1" }]);
  await send();
  expect(await eventTypes()).toContain("crash");
  const { marks, series } = await api.call(readMetrics, {
    params: { id: database_id },
    query: { names: "xact_commit" },
  });
  expect(marks.map(({ mark }) => mark)).toEqual(expect.arrayContaining(["reset", "crash"]));
  const rates = series[0]!.values.filter((value) => value !== null);
  expect(rates.filter((value) => value < 0 || value > 10_000)).toEqual([]);
});

test("no literal, password or row came along: not in a table of Quern's, not in a log", async () => {
  const url = (await readFile(join(quern.dataDir, "secrets/database.url"), "utf8")).trim();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      "select oid::regclass::text as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace",
    );
    // The schema of a datasource, which is no part of Health, has defaults as they are.
    const ofHealth = tables.filter(({ name }) => name !== "datasource_schemas");
    expect(ofHealth.length).toBeGreaterThan(60);
    for (const { name } of ofHealth) {
      const told = await client.query(
        `select 1 from ${name} as t where t::text like '%${CANARY}%' limit 1`,
      );
      expect([name, told.rows]).toEqual([name, []]);
    }
    const { rows: packed } = await client.query<{ counters: Buffer }>(
      "select counters from health_counters",
    );
    expect(packed.length).toBeGreaterThan(3);
    for (const { counters } of packed)
      expect(inflateRawSync(counters).toString()).not.toContain(CANARY);
    const { rows: texts } = await client.query(
      "select from health_statements where query like '%visits%'",
    );
    expect(texts.length, "its statements did come").toBeGreaterThan(0);
  } finally {
    await client.end();
  }
  const logs = join(quern.dataDir, "logs");
  const lines = await Promise.all(
    (await readdir(logs)).map((name) => readFile(join(logs, name), "utf8")),
  );
  expect(lines.join("").length).toBeGreaterThan(100);
  expect(
    [...lines, ...agentOutput, quern.output()].filter((text) => text.includes(CANARY)),
  ).toEqual([]);
});

/** Whoever is ended by a fix, or by a crash, hears of it. */
function ignoreEnd(error: unknown): void {
  if (!(error instanceof Error)) throw error;
}
