import type { Client } from "@quern/contract/client";
import { createDatasource } from "@quern/contract/datasources";
import { cancelRun, createRun, readRun } from "@quern/contract/runs";
import pg from "pg";
import { startBenched } from "./benched.ts";
import type { Measure } from "./main.ts";
import { compare } from "./times.ts";

const ROUNDS = 60;
const SLEEP = "select pg_sleep(60)";

/**
 * From asking to cancel until the server was seen to have stopped, for a run over HTTP beside `pg_cancel_backend` on an
 * open connection. The same third connection sees both, looking at pg_stat_activity without a pause.
 */
export async function cancel(): Promise<Measure[]> {
  await using benched = await startBenched();
  const { config, password } = benched.target;
  const { host, port, database, user } = config;
  const connect = async () => {
    const client = new pg.Client({ host, port, database, user, password });
    client.on("error", () => {});
    await client.connect();
    return client;
  };
  const { id } = await benched.client.call(createDatasource, {
    body: { name: "bench", type: "postgres", config, secret: { password } },
  });
  const watcher = await connect();
  const canceler = await connect();
  const quern: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    quern.push(await cancelOverHttp(benched.client, id, watcher));
    bare.push(await cancelBackend(await connect(), canceler, watcher));
  }
  await watcher.end();
  await canceler.end();
  for (const times of [quern, bare]) times.sort((a, b) => a - b);
  return [
    compare("cancel seen at the server, p50, peer: pg_cancel_backend", quern, bare, 0.5),
    compare("cancel seen at the server, p95, peer: pg_cancel_backend", quern, bare, 0.95),
  ];
}

async function cancelOverHttp(
  client: Client,
  datasource_id: string,
  watcher: pg.Client,
): Promise<number> {
  const { id } = await client.call(createRun, { body: { datasource_id, sql: SLEEP } });
  const where = `application_name = 'quern run=${id}'`;
  await until(watcher, where, true);
  const asked = performance.now();
  await client.call(cancelRun, { params: { id } });
  await until(watcher, where, false);
  const seen = performance.now() - asked;
  const run = await client.call(readRun, { params: { id }, query: { wait: 30 } });
  if (run.status !== "canceled" || run.cancel?.confirmed !== true) {
    throw new Error(`the run is ${run.status}, confirmed ${run.cancel?.confirmed}`);
  }
  return seen;
}

async function cancelBackend(
  worker: pg.Client,
  canceler: pg.Client,
  watcher: pg.Client,
): Promise<number> {
  const { rows } = await worker.query<{ pid: number }>("select pg_backend_pid() as pid");
  const sleeping = worker.query(SLEEP).catch((error: unknown) => {
    if (!(error instanceof pg.DatabaseError && error.code === "57014")) throw error;
  });
  const where = `pid = ${rows[0]!.pid}`;
  await until(watcher, where, true);
  const asked = performance.now();
  await canceler.query("select pg_cancel_backend($1)", [rows[0]!.pid]);
  await until(watcher, where, false);
  const seen = performance.now() - asked;
  await sleeping;
  await worker.end();
  return seen;
}

/** Whether the statement is at work there. */
async function until(watcher: pg.Client, where: string, working: boolean): Promise<void> {
  for (;;) {
    const { rowCount } = await watcher.query(
      `select from pg_stat_activity where state = 'active' and query like '${SLEEP}%' and ${where}`,
    );
    if ((rowCount === 1) === working) return;
  }
}
