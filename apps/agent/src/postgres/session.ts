/** One connection to one database: guarded, read-only, and given up at its deadline, answered or not. */
import type { Socket } from "node:net";
import pg from "pg";
import type { DatabaseConfig } from "../config/agent-config.ts";
import { ignoreDeadline, within } from "../engine/deadline.ts";
import type { Row } from "../engine/values.ts";
import { noteRows, sweepRows } from "../garbage.ts";
import type { Address } from "./address.ts";
import { type Dialled, dial } from "./dial.ts";
import { refusePooler } from "./pooler.ts";
import { codeOf, endsSession, unreachable } from "./unreachable.ts";

export const APPLICATION_NAME = "quern-agent";
/** In every statement of the agent, so that it can be told from the work it looks at. */
const MARKER = "/* quern-agent */";
/** How much longer than the server's own limit the agent waits before it takes the server for dead. */
export const GRACE_MS = 5_000;

/** A column of an answer; `type` is the oid of its type. */
export type Field = { name: string; type: number };

export type Session = {
  address: Address;
  /** What was agreed on; null: not encrypted. */
  tls: string | null;
  /** Milliseconds for which statements of this session were waited for. */
  spent_ms: number;
  open: boolean;
  /** Runs one statement; all values come as text. Throws what `pg` throws, or DeadlineError. */
  query(sql: string, values?: unknown[]): Promise<Row[]>;
  /** Runs exactly one statement, however many the text would hold, and says what its columns are. */
  ask(sql: string): Promise<{ rows: Row[]; fields: Field[] }>;
  /** Runs `work` in a read-only transaction of its own. */
  readOnly<T>(work: () => Promise<T>): Promise<T>;
  /** Says goodbye, for at most a second. */
  close(): Promise<void>;
  /** Cuts the connection at once. */
  destroy(): void;
};

type SessionOptions = Pick<DatabaseConfig, "tls" | "connect_timeout_ms"> & {
  statement_timeout_ms: number;
  /** `pg_catalog`, but for tests that stand before it. */
  search_path: string;
  grace_ms: number;
};

const ENCRYPTION: Record<string, ("no" | "if_offered" | "yes")[]> = {
  disable: ["no"],
  allow: ["no", "yes"],
  prefer: ["if_offered", "no"],
};

/** Connects and signs in. Throws UnreachableError, whose message says what to do. */
export async function openSession(address: Address, options: SessionOptions): Promise<Session> {
  const deadline = Date.now() + options.connect_timeout_ms;
  const ways = ENCRYPTION[options.tls.sslmode] ?? ["yes"];
  for (const [index, encrypt] of ways.entries()) {
    try {
      const dialled = await dial(address, options.tls, encrypt, deadline - Date.now());
      return await signIn(dialled, address, options, deadline);
    } catch (error) {
      // As libpq: where either way is allowed, one that the server refuses leads to the other.
      const refused = /^(28000|ERR_|EPROTO|tls_refused)/.test(codeOf(error));
      if (!refused || index === ways.length - 1) throw unreachable(error, address);
    }
  }
  throw new Error("no way to connect was tried");
}

async function signIn(
  { socket, tls }: Dialled,
  address: Address,
  options: SessionOptions,
  deadline: number,
): Promise<Session> {
  const client = clientOn(socket, address);
  const session = sessionOn(client, socket, address, tls, options);
  // Errors also reject the pending promise. A session at rest learns of its end here, before its socket is closed.
  client.on("error", () => session.destroy());
  try {
    await within(client.connect(), deadline - Date.now(), () => socket.destroy());
    const [row] = await session.query(guards(options));
    await refusePooler(session, client, row?.backend_pid ?? null);
    return session;
  } catch (error) {
    socket.destroy();
    throw unreachable(error, address);
  }
}

