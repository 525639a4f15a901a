/** A server that things are done to: a store with secrets planted everywhere, sessions that hold each other up, and its agent. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { printHelperSql } from "@quern/agent/postgres/helper-sql";
import { startTestServer, type TestServer } from "@quern/agent/testing-postgres/server";
import type { Client } from "@quern/contract/client";
import { createAgent } from "@quern/contract/health/agents";
import type pg from "pg";
import { expect, vi } from "vitest";

const run = promisify(execFile);
export const CANARY = "zqcanary9035";
/** Nobody who waits for less is told of. */
const LONG_S = 30;

export type Store = {
  server: TestServer;
  /** All that the agent printed. */
  output: string[];
  /** Gives the agent its file and its keys. */
  equip(client: Client): Promise<void>;
  /** The agent reads once and sends it. */
  send(): Promise<void>;
  /** Resolves when those who wait have waited for longer than it takes to be told of. */
  waitedLong(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

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

export async function openStore(): Promise<Store> {
  const folder = await mkdtemp(join(tmpdir(), "quern-health-"));
  const file = join(folder, "quern-agent.mjs");
  const server = await startTestServer(18);
  await server.sql("create database store");
  for (const statement of PLANTED) await server.sql(statement, "store");
  await server.sql(printHelperSql("mon"), "store");
  const sessions = await holdLock(server);
  const output: string[] = [];
  let env: NodeJS.ProcessEnv = {};
  return {
    ...{ server, output },
    async equip(client) {
      const { api_key, signing_secret, endpoint } = await client.call(createAgent, {
        body: { name: "Beside the store" },
      });
      env = {
        ...{ PATH: process.env.PATH, HOME: folder, DATABASE_URL: server.url("store", "mon") },
        ...{ DATAPACE_ENDPOINT: endpoint, DATAPACE_API_KEY: api_key },
        ...{ DATAPACE_SIGNING_SECRET: signing_secret, DATAPACE_HEALTH_PORT: "0" },
        ...{ LOG_LEVEL: "debug", QUERN_SPOOL_DIR: join(folder, "state") },
      };
      const served = await fetch(new URL("/quern-agent.mjs", endpoint));
      if (!served.ok) throw new Error(`the agent is not served: ${served.status}`);
      await writeFile(file, await served.text());
    },
    async send() {
      const { stdout, stderr } = await run(process.execPath, [file, "--once"], { env });
      output.push(stdout, stderr);
    },
    waitedLong: () => expectWaiting(server, LONG_S + 1),
    async [Symbol.asyncDispose]() {
      // Of some the server has ended the connection, or is gone.
      for (const session of sessions) await session.end().catch(ignoreEnd);
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A transaction that is left open with a row locked, somebody who waits for that, and another that is left open. */
async function holdLock(server: TestServer): Promise<pg.Client[]> {
  const sessions: pg.Client[] = [];
  for (let n = 0; n < 3; n += 1) sessions.push(await server.session("store"));
  const [holder, waiter, idle] = sessions;
  await holder!.query(`begin; update orders set total = 2 where id = 1; select '${CANARY}'`);
  await idle!.query(`begin; select count(*) from visits where note = '${CANARY}'`);
  void waiter!.query("update orders set total = 3 where id = 1").catch(ignoreEnd);
  await expectWaiting(server, 0);
  return sessions;
}

/** Until the one that waits for the lock has done so for `seconds`. */
async function expectWaiting(server: TestServer, seconds: number): Promise<void> {
  const waiting = `
    select from pg_stat_activity
    where wait_event_type = 'Lock' and clock_timestamp() - query_start > interval '${seconds} s'`;
  const seen = async () => expect(await server.sql(waiting, "store")).toHaveLength(1);
  await vi.waitFor(seen, { timeout: (seconds + 20) * 1_000, interval: 250 });
}

/** SQLSTATEs of an administrator's end and of a crash, and of a server that starts; what the system calls a connection that is gone. */
const ENDS = ["57P01", "57P02", "57P03", "ECONNRESET", "ECONNREFUSED", "EPIPE"];

/** Whoever is ended by a fix or by a crash hears of it, or sees its connection closed. */
export function ignoreEnd(error: unknown): void {
  if (!(error instanceof Error)) throw error;
  if ("code" in error && typeof error.code === "string" && ENDS.includes(error.code)) return;
  if (!error.message.startsWith("Connection terminated")) throw error;
}
