/** One API and one runner that log everything, serve metrics and send traces, with a customer's database to run SQL on. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createClient } from "@quern/contract/client";
import { createDatasource } from "@quern/contract/datasources";
import { type Database, openDatabase } from "@quern/store/db";
import { ensureKeys } from "@quern/store/keys";
import { emptyDatabase, freshDatabase, testServer } from "@quern/store/testing";
import { makeActor } from "@quern/store/testing-fixtures";
import { createToken } from "@quern/store/tokens";
import pg from "pg";
import { type LoggedProcess, startLogged } from "./logged-process.ts";
import { type OtlpReceiver, startOtlpReceiver } from "./otlp-receiver.ts";

export type Observed = {
  api: LoggedProcess;
  runner: LoggedProcess;
  /** Where the API serves. */
  url: string;
  receiver: OtlpReceiver;
  /** Of both processes, to start more of them. */
  environment: Record<string, string>;
  db: Database;
  /** An admin's access token, and a client that acts by it. */
  token: string;
  client: Client;
  /** In the customer's database, as its superuser. */
  asCustomer(statement: string): Promise<void>;
  /** Adds the customer's database as a datasource, with the role that Quern has there. */
  addDatasource(name: string, password: string): Promise<string>;
  /** What is given to that role. */
  role: string;
  stop(): Promise<void>;
};

/** `password` is the role's in the customer's database, `collectorKey` the header that a collector wants. */
export async function startObserved(secrets: {
  password: string;
  collectorKey: string;
}): Promise<Observed> {
  const [metadata, customer, receiver] = await Promise.all([
    freshDatabase(),
    emptyDatabase(),
    startOtlpReceiver(),
  ]);
  const asCustomer = (statement: string) => runAsSuperuser(customer.name, statement);
  const role = `observed_${randomBytes(6).toString("hex")}`;
  await asCustomer(`create role ${role} login password '${secrets.password}'`);
  const directory = await mkdtemp(join(tmpdir(), "quern-observed-"));
  await ensureKeys(join(directory, "keys"));
  await writeFile(join(directory, "database.url"), metadata.url);
  await writeFile(join(directory, "collector.headers"), `x-key=${secrets.collectorKey}`);
  const environment = {
    DATABASE_URL_FILE: join(directory, "database.url"),
    QUERN_KEYS: join(directory, "keys"),
    QUERN_DATA_DIR: directory,
    QUERN_RESULTS: `file:${join(directory, "results")}`,
    QUERN_RESULTS_INLINE_BYTES: "1024",
    PORT: "0",
    QUERN_METRICS_ADDR: "127.0.0.1:0",
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    OTEL_EXPORTER_OTLP_HEADERS_FILE: join(directory, "collector.headers"),
    LOG_LEVEL: "trace",
  };
  const api = startLogged("api", environment);
  const runner = startLogged("runner", environment);
  const db = openDatabase(metadata.url);
  const { token } = await createToken(db, await makeActor(db, "admin"), "observed", 1);
  const url = String((await api.line("serving")).address);
  await runner.line("claiming runs");
  const client = createClient(url, token);
  return {
    api,
    runner,
    url,
    receiver,
    environment,
    db,
    token,
    client,
    asCustomer,
    role,
    async addDatasource(name, password) {
      const { host, port } = testServer();
      const where = { host, port, user: role, database: customer.name };
      const config = { ...where, sslmode: "disable", read_only: true } as const;
      const body = { name, type: "postgres", config, secret: { password } } as const;
      return (await client.call(createDatasource, { body })).id;
    },
    async stop() {
      await Promise.all([api.stop(), runner.stop()]);
      await db.destroy();
      await receiver[Symbol.asyncDispose]();
      await asCustomer(`drop owned by ${role}; drop role ${role}`);
      await Promise.all([metadata.drop(), customer.drop()]);
      await rm(directory, { recursive: true });
    },
  };
}

async function runAsSuperuser(database: string, statement: string): Promise<void> {
  const { host, port, user, password } = testServer();
  const superuser = new pg.Client({ host, port, user, password, database });
  await superuser.connect();
  await superuser.query(statement);
  await superuser.end();
}
