import { type Client, ProblemError } from "@quern/contract/client";
import { createDatasource } from "@quern/contract/datasources";
import { readRunRows } from "@quern/contract/run-results";
import { createRun, readRun } from "@quern/contract/runs";
import pg from "pg";
import { startBenched } from "./benched.ts";
import type { Measure } from "./main.ts";
import { makeSample } from "./sample-rows.ts";
import { elapsed, measure, quantile } from "./times.ts";

const ROWS = 1_000_000;
const ROUNDS = 5;

/**
 * From the POST of a run of 1,000,000 rows to its first page over HTTP, while it goes on; beside the time until `pg` has all of
 * these rows, which is when a tool that reads a result before it shows it begins to show.
 */
export async function firstRows(): Promise<Measure[]> {
  await using benched = await startBenched();
  const sample = await makeSample(benched.target, ROWS);
  const { id } = await benched.client.call(createDatasource, {
    body: {
      name: "sample",
      type: "postgres",
      config: sample.config,
      secret: { password: sample.password },
    },
  });
  const quern: number[] = [];
  const peer: number[] = [];
  for (let n = 0; n < ROUNDS; n++) {
    quern.push(await firstPage(benched.client, id));
    const client = new pg.Client({ connectionString: sample.url });
    await client.connect();
    peer.push(await elapsed(() => client.query({ text: "select * from rows", rowMode: "array" })));
    await client.end();
  }
  const median = (times: number[]) =>
    quantile(
      times.sort((a, b) => a - b),
      0.5,
    );
  return [
    measure(
      "first page of 1,000,000 rows × 7 over HTTP, median, peer: all of them in pg",
      median(quern),
      median(peer),
      "ms",
    ),
  ];
}

/** Milliseconds. The run is at its end when this resolves. */
async function firstPage(client: Client, datasource_id: string): Promise<number> {
  const limits = { max_rows: ROWS, max_bytes: 20 * 1024 ** 3 };
  let id = "";
  const took = await elapsed(async () => {
    ({ id } = await client.call(createRun, {
      body: { datasource_id, sql: "select * from rows", limits },
    }));
    while (!(await hasRows(client, id))) await new Promise((resolve) => setTimeout(resolve, 20));
  });
  while (
    (await client.call(readRun, { params: { id }, query: { wait: 30 } })).finished_at === null
  );
  return took;
}

async function hasRows(client: Client, id: string): Promise<boolean> {
  try {
    const { rows } = await client.call(readRunRows, { params: { id }, query: { limit: 100 } });
    return rows.length === 100;
  } catch (error) {
    if (error instanceof ProblemError && error.problem.code === "run_not_finished") return false;
    throw error;
  }
}