function clientOn(socket: Socket, { host, port, database, user, password }: Address): pg.Client {
  // pg connects its stream itself; this one is connected (and encrypted) already, so it only hears so.
  const connected = Object.assign(socket, {
    connect: () => {
      queueMicrotask(() => socket.emit("connect"));
      return socket;
    },
  });
  return new pg.Client({
    stream: () => connected,
    ssl: false,
    ...{ host, port, database, user, password },
    application_name: APPLICATION_NAME,
    keepAlive: true,
    types: { getTypeParser: () => (value: string) => value },
  });
}

/**
 * Set after sign-in, in one statement before any other: as start-up options they would hide what the server's own values
 * are (`reset_val`), and poolers refuse those.
 */
function guards({ statement_timeout_ms, search_path }: SessionOptions): string {
  const settings = Object.entries({
    ...GUARDS,
    statement_timeout: String(statement_timeout_ms),
    search_path,
  });
  const calls = settings.map(
    ([name, value]) => `pg_catalog.set_config('${name}', '${value}', false)`,
  );
  // A database without an encoding cannot convert: its bytes are read as they are, and repaired here.
  return `select ${calls.join(", ")},
    pg_catalog.set_config('client_encoding', case pg_catalog.current_setting('server_encoding')
      when 'SQL_ASCII' then 'SQL_ASCII' else 'UTF8' end, false),
    pg_catalog.pg_backend_pid() as backend_pid`;
}

const GUARDS = {
  lock_timeout: "200ms",
  idle_in_transaction_session_timeout: "30s",
  default_transaction_read_only: "on",
  jit: "off",
  max_parallel_workers_per_gather: "0",
  TimeZone: "UTC",
  DateStyle: "ISO, YMD",
  IntervalStyle: "postgres",
  extra_float_digits: "1",
};

/** Settings that the agent's own session changes, so that only `reset_val` says what the server has. */
export const GUARDED = new Set([
  ...Object.keys(GUARDS),
  ...["statement_timeout", "search_path", "client_encoding", "application_name"],
]);

/** Behind the first word: 18 takes comments before it out of what pg_stat_statements shows. */
function marked(sql: string): string {
  return sql.replace(/^\w+/, `$& ${MARKER}`);
}

/** Whether a text of pg_stat_statements is the agent's. */
export function isOwn(text: string): boolean {
  return text.slice(0, 60).includes(MARKER);
}

function sessionOn(
  client: pg.Client,
  socket: Socket,
  address: Address,
  tls: string | null,
  options: SessionOptions,
): Session {
  const patience = options.statement_timeout_ms + options.grace_ms;
  socket.once("close", () => {
    session.open = false;
  });
  const answered = async (statement: pg.QueryConfig) => {
    sweepRows();
    const began = performance.now();
    try {
      const asked = client.query<Row>(statement);
      const answer = await within(asked, patience, () => session.destroy());
      noteRows(answer.rows.length);
      return answer;
    } catch (error) {
      if (endsSession(error)) session.destroy();
      throw error;
    } finally {
      session.spent_ms += performance.now() - began;
    }
  };
  const session: Session = {
    ...{ address, tls, spent_ms: 0, open: true },
    async query(sql, values) {
      return (await answered({ text: marked(sql), ...(values ? { values } : {}) })).rows;
    },
    async ask(sql) {
      const statement = { text: marked(sql), queryMode: "extended" };
      const { rows, fields } = await answered(statement);
      return { rows, fields: fields.map(({ name, dataTypeID: type }) => ({ name, type })) };
    },
    async readOnly(work) {
      await session.query("begin transaction read only");
      try {
        const result = await work();
        await session.query("commit");
        return result;
      } catch (error) {
        if (session.open) await session.query("rollback");
        throw error;
      }
    },
    async close() {
      if (!session.open) return;
      await within(client.end(), 1_000, () => session.destroy()).catch(ignoreDeadline);
      session.open = false;
    },
    destroy() {
      session.open = false;
      socket.destroy();
    },
  };
  return session;
}
