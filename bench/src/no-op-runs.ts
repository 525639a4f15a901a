import { createDatasource } from "@quern/contract/datasources";
import { createRun } from "@quern/contract/runs";
import { makeWorkerUtils, run as startWorker } from "graphile-worker";
import pg from "pg";
import { startBenched } from "./benched.ts";
import type { Measure } from "./main.ts";
import { elapsed, measure } from "./times.ts";

const RUNS = 1_000;
const JOBS = 10_000;
const SLOTS = 8;

/**
 * Runs that do nothing (`select 1`), through one runner with full history and stored results, beside graphile-worker's jobs that do
 * nothing: as many at once, from the moment that all are queued. Their queue needs no result, no history and no datasource.
 */
export async function noOpRuns(): Promise<Measure[]> {
  await using benched = await startBenched({ slots: SLOTS, runner: false });
  const { client } = benched;
  const { config, password } = benched.target;
  const { id: datasource_id } = await client.call(createDatasource, {
    body: {
      name: "bench",
      type: "postgres",
      config,
      secret: { password },
      max_concurrency: 100,
    },
  });
  for (let queued = 0; queued < RUNS; queued += 50) {
    await Promise.all(
      Array.from({ length: 50 }, () =>
        client.call(createRun, { body: { datasource_id, sql: "select 1" } }),
      ),
    );
  }
  const quern = await elapsed(async () => {
    await benched.startRunner();
    await untilDone(benched.databaseUrl);
  });
  const peer = await graphileWorker(benched.databaseUrl);
  return [
    measure(
      "no-op runs through one runner, peer: graphile-worker",
      RUNS / (quern / 1000),
      JOBS / (peer / 1000),
      "/s",
    ),
  ];
}

async function untilDone(connectionString: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  for (;;) {
    const { rows } = await client.query(
      "select exists (select from queue) or exists (select from runs where status = 'running') as busy",
    );
    if (!rows[0].busy) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await client.end();
}

/** Milliseconds for all jobs, from the start of the worker. */
async function graphileWorker(connectionString: string): Promise<number> {
  let done = 0;
  let finished = () => {};
  const over = new Promise<void>((resolve) => {
    finished = resolve;
  });
  const options = { connectionString, concurrency: SLOTS, noHandleSignals: true };
  const queue = await makeWorkerUtils({ connectionString });
  await queue.migrate();
  for (let queued = 0; queued < JOBS; queued += 1000)
    await queue.addJobs(
      Array.from({ length: 1000 }, () => ({ identifier: "nothing", payload: {} })),
    );
  await queue.release();
  const taskList = {
    nothing: async () => {
      done += 1;
      if (done === JOBS) finished();
    },
  };
  return elapsed(async () => {
    const worker = await startWorker({ ...options, taskList });
    await over;
    await worker.stop();
  });
}
