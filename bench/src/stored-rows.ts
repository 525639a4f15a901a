import { createDatasource } from "@quern/contract/datasources";
import { createRun, type Run, readRun } from "@quern/contract/runs";
import { startBenched } from "./benched.ts";
import type { Measure } from "./main.ts";
import { installPsql, psqlToNull } from "./psql.ts";
import { makeSample } from "./sample-rows.ts";
import { elapsed, measure, quantile } from "./times.ts";

const QUERY = "select * from rows";
const MEBIBYTE = 1024 ** 2;

/**
 * 1,000,000 and 10,000,000 rows of seven columns, stored as a result, beside `psql -qAt` throwing the same rows away. Quern's
 * time is the run's own: from the claim to the final status, connecting and storing included.
 */
export async function storedRows(): Promise<Measure[]> {
  await using benched = await startBenched();
  const psql = await installPsql();
  const measures: Measure[] = [];
  for (const [count, rounds] of [
    [1_000_000, 5],
    [10_000_000, 1],
  ] as const) {
    const sample = await makeSample(benched.target, count);
    const { id } = await benched.client.call(createDatasource, {
      body: {
        name: `sample ${count}`,
        type: "postgres",
        config: sample.config,
        secret: { password: sample.password },
      },
    });
    const runs: Run[] = [];
    const peer: number[] = [];
    for (let n = 0; n < rounds; n++) {
      peer.push(await elapsed(() => psqlToNull(psql, sample.url, QUERY)));
      runs.push(await store(benched.client, id, count));
    }
    const times = runs.map((run) => Date.parse(run.finished_at!) - Date.parse(run.claimed_at!));
    const name = `${count.toLocaleString("en")} rows × 7 stored`;
    measures.push(
      measure(`${name}, median, peer: psql -qAt`, median(times) / 1000, median(peer) / 1000, "s"),
      measure(
        `${name}, executor's peak memory, peer: the budget of 250 MB`,
        Math.max(...runs.map((run) => run.peak_rss ?? 0)) / MEBIBYTE,
        250,
        "MB",
      ),
      measure(
        `${name}, runner's memory after it, peer: the budget of 250 MB`,
        (await benched.runnerPeakRss()) / MEBIBYTE,
        250,
        "MB",
      ),
    );
  }
  return measures;
}

async function store(
  client: Awaited<ReturnType<typeof startBenched>>["client"],
  datasource_id: string,
  count: number,
): Promise<Run> {
  const limits = { max_rows: count, max_bytes: 20 * 1024 ** 3, timeout_ms: 600_000 };
  const { id } = await client.call(createRun, { body: { datasource_id, sql: QUERY, limits } });
  for (;;) {
    const run = await client.call(readRun, { params: { id }, query: { wait: 30 } });
    if (run.finished_at === null) continue;
    if (run.status !== "succeeded" || run.rows !== count)
      throw new Error(`the run gave ${run.rows} rows: ${run.error?.message}`);
    return run;
  }
}

function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}
