/** One connection to a server: guarded, read-only, and given up at its deadline, answered or not. */
import { connect as connectSocket, type Socket } from "node:net";
import type { Connection, QueryError, RowDataPacket } from "mysql2";
import type { DatabaseConfig } from "../config/agent-config.ts";
import { ignoreDeadline, within } from "../engine/deadline.ts";
import { type Encrypted, encryptSocket } from "../engine/tls.ts";
import type { Row } from "../engine/values.ts";
import { noteRows, sweepRows } from "../garbage.ts";
import type { Address } from "./address.ts";
import { codeOf, endsSession, unreachable } from "./unreachable.ts";
import { versionNumber } from "./version.ts";

export const PROGRAM_NAME = "quern-agent";
/** In every statement of the agent, so that it can be told from the work it looks at. */
const MARKER = "/* quern-agent */";
/** How much longer than the server's own limit the agent waits before it takes the server for dead. */
export const GRACE_MS = 5_000;

/** A column of an answer; `numeric` where its values are numbers. */
export type Field = { name: string; numeric: boolean };

export type Session = {
  address: Address;
  /** The server's number of it, as in the list of processes. */
  pid: number;
  /** What was agreed on; null: not encrypted. */
  tls: string | null;
  /** Milliseconds for which statements of this session were waited for. */
  spent_ms: number;
  open: boolean;
  /** Runs one statement; all values come as text. Throws what `mysql2` throws, or DeadlineError. */
  query(sql: string, values?: readonly (string | number)[]): Promise<Row[]>;
  /** The same, with what the columns are. */
  ask(sql: string): Promise<{ rows: Row[]; fields: Field[] }>;
  /** Says goodbye, for at most a second. */
  close(): Promise<void>;
  /** Cuts the connection at once. */
  destroy(): void;
};

type SessionOptions = Pick<DatabaseConfig, "tls" | "connect_timeout_ms"> & {
  statement_timeout_ms: number;
  grace_ms: number;
};

const ENCRYPTION: Record<string, boolean[]> = {
  disable: [false],
  allow: [false, true],
  prefer: [true, false],
};
/** What leads to the other way where both are allowed: no TLS there, none that works, or an account that requires it. */
const OTHER_WAY = /^(HANDSHAKE_|ERR_|EPROTO|1045|3159)/;

/**
 * Connects and signs in, to no database unless `database` is given: statements of the agent then count for none. Throws
 * UnreachableError, whose message says what to do.
 */
export async function openSession(
  address: Address,
  options: SessionOptions,
  database?: string,
): Promise<Session> {
  const deadline = Date.now() + options.connect_timeout_ms;
  const ways = address.socket === null ? (ENCRYPTION[options.tls.sslmode] ?? [true]) : [false];
  for (const [index, encrypt] of ways.entries()) {
    try {
      return await signIn(address, options, encrypt, deadline, database);
    } catch (error) {
      if (!OTHER_WAY.test(codeOf(error)) || index === ways.length - 1) {
        throw unreachable(error, address);
      }
    }
  }
  throw new Error("no way to connect was tried");
}

async function signIn(
  address: Address,
  options: SessionOptions,
  encrypted: boolean,
  deadline: number,
  database?: string,
): Promise<Session> {
  // Only where it is used: an agent of PostgreSQL has no need of it in memory.
  const { createConnection } = await import("mysql2");
  const socket = dial(address);
  const handshake: Handshake = { tls: null, failed: null };
  try {
    const connection = createConnection({
      ...{ user: address.user, password: address.password },
      ...(database === undefined ? {} : { database }),
      ...(encrypted ? { ssl: {} } : {}),
      stream: socket,
      connectTimeout: options.connect_timeout_ms,
      connectAttributes: { program_name: PROGRAM_NAME },
      charset: "utf8mb4",
      // A server that asks for a file of this machine gets none.
      flags: ["-LOCAL_FILES"],
      disableEval: true,
      trace: false,
      typeCast: (field) => field.string("utf8"),
    });
    encryptOurselves(connection, socket, handshake, () =>
      encryptSocket(socket, address.host, options.tls, deadline - Date.now()),
    );
    // Errors also reject the pending promise; without a listener they would end the process.
    connection.on("error", () => {});
    await within(connected(connection), deadline - Date.now(), () => socket.destroy());
    const session = sessionOn(connection, socket, address, handshake.tls, options);
    await guard(session, options);
    return session;
  } catch (error) {
    socket.destroy();
    throw handshake.failed ?? error;
  }
}

type Handshake = { tls: string | null; failed: unknown };

