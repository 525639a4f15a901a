import type { Client } from "@quern/contract/client";
import { createDatasource, type PostgresConfig } from "@quern/contract/datasources";
import { readRunRows } from "@quern/contract/run-results";
import { createRun, readRun } from "@quern/contract/runs";
import pg from "pg";
import { startBenched } from "./benched.ts";
import type { Measure } from "./main.ts";
import { compare, time } from "./times.ts";

/**
 * `select 1` over HTTP, from POST to the row in hand (enqueue, wait, rows: three requests), beside the same statement
 * on a new `pg` connection (Quern opens a session for each run) and on an open one. One client, one request at a time.
 */
export async function selectOne(): Promise<Measure[]> {
  await using benched = await startBenched();
  const { config, password } = benched.target;
  const { id } = await benched.client.call(createDatasource, {
    body: { name: "bench", type: "postgres", config, secret: { password } },
  });
  const quern = await time(() => overHttp(benched.client, id));
  const connecting = await time(() => newConnection(config, password));
  await using open = await openConnection(config, password);
  const connected = await time(() => open.query());
  return [
    compare("select 1, p50, peer: pg, new connection", quern, connecting, 0.5),
    compare("select 1, p99, peer: pg, new connection", quern, connecting, 0.99),
    compare("select 1, p50, peer: pg, open connection", quern, connected, 0.5),
    compare("select 1, p99, peer: pg, open connection", quern, connected, 0.99),
  ];
}

async function overHttp(client: Client, datasource_id: string): Promise<void> {
  const { id } = await client.call(createRun, { body: { datasource_id, sql: "select 1" } });
  await client.call(readRun, { params: { id }, query: { wait: 30 } });
  const { rows } = await client.call(readRunRows, { params: { id } });
  if (rows[0]?.[0] !== 1) throw new Error(`select 1 gave ${JSON.stringify(rows)}`);
}

function connectionOf({ host, port, database, user }: PostgresConfig, password: string) {
  return new pg.Client({ host, port, database, user, password });
}

async function newConnection(config: PostgresConfig, password: string): Promise<void> {
  const client = connectionOf(config, password);
  await client.connect();
  await client.query("select 1");
  await client.end();
}

async function openConnection(config: PostgresConfig, password: string) {
  const client = connectionOf(config, password);
  await client.connect();
  return {
    query: () => client.query("select 1"),
    [Symbol.asyncDispose]: () => client.end(),
  };
}
