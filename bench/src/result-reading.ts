import { createDatasource } from "@quern/contract/datasources";
import { readRunRows } from "@quern/contract/run-results";
import { createRun, readRun } from "@quern/contract/runs";
import pg from "pg";
import { startBenched } from "./benched.ts";
import type { Measure } from "./main.ts";
import { installPsql, psqlBytes } from "./psql.ts";
import { makeSample } from "./sample-rows.ts";
import { compare, measure, time } from "./times.ts";

const ROWS = 1_000_000;
const PAGE = 100;

/**
 * A stored result of 1,000,000 rows read back: 100 rows at a random offset over HTTP, beside the same rows by an index on an open
 * connection; and the whole of it as csv, beside psql's own csv of the table.
 */
export async function resultReading(): Promise<Measure[]> {
  await using benched = await startBenched();
  const { client } = benched;
  const sample = await makeSample(benched.target, ROWS);
  const { id: datasource_id } = await client.call(createDatasource, {
    body: {
      name: "sample",
      type: "postgres",
      config: sample.config,
      secret: { password: sample.password },
    },
  });
  const limits = { max_rows: ROWS, max_bytes: 20 * 1024 ** 3 };
  const { id } = await client.call(createRun, {
    body: { datasource_id, sql: "select * from rows order by id", limits },
  });
  while (
    (await client.call(readRun, { params: { id }, query: { wait: 30 } })).finished_at === null
  );

  const offset = () => Math.floor(Math.random() * (ROWS - PAGE));
  const page = await time(
    async () => {
      const first = offset();
      const { rows } = await client.call(readRunRows, {
        params: { id },
        query: { offset: first, limit: PAGE },
      });
      if (rows[0]?.[0] !== String(first + 1) || rows.length !== PAGE)
        throw new Error(`row ${first} is ${rows[0]?.[0]}`);
    },
    { rounds: 300 },
  );
  const open = new pg.Client({ connectionString: sample.url });
  await open.connect();
  const indexed = await time(
    async () => {
      const first = offset();
      await open.query("select * from rows where id > $1 order by id limit $2", [first, PAGE]);
    },
    { rounds: 300 },
  );
  await open.end();

  const psql = await installPsql();
  const mine = await rate(async () => {
    const file = await fetch(`${benched.url}/api/v1/runs/${id}/result.csv`, {
      headers: { authorization: `Bearer ${benched.token}` },
    });
    let bytes = 0;
    for await (const chunk of file.body!) bytes += (chunk as Uint8Array).length;
    return bytes;
  });
  const theirs = await rate(() =>
    psqlBytes(psql, sample.url, "copy (select * from rows order by id) to stdout (format csv)"),
  );
  return [
    compare(
      "100 rows at a random offset of 1M over HTTP, p50, peer: pg by index",
      page,
      indexed,
      0.5,
    ),
    compare(
      "100 rows at a random offset of 1M over HTTP, p99, peer: pg by index",
      page,
      indexed,
      0.99,
    ),
    measure("csv of 1M rows × 7, peer: psql copy to csv", mine, theirs, "MB/s"),
  ];
}

/** Megabytes in a second. */
async function rate(work: () => Promise<number>): Promise<number> {
  const start = performance.now();
  const bytes = await work();
  return bytes / 1e6 / ((performance.now() - start) / 1000);
}
