import type { PoolState } from "@quern/contract/system";
import { Kysely, PostgresDialect, sql } from "kysely";
import { Pool, types } from "pg";
import { preparing } from "./prepared.ts";
import { impatientSocket } from "./silence.ts";
import type { DB } from "./tables.gen.ts";

/** Quern's own PostgreSQL: a pool, or a transaction within it. */
export type Database = Kysely<DB>;

export type DatabaseOptions = {
  /** Connections at most. */
  max?: number;
  application_name?: string;
  /** The server ends a statement after this. */
  statement_timeout_ms?: number;
  /** A connection on which nothing comes or goes for so long is broken and thrown away. Longer than a statement may take. */
  silence_ms?: number;
  /** To open a connection, or to get one that is free. */
  connect_timeout_ms?: number;
  /** Told of connections that broke while idle; they are replaced. */
  onError?: (error: Error) => void;
};

const INT8 = 20;

const STATEMENT_TIMEOUT_MS = 30_000;
/** No transaction of ours waits for anything but its own statements; one that does has lost its client. */
const IDLE_IN_TRANSACTION_MS = 8_000;

/**
 * Opens a pool on `url`. Counters and sizes (int8) come as numbers: a value that a number cannot hold exactly throws.
 * Nothing waits for ever: a statement ends after its timeout, a transaction whose client says nothing more after 8 s,
 * and a connection whose other end is silent is broken, never used again.
 */
export function openDatabase(url: string, options: DatabaseOptions = {}): Database {
  const pool = new Pool({
    connectionString: url,
    max: options.max ?? 10,
    application_name: options.application_name ?? "quern",
    connectionTimeoutMillis: options.connect_timeout_ms ?? 10_000,
    // Before its silence breaks it: that would be an error, and a line in the log.
    idleTimeoutMillis: Math.min(10_000, (options.silence_ms ?? Number.POSITIVE_INFINITY) - 1_000),
    keepAlive: true,
    stream: () => impatientSocket(options.silence_ms),
    statement_timeout: options.statement_timeout_ms ?? STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
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
  const db = new Kysely<DB>({ dialect: new PostgresDialect({ pool: preparing(pool) }) });
  pools.set(db, pool);
  return db;
}

const pools = new WeakMap<Database, Pool>();

/** What `db`, which `openDatabase` gave, has its connections of. Throws TypeError for a transaction. */
export function poolOf(db: Database): Pool {
  const pool = pools.get(db);
  if (pool === undefined) throw new TypeError("a transaction has one connection, and no pool");
  return pool;
}

/** The connections of `db`, which `openDatabase` gave; all zero for a transaction. */
export function poolState(db: Database): PoolState {
  const pool = pools.get(db);
  if (!pool) return { max: 0, open: 0, idle: 0, waiting: 0 };
  const { totalCount: open, idleCount: idle, waitingCount: waiting } = pool;
  return { max: pool.options.max, open, idle, waiting };
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
  // Errors of the system have a code, too, such as EPIPE.
  const ours = error instanceof Error && "code" in error && !("errno" in error);
  const code = ours ? error.code : undefined;
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** True when `error` is a violation of the named unique constraint or index. */
export function violates(error: unknown, constraint: string): boolean {
  return (
    sqlstate(error) === "23505" && (error as { constraint?: string }).constraint === constraint
  );
}
