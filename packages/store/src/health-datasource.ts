/** The datasource "Health of databases": what Health knows, for queries, charts and dashboards as of any other datasource. */
import { createHash, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { PostgresConfig, SslMode } from "@quern/contract/datasources";
import type { HealthDatasource } from "@quern/contract/health/datasource";
import { HEALTH_METRICS } from "@quern/contract/health/metrics";
import { sql } from "kysely";
import { Client } from "pg";
import { type Database, inTransaction, sqlstate } from "./db.ts";
import {
  admitHealthReader,
  type HealthReader,
  healthReaders,
  makeHealthReaders,
  READER_CONNECTIONS,
  type ReaderRefusal,
  readerSql,
} from "./health-readers.ts";
import type { ApiKeys } from "./keys.ts";
import { connectionRun, enqueueRun } from "./runs.ts";
import { sealSecret } from "./secrets.ts";

export const HEALTH_DATASOURCE = "Health of databases";
/** What `READER_CONNECTIONS` leaves to runs: the rest is for sessions that are opened ahead. */
export const HEALTH_MAX_CONCURRENCY = READER_CONNECTIONS / 2;

/**
 * Makes the datasource of each organisation, granted to nobody, and its role; or mends what is not as it should be. All
 * may be called at once by several processes. `databaseUrl` is where Quern itself connects.
 */
export async function ensureHealthDatasources(
  db: Database,
  keys: ApiKeys,
  databaseUrl: string,
): Promise<(HealthDatasource & { org_id: string })[]> {
  await noteMetrics(db);
  const readers = await healthReaders(db, keys);
  await makeHealthReaders(db, readers);
  const all: (HealthDatasource & { org_id: string })[] = [];
  for (const reader of readers) {
    const outcome = await ensureHealthDatasource(db, keys, databaseUrl, reader);
    all.push({ org_id: reader.org_id, ...outcome });
  }
  return all;
}

async function noteMetrics(db: Database): Promise<void> {
  const known = Object.entries(HEALTH_METRICS).map(([name, metric]) => ({ name, ...metric }));
  await sql`
    insert into health_metric_names (name, subject, kind, unit)
    select name, subject, kind, unit
    from jsonb_to_recordset(${JSON.stringify(known)}::jsonb) as known (name text, subject text, kind text, unit text)
    order by name
    on conflict (name) do update set subject = excluded.subject, kind = excluded.kind, unit = excluded.unit
    where (health_metric_names.subject, health_metric_names.kind, health_metric_names.unit)
      is distinct from (excluded.subject, excluded.kind, excluded.unit)`.execute(db);
}

async function ensureHealthDatasource(
  db: Database,
  keys: ApiKeys,
  databaseUrl: string,
  reader: HealthReader,
): Promise<HealthDatasource> {
  const refused = await admitHealthReader(db, reader);
  if (refused !== null) {
    await closeDatasource(db, reader);
    const ask = refused === "too_mighty" ? null : await readerSql(db, reader);
    return { datasource_id: null, trouble: REFUSED[refused](reader.role), sql: ask };
  }
  const ask = await readerSql(db, reader);
  const failure = await signInFailure(databaseUrl, reader);
  if (failure !== null) {
    const trouble = `Quern's own PostgreSQL does not let the role ${reader.role} in (${failure.message}). Look at pg_hba.conf; where the password is not the right one, let an administrator run this.`;
    return { datasource_id: null, trouble, sql: failure.password ? ask : null };
  }
  const config = await readerConfig(databaseUrl, reader);
  return {
    datasource_id: await keepDatasource(db, keys, reader, config),
    ...{ trouble: null, sql: null },
  };
}

const REFUSED: Record<ReaderRefusal, (role: string) => string> = {
  missing: () =>
    "The role by which Quern uses its own PostgreSQL may not make roles. Let an administrator of the server run this, then set it up again.",
  too_mighty: (role) =>
    `The role ${role} may do more than read what Health knows, and SQL of anybody would run as it. Drop it: drop role ${role}.`,
  may_create: (role) =>
    `The role ${role} may create objects in Quern's own database, and SQL of anybody would run as it: everybody may, where a database of PostgreSQL 14 or before was restored. Let an administrator of the server run this, then set it up again.`,
};

/** What keeps the reader from signing in where Quern itself does; null when nothing does. */
async function signInFailure(
  databaseUrl: string,
  { role, password }: HealthReader,
): Promise<{ message: string; password: boolean } | null> {
  const { host, port, database, ssl } = new Client({ connectionString: databaseUrl });
  const client = new Client({
    ...{ host, port, database, ssl, user: role, password, connectionTimeoutMillis: 5_000 },
    application_name: "quern api",
  });
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query("select from health.databases limit 1");
    return null;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { message, password: sqlstate(error) === "28P01" };
  } finally {
    await client.end();
  }
}

