import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runner } from "node-pg-migrate";
import { Client } from "pg";

/** The database was last used by a newer Quern. */
export class DatabaseTooNewError extends Error {
  override name = "DatabaseTooNewError";
}

/** PostgreSQL is older than Quern needs. */
export class ServerTooOldError extends Error {
  override name = "ServerTooOldError";
}

const MIGRATIONS = fileURLToPath(new URL("../migrations", import.meta.url));
const TABLE = "pgmigrations";
const OLDEST_SERVER = 150_000;

/**
 * Brings the database at `url` up to this Quern's schema and returns what was applied, in order; a second call applies
 * nothing. Several processes may call it at once: one migrates, the others wait. Each migration is a transaction.
 */
export async function migrate(
  url: string,
  log: (line: string) => void = () => {},
): Promise<{ applied: string[] }> {
  const client = new Client({ connectionString: url, application_name: "quern migrate" });
  await client.connect();
  try {
    await refuseOldServer(client);
    await refuseNewerDatabase(client);
    const applied = await runner({
      dbClient: client,
      dir: MIGRATIONS,
      direction: "up",
      migrationsTable: TABLE,
      advisoryLockMode: "wait",
      logger: { debug() {}, info() {}, warn: log, error: log },
    });
    return { applied: applied.map(({ name }) => name) };
  } finally {
    await client.end();
  }
}

async function refuseOldServer(client: Client): Promise<void> {
  const { rows } = await client.query<{ number: number; version: string }>(
    "select current_setting('server_version_num')::int as number, current_setting('server_version') as version",
  );
  const server = rows[0]!;
  if (server.number >= OLDEST_SERVER) return;
  throw new ServerTooOldError(
    `Quern keeps its data in PostgreSQL 15 or newer, and this server is ${server.version}. Point DATABASE_URL at a newer server.`,
  );
}

async function refuseNewerDatabase(client: Client): Promise<void> {
  const { rows: tables } = await client.query<{ found: boolean }>(
    "select to_regclass($1) is not null as found",
    [TABLE],
  );
  if (!tables[0]!.found) return;
  const known = new Set(readdirSync(MIGRATIONS).map((file) => file.replace(/\.sql$/, "")));
  const { rows } = await client.query<{ name: string }>(`select name from ${TABLE} order by id`);
  const unknown = rows.map(({ name }) => name).filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  throw new DatabaseTooNewError(
    `The database was used by a newer Quern (it has ${unknown.join(", ")}). Start that version, or restore a backup from before the upgrade.`,
  );
}
