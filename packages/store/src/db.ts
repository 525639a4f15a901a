import { Kysely, PostgresDialect, sql } from "kysely";
import { Pool, types } from "pg";
import { impatientSocket } from "./silence.ts";
import type { DB } from "./tables.gen.ts";

/** Quern's own PostgreSQL: a pool, or a transaction within it. */
export type Database = Kysely<DB>;

export type DatabaseOptions = {
  /** Connections at most. */
  max?: number;
  application_name?: string;
  /** Told of connections that broke while idle; they are replaced. */
  onError?: (error: Error) => void;
};

const INT8 = 20;

/**
 * Opens a pool on `url`. Counters and sizes (int8) come as numbers: a value that a number cannot hold exactly throws.
 * Every statement ends after 30 s and every forgotten transaction after 60 s, so that nothing waits for ever.
 */
export function openDatabase(url: string, options: DatabaseOptions = {}): Database {
  const pool = new Pool({
    connectionString: url,
    max: options.max ?? 10,
    application_name: options.application_name ?? "quern",
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    stream: impatientSocket,
    statement_timeout: 30_000,
    idle_in_transaction_session_timeout: 60_000,
    types: {
      getTypeParser: ((oid: number, format: "text") =>
        oid === INT8
          ? exactNumber
          : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
    },
  });
  pool.on("error", (error) => options.onError?.(error));
  // A connection that breaks while a transaction holds it, between two statements: the next one fails and says so,
  // but the event itself would end the process.
  pool.on("connect", (client) => client.on("error", () => {}));
  return new Kysely<DB>({ dialect: new PostgresDialect({ pool }) });
}

function exactNumber(value: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError(`int8 ${value} is beyond 2^53`);
  return number;
}

/** Runs `work` in a transaction, or in the one that `db` already is. */
export function inTransaction<T>(db: Database, work: (db: Database) => Promise<T>): Promise<T> {
  return db.isTransaction ? work(db) : db.transaction().execute(work);
}

/** Throws when the database cannot be reached or has no tables of ours. */
export async function checkDatabase(db: Database): Promise<void> {
  await sql`select 1 from orgs limit 1`.execute(db);
}

/** SQLSTATE of a PostgreSQL error, or undefined. */
export function sqlstate(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** True when `error` is a violation of the named unique constraint or index. */
export function violates(error: unknown, constraint: string): boolean {
  return (
    sqlstate(error) === "23505" && (error as { constraint?: string }).constraint === constraint
  );
}