/** Where and how DATABASE_URL connects, for the runners. A URL that says nothing of TLS gets it where the server has it. */
export async function readerConfig(
  databaseUrl: string,
  { role }: Pick<HealthReader, "role">,
): Promise<PostgresConfig> {
  const { host, port, database } = new Client({ connectionString: databaseUrl });
  const setting = (name: string) => {
    const found = new RegExp(`[?&]${name}=([^&]*)`).exec(databaseUrl)?.[1];
    return found === undefined ? undefined : decodeURIComponent(found);
  };
  const rootCert = setting("sslrootcert");
  const asLibpq = setting("uselibpqcompat") === "true";
  return {
    ...{ host, port, database: database ?? role, user: role, read_only: true },
    sslmode: sslModeOf(setting("sslmode"), asLibpq),
    ...(rootCert === undefined || rootCert === "system"
      ? {}
      : { ssl_root_cert: await readFile(rootCert, "utf8") }),
  };
}

const SSL_MODES: readonly SslMode[] = ["disable", "prefer", "require", "verify-ca", "verify-full"];

/** The driver of DATABASE_URL verifies in every mode but no-verify, unless it is told to do as libpq does. */
function sslModeOf(asked: string | undefined, asLibpq: boolean): SslMode {
  if (asked === undefined) return "prefer";
  if (asked === "no-verify") return "require";
  const known = SSL_MODES.find((mode) => mode === asked);
  if (known === undefined) return "prefer";
  return asLibpq || known === "disable" ? known : "verify-full";
}

/** Its id. It is written only when something of it is new, so that its secret stays the same from one start to the next. */
async function keepDatasource(
  db: Database,
  keys: ApiKeys,
  reader: HealthReader,
  config: PostgresConfig,
): Promise<string> {
  const { org_id: org, password } = reader;
  const madeOf = createHash("sha256")
    .update(JSON.stringify([config, password, keys.runners[0]!.kid]))
    .digest();
  return inTransaction(db, async (trx) => {
    await sql`select from orgs where id = ${org} for no key update`.execute(trx);
    const { rows } = await sql<{ id: string; version: number; made: boolean }>`
      select id, secret_version as version, secret is not null and made_of = ${madeOf} as made
      from datasources join health_readers on health_readers.org_id = datasources.org_id
      where datasources.org_id = ${org} and built_in = 'health'`.execute(trx);
    const found = rows[0];
    if (found?.made) return found.id;
    const id = found?.id ?? randomUUID();
    const version = (found?.version ?? 0) + 1;
    const binding = { org, datasource: id, field: "password", version };
    const secret = await sealSecret(keys.runners, binding, password);
    const row = { id, org, config: JSON.stringify(config), secret, version };
    await (found ? changeDatasource(trx, row) : makeDatasource(trx, row));
    await sql`update health_readers set made_of = ${madeOf} where org_id = ${org}`.execute(trx);
    const owner = { org_id: org, user_id: null, token_id: null };
    await enqueueRun(trx, owner, connectionRun("introspect", id, owner, "start"));
    return id;
  });
}

/** Nobody's SQL runs as a role that is refused: without its secret the datasource is there, and cannot be used. */
async function closeDatasource(db: Database, { org_id }: HealthReader): Promise<void> {
  await sql`
    update datasources set secret = null, secret_changed_at = null
    where org_id = ${org_id} and built_in = 'health' and secret is not null`.execute(db);
}

type Row = { id: string; org: string; config: string; secret: string; version: number };

async function changeDatasource(db: Database, { id, config, secret, version }: Row): Promise<void> {
  await sql`
    update datasources set config = ${config}, secret = ${secret}, secret_version = ${version}, secret_changed_at = now()
    where id = ${id}`.execute(db);
}

async function makeDatasource(db: Database, row: Row): Promise<void> {
  const { id, org, config, secret, version } = row;
  await sql`
    insert into datasources (id, org_id, name, type, config, secret, secret_version, secret_changed_at, max_concurrency, built_in)
    select ${id}, ${org},
      case when exists (select from datasources where org_id = ${org} and lower(name) = lower(${HEALTH_DATASOURCE}) and deleted_at is null)
        then ${`${HEALTH_DATASOURCE} ${id.slice(0, 8)}`} else ${HEALTH_DATASOURCE} end,
      'postgres', ${config}, ${secret}, ${version}, now(), 4, 'health'`.execute(db);
}

/** The id of the first organisation's datasource, once there is something in it to look at; undefined until then. */
export async function healthDatasourceWithNumbers(db: Database): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    select id from datasources
    where built_in = 'health' and secret is not null and org_id = (select id from orgs order by created_at limit 1)
      and exists (
        select from health_databases join health_statement_points on database_id = health_databases.id
        where health_databases.org_id = datasources.org_id and cardinality(statement_ids) > 0)`.execute(
    db,
  );
  return rows[0]?.id;
}
