/** A small installation for one case: a database of its own for Quern and one for a team, on the test run's server. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { DEFAULT_LIMITS, type Limits, type PostgresConfig } from "@quern/contract/datasources";
import type { Run } from "@quern/contract/runs";
import { parsePartStore } from "@quern/results/parts";
import { deleteOrphanedParts } from "@quern/runner/retention";
import { openLog } from "@quern/runtime/log";
import type { Actor } from "@quern/store/actor";
import { createDatasource } from "@quern/store/datasources";
import { type Database, openDatabase } from "@quern/store/db";
import { ensureKeys, readApiKeys } from "@quern/store/keys";
import { sweepLapsedLeases } from "@quern/store/queue";
import { readRun } from "@quern/store/run-history";
import { sealSecret } from "@quern/store/secrets";
import { emptyDatabase, freshDatabase, testServer, testUrl } from "@quern/store/testing";
import { makeActor, makeRun } from "@quern/store/testing-fixtures";
import { Client } from "pg";
import { filesUnder } from "./files.ts";
import { SHORT_TIMES } from "./harness.ts";
import { type RunnerOptions, type RunnerProcess, startRunnerProcess } from "./runner-process.ts";

/** Where a lease has to lapse. Elsewhere `{}`, production's times, lets a busy machine stall for longer. */
const TRIAL_TIMES = { ...SHORT_TIMES, renew_ms: 700, drain_ms: 2_000 };

const QUIET = openLog("tidy", "fatal");

export type Trial = {
  db: Database;
  actor: Actor;
  directory: string;
  metadataUrl: string;
  /** Puts a run into the queue; the limits are the default's but for these. */
  enqueue(
    sql: string,
    options?: { datasource?: string; limits?: Partial<Limits> },
  ): Promise<string>;
  addDatasource(change?: Partial<PostgresConfig>): Promise<string>;
  startRunner(options?: Partial<RunnerOptions>): RunnerProcess;
  read(id: string): Promise<Run>;
  /** Waits until it has ended; sweeping too, when there is no other runner to do so. */
  ended(id: string, options?: { sweep?: boolean }): Promise<Run>;
  until(id: string, ready: (run: Run) => boolean): Promise<Run>;
  /** How often the SQL of `witness(word)` was done. */
  witnesses(word: string): Promise<number>;
  /** How many sessions of runs do something at the team's database now. */
  atWork(text: string): Promise<number>;
  /** Files of the result store, after a sweep as if two hours had gone by. */
  filesAfterSweep(): Promise<string[]>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Leaves a witness, and then streams more than is kept in PostgreSQL: 12,000 rows for a second or two. */
export function witness(word: string, rows = 12_000): string {
  return `insert into witness (word) values ('${word}');
    select i, md5(i::text) as digest, pg_sleep(0.00005) from generate_series(1, ${rows}) as i`;
}

export async function openTrial(): Promise<Trial> {
  const [metadata, customer] = await Promise.all([freshDatabase(), emptyDatabase()]);
  const directory = await mkdtemp(join(tmpdir(), "quern-trial-"));
  await ensureKeys(join(directory, "keys"));
  const db = openDatabase(metadata.url, { max: 4, onError: () => {} });
  const actor = await makeActor(db, "admin");
  const client = new Client({ connectionString: testUrl(customer.name) });
  await client.connect();
  await client.query("create table witness (word text not null)");
  const runners: RunnerProcess[] = [];

  const addDatasource = (change: Partial<PostgresConfig> = {}) =>
    saveDatasource(db, actor, directory, customer.name, change);
  const read = async (id: string) => (await readRun(db, actor, id))!;
  const until = async (id: string, ready: (run: Run) => boolean, sweep = false) => {
    for (let tries = 0; tries < 600; tries++) {
      if (sweep && tries % 5 === 0) await sweepLapsedLeases(db);
      const run = await read(id);
      if (ready(run)) return run;
      await delay(100);
    }
    throw new Error(`run ${id} did not get there: ${JSON.stringify(await read(id))}`);
  };
  const datasource = await addDatasource();
  return {
    db,
    actor,
    directory,
    metadataUrl: metadata.url,
    enqueue: (sql, options = {}) =>
      makeRun(db, actor, options.datasource ?? datasource, {
        sql,
        limits: { ...DEFAULT_LIMITS, ...options.limits },
      }),
    addDatasource,
    startRunner(options = {}) {
      const databaseUrl = metadata.url;
      const runner = startRunnerProcess({
        ...{ databaseUrl, directory, slots: 2, times: TRIAL_TIMES },
        ...options,
      });
      runners.push(runner);
      return runner;
    },
    read,
    until,
    ended: (id, { sweep = false } = {}) =>
      until(id, ({ finished_at }) => finished_at !== null, sweep),
    async witnesses(word) {
      const { rowCount } = await client.query("select from witness where word = $1", [word]);
      return rowCount!;
    },
    async atWork(text) {
      const { rowCount } = await client.query(
        "select from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() and datname = $1 and position($2 in query) > 0",
        [customer.name, text],
      );
      return rowCount!;
    },
    async filesAfterSweep() {
      const partStore = parsePartStore(`file:${directory}/results`);
      const later = Date.now() + 2 * 60 * 60 * 1000;
      await deleteOrphanedParts({ db, partStore, log: QUIET }, later);
      return filesUnder(join(directory, "results"));
    },
    async [Symbol.asyncDispose]() {
      for (const runner of runners) if (runner.isAlive()) runner.signal("SIGKILL");
      await Promise.all(runners.map(({ exited }) => exited));
      await Promise.all([client.end(), db.destroy()]);
      await Promise.all([metadata.drop(), customer.drop()]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function saveDatasource(
  db: Database,
  actor: Actor,
  directory: string,
  database: string,
  change: Partial<PostgresConfig>,
): Promise<string> {
  const { host, port, user, password } = testServer();
  const id = crypto.randomUUID();
  const keys = await readApiKeys(join(directory, "keys"));
  const binding = { org: actor.org_id, datasource: id, field: "password", version: 1 };
  await createDatasource(db, actor, {
    id,
    name: id,
    type: "postgres",
    config: { host, port, user, database, sslmode: "disable", read_only: false, ...change },
    secret: await sealSecret(keys.runners, binding, password),
    max_concurrency: 8,
    limits: {},
  });
  return id;
}
