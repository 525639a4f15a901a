/**
 * What is tested: Quern's own PostgreSQL, which can be stopped, killed and started again at the same address, a
 * team's PostgreSQL on another server, and runners as real processes, started anew when they die.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type RunningPostgres, startPostgres } from "@quern/postmaster/postmaster";
import type { Times } from "@quern/runner/times";
import type { Actor } from "@quern/store/actor";
import { createDatasource } from "@quern/store/datasources";
import { type Database, openDatabase } from "@quern/store/db";
import { ensureKeys, readApiKeys } from "@quern/store/keys";
import { migrate } from "@quern/store/migrate";
import { sealSecret } from "@quern/store/secrets";
import { makeActor } from "@quern/store/testing-fixtures";
import { Client } from "pg";
import { type RunnerProcess, startRunnerProcess } from "./runner-process.ts";

export type SiteOptions = { runners: number; slots: number; times: Partial<Times> };

export type Site = {
  directory: string;
  db: Database;
  actor: Actor;
  datasource: string;
  /** The superuser's, of the team's database. */
  customerUrl: string;
  metadataUrl: string;
  runners: RunnerProcess[];
  /** Ends our PostgreSQL so and starts it again. */
  restartPostgres(how: "fast" | "immediate" | "kill", awayMs: number): Promise<void>;
  /** Tells every runner to end, and starts none any more. */
  stopRunners(): Promise<void>;
  stop(): Promise<void>;
};

/** What a killed process had written stays; only a power loss would need the disk. */
const SETTINGS = { fsync: "off", full_page_writes: "off", max_connections: "150" };

export async function openSite(options: SiteOptions): Promise<Site> {
  const directory = await mkdtemp(join(tmpdir(), "quern-crash-"));
  const postgres = await startPostgres({
    dataDir: join(directory, "metadata"),
    settings: SETTINGS,
  });
  const customer = await startPostgres({
    dataDir: join(directory, "customer"),
    settings: SETTINGS,
  });
  const metadataUrl = postgres.url("postgres");
  const customerUrl = customer.url("postgres");
  await migrate(metadataUrl);
  await ensureKeys(join(directory, "keys"));
  const db = openDatabase(metadataUrl, { max: 12, silence_ms: 10_000, onError: () => {} });
  const actor = await makeActor(db, "admin");
  const datasource = await addDatasource(db, actor, directory, customer);
  await prepare(customerUrl, CUSTOMER);
  await prepare(metadataUrl, AUDIT);
  const server = restartable(postgres, join(directory, "metadata"));
  const fleet = startFleet({ ...options, databaseUrl: metadataUrl, directory }, options.runners);
  await Promise.all(fleet.runners.map(({ ready }) => ready));
  return {
    directory,
    db,
    actor,
    datasource,
    customerUrl,
    metadataUrl,
    runners: fleet.runners,
    restartPostgres: server.restart,
    stopRunners: fleet.stop,
    async stop() {
      await fleet.stop();
      await db.destroy();
      await server.stop();
      await customer.stop("immediate");
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const CUSTOMER = "create table witness (word text not null)";

/** Every change to a final status, counted apart from the run itself. */
const AUDIT = `
  create table ends (run_id uuid not null, status text not null, at timestamptz not null default clock_timestamp());
  create function note_end() returns trigger language plpgsql as $$
  begin
    insert into ends (run_id, status) values (new.id, new.status);
    return null;
  end $$;
  create trigger note_end after update of status on runs for each row
    when (new.status in ('succeeded', 'failed', 'canceled') and new.status is distinct from old.status)
    execute function note_end()`;

async function prepare(url: string, statements: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(statements);
  await client.end();
}

async function addDatasource(
  db: Database,
  actor: Actor,
  directory: string,
  { host, port, superuser, password }: RunningPostgres,
): Promise<string> {
  const id = crypto.randomUUID();
  const keys = await readApiKeys(join(directory, "keys"));
  const binding = { org: actor.org_id, datasource: id, field: "password", version: 1 };
  await createDatasource(db, actor, {
    id,
    name: "Witnesses",
    type: "postgres",
    config: {
      host,
      port,
      user: superuser,
      database: "postgres",
      sslmode: "disable",
      read_only: false,
    },
    secret: await sealSecret(keys.runners, binding, password),
    max_concurrency: 64,
    limits: {},
  });
  return id;
}

/** Restarts wait for each other: two at once would fight for the data directory. */
function restartable(first: RunningPostgres, dataDir: string) {
  let current = first;
  let busy: Promise<void> = Promise.resolve();
  const restart = async (how: "fast" | "immediate" | "kill", awayMs: number) => {
    if (how === "kill") process.kill(current.pid, "SIGKILL");
    else await current.stop(how);
    await current.exited;
    await delay(awayMs);
    current = await startPostgres({ dataDir, port: first.port, settings: SETTINGS });
  };
  return {
    restart(how: "fast" | "immediate" | "kill", awayMs: number): Promise<void> {
      busy = busy.then(() => restart(how, awayMs));
      return busy;
    },
    async stop() {
      await busy;
      await current.stop("immediate");
    },
  };
}

type FleetOptions = SiteOptions & { databaseUrl: string; directory: string };

/** Runners that are replaced when they end, after a moment, as a supervisor would. */
function startFleet(options: FleetOptions, count: number) {
  const runners: RunnerProcess[] = [];
  let stopping = false;
  const begin = (place: number) => {
    const runner = startRunnerProcess(options);
    runners[place] = runner;
    void runner.exited.then(async () => {
      await delay(500);
      if (!stopping) begin(place);
    });
  };
  for (let place = 0; place < count; place++) begin(place);
  return {
    runners,
    async stop() {
      stopping = true;
      for (const runner of runners) {
        runner.signal("SIGCONT");
        runner.signal("SIGTERM");
      }
      await Promise.all(runners.map(({ exited }) => exited));
    },
  };
}
