/** API and runner in this process on a fresh database, with one datasource: for what happens to results. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { start as startApi } from "@quern/api/server";
import { createClient } from "@quern/contract/client";
import { createDatasource } from "@quern/contract/datasources";
import type { Cell, Column } from "@quern/contract/results";
import { type DownloadFormat, downloadRunResult, readRunRows } from "@quern/contract/run-results";
import { createRun, type Run, readRun } from "@quern/contract/runs";
import { start as startRunner } from "@quern/runner/runner";
import { openLog } from "@quern/runtime/log";
import { openDatabase } from "@quern/store/db";
import { ensureKeys } from "@quern/store/keys";
import { emptyDatabase, freshDatabase, testServer } from "@quern/store/testing";
import { makeActor } from "@quern/store/testing-fixtures";
import { createToken } from "@quern/store/tokens";

const LIMITS = { timeout_ms: 60_000, max_rows: 1_000_000, max_bytes: 1024 ** 3 };

export type ResultSite = Awaited<ReturnType<typeof startResultSite>>;

export async function startResultSite() {
  const [metadata, customer] = await Promise.all([freshDatabase(), emptyDatabase()]);
  const directory = await mkdtemp(join(tmpdir(), "quern-results-"));
  await ensureKeys(join(directory, "keys"));
  const settings = {
    DATABASE_URL: metadata.url,
    QUERN_KEYS: join(directory, "keys"),
    QUERN_RESULTS: `file:${join(directory, "results")}`,
    LOG_LEVEL: "fatal" as const,
  };
  const log = openLog("test", "fatal");
  const api = await startApi(
    { ...settings, PORT: 0, HOST: "127.0.0.1", QUERN_BASE_URL: "http://quern.example.test" },
    log,
  );
  const runner = await startRunner(
    {
      ...settings,
      QUERN_DATA_DIR: directory,
      QUERN_RESULTS_INLINE_BYTES: 64 * 1024,
      QUERN_RUNNER_SLOTS: 2,
      QUERN_EXECUTOR_MEMORY_BYTES: 640 * 1024 ** 2,
    },
    log,
  );
  const db = openDatabase(metadata.url);
  const { token } = await createToken(db, await makeActor(db, "admin"), "test", 1);
  const client = createClient(api.address, token);
  const { host, port, user, password } = testServer();
  const config = {
    host,
    port,
    user,
    database: customer.name,
    sslmode: "disable" as const,
    read_only: false,
  };
  const made = await client.call(createDatasource, {
    body: { name: "golden", type: "postgres", config, secret: { password } },
  });
  const datasource = made.id;

  async function begin(sql: string): Promise<string> {
    const { id } = await client.call(createRun, {
      body: { datasource_id: datasource, sql, limits: LIMITS },
    });
    return id;
  }

  async function ended(id: string): Promise<Run> {
    const done = await client.call(readRun, { params: { id }, query: { wait: 60 } });
    if (done.status !== "succeeded")
      throw new Error(`the run ${done.status}: ${JSON.stringify(done.error)}`);
    return done;
  }

  const run = async (sql: string): Promise<Run> => ended(await begin(sql));

  async function pageOf(id: string): Promise<{ columns: Column[]; rows: Cell[][] }> {
    const rows: Cell[][] = [];
    for (;;) {
      const query = { offset: rows.length, limit: 5_000 };
      const page = await client.call(readRunRows, { params: { id }, query });
      rows.push(...page.rows);
      if (rows.length >= page.total) return { columns: page.columns, rows };
    }
  }

  async function download(id: string, format: DownloadFormat): Promise<Response> {
    const query = { raw: "true" as const };
    const url = client.url(downloadRunResult, { params: { id, format }, query });
    return fetch(url, { headers: { authorization: `Bearer ${token}` } });
  }

  async function file(id: string, format: DownloadFormat): Promise<Buffer> {
    const response = await download(id, format);
    if (response.status !== 200) throw new Error(await response.text());
    return Buffer.from(await response.arrayBuffer());
  }

  return {
    address: api.address,
    client,
    token,
    db,
    directory,
    begin,
    ended,
    run,
    pageOf,
    download,
    file,
    async stop() {
      await runner.stop();
      await api.stop();
      await db.destroy();
      await Promise.all([metadata.drop(), customer.drop()]);
      await rm(directory, { recursive: true });
    },
  };
}