/**
 * mysql2 checks the name in a certificate against `localhost` where the host is an address, and has no meaning of
 * sslmode's: before it signs in, it calls this instead.
 */
function encryptOurselves(
  connection: Connection,
  socket: Socket,
  handshake: Handshake,
  begin: () => Promise<Encrypted>,
): void {
  const startTLS = async (ready: (error?: Error) => void) => {
    socket.removeAllListeners("data");
    try {
      const { socket: secured, tls } = await begin();
      handshake.tls = tls;
      const parser: { execute(data: Buffer): void } = Reflect.get(connection, "packetParser");
      secured.on("data", (data) => parser.execute(data));
      secured.on("error", (error) => socket.destroy(error));
      Reflect.set(connection, "stream", secured);
      ready();
    } catch (error) {
      handshake.failed = error;
      ready(new Error("the handshake failed"));
    }
  };
  if (typeof Reflect.get(connection, "startTLS") !== "function") {
    throw new Error("mysql2 has no startTLS to stand in for");
  }
  Reflect.set(connection, "startTLS", startTLS);
}

function dial({ host, port, socket: path }: Address): Socket {
  const socket = connectSocket({
    ...(path === null ? { host, port } : { path }),
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 10_000,
  });
  return socket;
}

function connected(connection: Connection): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.once("connect", () => resolve());
    connection.once("error", reject);
  });
}

/** Its first statements. Texts are compared as they are, so that none of ours depends on how the server is set. */
async function guard(session: Session, { statement_timeout_ms }: SessionOptions): Promise<void> {
  const [row] = await session.query("select version() as version");
  const version = row?.version ?? "";
  const mariadb = /mariadb/i.test(version);
  const number = versionNumber(version);
  const settings = [
    "sql_mode = ''",
    "time_zone = '+00:00'",
    "lock_wait_timeout = 1",
    ...(mariadb ? [`max_statement_time = ${statement_timeout_ms / 1_000}`] : []),
    // Older ones have no limit but the agent's own, at which the connection is cut.
    ...(!mariadb && number >= 50_708 ? [`max_execution_time = ${statement_timeout_ms}`] : []),
    // Sizes of now, not of the last time that somebody asked.
    ...(!mariadb && number >= 80_000 ? ["information_schema_stats_expiry = 0"] : []),
  ];
  await session.query(`set ${settings.map((setting) => `session ${setting}`).join(", ")}`);
  await session.query("set session transaction read only");
}

/** Behind the first word, where no client takes it away. */
function marked(sql: string): string {
  return sql.replace(/^\w+/, `$& ${MARKER}`);
}

/** Whether a text is an agent's. */
export function isOwn(text: string): boolean {
  return text.slice(0, 60).includes(MARKER);
}

/** TINY, SHORT, LONG, FLOAT, DOUBLE, LONGLONG, INT24, DECIMAL, NEWDECIMAL. */
const NUMERIC = new Set([0, 1, 2, 3, 4, 5, 8, 9, 246]);

function sessionOn(
  connection: Connection,
  socket: Socket,
  address: Address,
  tls: string | null,
  options: SessionOptions,
): Session {
  const patience = options.statement_timeout_ms + options.grace_ms;
  socket.once("close", () => {
    session.open = false;
  });
  const answered = async (sql: string, values: readonly (string | number)[]) => {
    sweepRows();
    const began = performance.now();
    try {
      const asked = run(connection, marked(sql), values);
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
    pid: connection.threadId ?? 0,
    query: async (sql, values = []) => (await answered(sql, values)).rows,
    ask: (sql) => answered(sql, []),
    async close() {
      if (!session.open) return;
      const ended = new Promise<void>((resolve) => connection.end(() => resolve()));
      await within(ended, 1_000, () => {}).catch(ignoreDeadline);
      session.destroy();
    },
    destroy() {
      session.open = false;
      socket.destroy();
    },
  };
  return session;
}

function run(
  connection: Connection,
  sql: string,
  values: readonly (string | number)[],
): Promise<{ rows: Row[]; fields: Field[] }> {
  return new Promise((resolve, reject) => {
    connection.query<RowDataPacket[]>(
      sql,
      [...values],
      (error: QueryError | null, rows, fields) => {
        if (error !== null) return reject(error);
        resolve({
          rows: Array.isArray(rows) ? rows : [],
          fields: (fields ?? []).map(({ name, columnType }) => ({
            name,
            numeric: NUMERIC.has(columnType ?? -1),
          })),
        });
      },
    );
  });
}
