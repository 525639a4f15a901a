/**
 * The demo database. It is filled under another name and renamed when complete, so a crash half-way
 * leaves nothing half-loaded; its version is a comment on it.
 */
import { readFile } from "node:fs/promises";
import { Client, escapeIdentifier, escapeLiteral } from "pg";
import { loadFlights } from "./flights.ts";
import { loadOhub, loadTrad } from "./generated.ts";

export const DEMO_DATABASE = "quern_demo";
export const DEMO_READER = "quern_demo_reader";
const OWNER = "quern_demo_owner";
const LOADING = "quern_demo_loading";
const VERSION = "Quern demo data, version 1";
/** Several starts at once (two machines on one server): the first one loads. */
const LOAD_LOCK = 5_417_233;
const READER_CONNECTIONS = 32;

export type DemoOutcome =
  | { state: "ready" | "loaded" }
  /** Left alone, and why. */
  | { state: "skipped"; reason: string };

/**
 * Makes and fills the demo database on the server of `adminUrl` unless it is there already, and gives
 * the read-only role `DEMO_READER` the password. The role of `adminUrl` must be allowed to make
 * databases and roles, else the outcome is `skipped`.
 */
export async function ensureDemo(
  adminUrl: string,
  readerPassword: string,
  now: () => Date = () => new Date(),
): Promise<DemoOutcome> {
  return withClient(adminUrl, async (admin) => {
    const reason = await missingRight(admin);
    if (reason !== null) return { state: "skipped", reason };
    await admin.query("select pg_advisory_lock($1)", [LOAD_LOCK]);
    await ensureRoles(admin, readerPassword);
    const found = await demoVersion(admin);
    if (found === VERSION) return { state: "ready" };
    if (found !== null && !found.startsWith("Quern demo data")) {
      return {
        state: "skipped",
        reason: `there is a database ${DEMO_DATABASE} that is not Quern's`,
      };
    }
    await admin.query(`drop database if exists ${LOADING} with (force)`);
    await admin.query(
      `create database ${LOADING} owner ${OWNER} template template0 encoding 'UTF8'`,
    );
    await withClient(withDatabase(adminUrl, LOADING), (client) => fill(client, now()));
    await admin.query(`comment on database ${LOADING} is ${escapeLiteral(VERSION)}`);
    await admin.query(`drop database if exists ${DEMO_DATABASE} with (force)`);
    await admin.query(`alter database ${LOADING} rename to ${DEMO_DATABASE}`);
    return { state: "loaded" };
  });
}

async function missingRight(admin: Client): Promise<string | null> {
  const { rows } = await admin.query<{ allowed: boolean; role: string }>(
    `select rolsuper or (rolcreatedb and rolcreaterole) as allowed, rolname as role
     from pg_roles where rolname = current_user`,
  );
  const { allowed, role } = rows[0]!;
  if (allowed) return null;
  return `the role ${role} may not make databases and roles (alter role ${escapeIdentifier(role)} createdb createrole)`;
}

/** The comment of the demo database, `""` without one, null without the database. */
async function demoVersion(admin: Client): Promise<string | null> {
  const { rows } = await admin.query<{ version: string }>(
    `select coalesce(shobj_description(oid, 'pg_database'), '') as version
     from pg_database where datname = $1`,
    [DEMO_DATABASE],
  );
  return rows[0]?.version ?? null;
}

async function ensureRoles(admin: Client, readerPassword: string): Promise<void> {
  const { rows } = await admin.query<{ name: string }>(
    "select rolname as name from pg_roles where rolname = any($1)",
    [[OWNER, DEMO_READER]],
  );
  const present = new Set(rows.map(({ name }) => name));
  if (!present.has(OWNER)) {
    await admin.query(`create role ${OWNER} nologin`);
    await admin.query(`grant ${OWNER} to current_user`);
  }
  if (!present.has(DEMO_READER)) await admin.query(`create role ${DEMO_READER}`);
  await admin.query(
    `alter role ${DEMO_READER} login noinherit connection limit ${READER_CONNECTIONS}
     password ${escapeLiteral(readerPassword)}`,
  );
  await admin.query(`alter role ${DEMO_READER} set default_transaction_read_only = on`);
}

async function fill(client: Client, now: Date): Promise<void> {
  await client.query(`revoke all on database ${LOADING} from public`);
  await client.query(`grant connect on database ${LOADING} to ${DEMO_READER}`);
  await client.query(`set role ${OWNER}`);
  await client.query("begin");
  await client.query("set local synchronous_commit = off");
  for (const schema of ["flights", "ohub", "trad"])
    await client.query(await sql(`${schema}-tables`));
  await loadFlights(client);
  await loadOhub(client, now);
  await loadTrad(client, now);
  for (const schema of ["flights", "ohub", "trad"]) {
    await client.query(await sql(`${schema}-keys`));
    await client.query(`grant usage on schema ${schema} to ${DEMO_READER}`);
    await client.query(`grant select on all tables in schema ${schema} to ${DEMO_READER}`);
  }
  await client.query("commit");
  await client.query("analyze");
}

/** The files lie outside src, so that built and unbuilt code find the same ones. */
async function sql(name: string): Promise<string> {
  return readFile(new URL(`../../demo/${name}.sql`, import.meta.url), "utf8");
}

function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.toString();
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, application_name: "quern demo" });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
