/**
 * Databases for tests, on the server that the test run started. Only tests may import this file.
 */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";
import { migrate } from "./migrate.ts";

export type TestServer = {
  host: "127.0.0.1";
  port: number;
  socketDir: string;
  /** The superuser. */
  user: string;
  password: string;
};

declare module "vitest" {
  interface ProvidedContext {
    postgres: TestServer;
  }
}

export type TestDatabase = {
  name: string;
  url: string;
  /** Drops the database, ending what is still connected to it. */
  drop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

const TEMPLATE = "quern_template";
const OWNER = "quern";
const OWNER_PASSWORD = "quern";
/** Taken while the template is made: the first of several test files does it, the others wait. */
const TEMPLATE_LOCK = 7_483_021;

/** The superuser's way into the server of this test run. */
export function testServer(): TestServer {
  return inject("postgres");
}

/** A connection URL on the test server; the superuser's unless said otherwise. */
export function testUrl(
  database: string,
  user = testServer().user,
  password = testServer().password,
): string {
  const { host, port } = testServer();
  return `postgres://${user}:${password}@${host}:${port}/${database}`;
}

/** A migrated metadata database of its own, reached as the role `quern`, as in production. */
export async function freshDatabase(): Promise<TestDatabase> {
  await asSuperuser("postgres", ensureTemplate);
  const name = `quern_${randomBytes(6).toString("hex")}`;
  await asSuperuser("postgres", (client) =>
    client.query(`create database ${name} template ${TEMPLATE} owner ${OWNER}`),
  );
  return disposable(name, testUrl(name, OWNER, OWNER_PASSWORD));
}

/** An empty database, reached as the superuser: a customer's, for tests of connectors. */
export async function emptyDatabase(encoding = "UTF8"): Promise<TestDatabase> {
  const name = `customer_${randomBytes(6).toString("hex")}`;
  await asSuperuser("postgres", (client) =>
    client.query(`create database ${name} template template0 encoding '${encoding}'
                  locale_provider libc locale 'C'`),
  );
  return disposable(name, testUrl(name));
}

function disposable(name: string, url: string): TestDatabase {
  const drop = async () => {
    await asSuperuser("postgres", (client) =>
      client.query(`drop database if exists ${name} with (force)`),
    );
  };
  return { name, url, drop, [Symbol.asyncDispose]: drop };
}

async function ensureTemplate(client: pg.Client): Promise<void> {
  await client.query("select pg_advisory_lock($1)", [TEMPLATE_LOCK]);
  const { rowCount } = await client.query("select from pg_database where datname = $1", [TEMPLATE]);
  if (rowCount === 1) return;
  const building = `${TEMPLATE}_building`;
  await client.query(`drop database if exists ${building} with (force)`);
  await client.query(`drop role if exists ${OWNER}`);
  await client.query(`create role ${OWNER} login password '${OWNER_PASSWORD}'`);
  await client.query(`create database ${building} owner ${OWNER}`);
  await migrate(testUrl(building, OWNER, OWNER_PASSWORD));
  await client.query(`alter database ${building} rename to ${TEMPLATE}`);
}

async function asSuperuser<T>(
  database: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: testUrl(database) });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
