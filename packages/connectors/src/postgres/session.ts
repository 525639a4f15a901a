/** One signed-in session with the settings that Quern's reading of values depends on. */
import type { Socket } from "node:net";
import type { PostgresConfig } from "@quern/contract/datasources";
import pg from "pg";
import type { BackendHandle, Target } from "../connector.ts";
import { ConnectorError } from "../errors.ts";
import { TimeoutError, within } from "./deadline.ts";
import { dial } from "./dial.ts";
import type { OnStep } from "./dial-error.ts";
import { signInError } from "./server-errors.ts";

export const CONNECT_TIMEOUT_MS = 10_000;

/** The application name of a run's session. Ids are UUIDs: anything else in one would not be ours. */
export function sessionName(runId: string): string {
  return `quern run=${runId.replace(/[^A-Za-z0-9_-]/g, "")}`;
}

export type SessionOptions = {
  application_name: string;
  /** 0 leaves the server's own. */
  statement_timeout_ms: number;
  connect_timeout_ms?: number;
  onStep?: OnStep;
};

export type Session = {
  client: pg.Client;
  socket: Socket;
  handle: BackendHandle;
  server_encoding: string;
  /** Ends the session at once; nothing more is read. */
  destroy(): void;
};

export async function openSession(target: Target, options: SessionOptions): Promise<Session> {
  const { client, socket, row } = await signIn<SetUpRow>(
    target,
    options,
    setUp(target.config, options),
  );
  const { pid, backend_start, server_encoding } = row;
  return {
    client,
    socket,
    handle: { pid, backend_start },
    server_encoding,
    destroy: () => socket.destroy(),
  };
}

export type SignInOptions = Pick<
  SessionOptions,
  "application_name" | "connect_timeout_ms" | "onStep"
> & {
  /** Server settings of the session from its start, by name: what RESET goes back to. */
  settings?: Record<string, string>;
};

/** Connects, signs in, and asks for one row. Throws ConnectorError. */
export async function signIn<Row extends pg.QueryResultRow>(
  target: Target,
  options: SignInOptions,
  question: string,
): Promise<{ client: pg.Client; socket: Socket; row: Row }> {
  const deadline = Date.now() + (options.connect_timeout_ms ?? CONNECT_TIMEOUT_MS);
  const socket = await dial(target.config, deadline - Date.now(), options.onStep);
  const client = signInClient(socket, target, options);
  // Errors also reject the pending promise; without a listener they would end the process.
  client.on("error", () => {});
  try {
    await within(client.connect(), deadline);
    const { rows } = await within(client.query<Row>(question), deadline);
    const row = rows[0];
    if (row === undefined) throw new ConnectorError({ code: "internal", message: "no set-up row" });
    return { client, socket, row };
  } catch (error) {
    socket.destroy();
    throw signInFailure(error);
  }
}

function signInClient(socket: Socket, { config, secret }: Target, options: SignInOptions) {
  // pg connects its stream itself; this one is already connected (and encrypted), so it only hears so.
  const connected = Object.assign(socket, {
    connect: () => {
      queueMicrotask(() => socket.emit("connect"));
      return socket;
    },
  });
  return new pg.Client({
    stream: () => connected,
    ssl: false,
    host: config.host,
    port: config.port,
    database: config.database,
    user: config.user,
    password: secret?.password ?? "",
    application_name: options.application_name,
    ...(options.settings === undefined ? {} : { options: startupOptions(options.settings) }),
    keepAlive: true,
  });
}

/** As libpq's `options` take them: a blank or a backslash in a value has a backslash before it. */
function startupOptions(settings: Record<string, string>): string {
  const words = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  return words.map((word) => `-c ${word.replace(/[\\\s]/g, "\\$&")}`).join(" ");
}

/**
 * From version 14 on (not on Windows) a server can look whether its client is still there while a statement runs:
 * what a killed executor leaves behind ends within seconds.
 */
export const WATCH_CLIENT = `case
        when pg_catalog.current_setting('client_connection_check_interval', true) is not null
          and pg_catalog.version() !~* 'mingw|msvc|visual c|windows'
        then pg_catalog.set_config('client_connection_check_interval', '3000', false)
      end`;

type SetUpRow = { pid: number; backend_start: string; server_encoding: string };

/**
 * Settings are made after sign-in, not in the start-up message, which poolers such as PgBouncer refuse. One
 * statement: a second would be a second round trip.
 */
function setUp(config: PostgresConfig, options: SessionOptions): string {
  const settings: [string, string][] = [
    ["TimeZone", "UTC"],
    ["DateStyle", "ISO, YMD"],
    ["IntervalStyle", "postgres"],
    ["extra_float_digits", "1"],
    ["bytea_output", "hex"],
    ["idle_in_transaction_session_timeout", "60000"],
    ["statement_timeout", String(options.statement_timeout_ms)],
  ];
  if (config.read_only) settings.push(["default_transaction_read_only", "on"]);
  const sets = settings.map(
    ([name, value]) => `pg_catalog.set_config('${name}', '${value}', false)`,
  );
  // A database without an encoding cannot convert: its bytes are read as they are, and repaired here.
  return `select ${sets.join(", ")},
      pg_catalog.set_config('client_encoding', case pg_catalog.current_setting('server_encoding')
        when 'SQL_ASCII' then 'SQL_ASCII' else 'UTF8' end, false),
      ${WATCH_CLIENT},
      pg_catalog.pg_backend_pid() as pid,
      pg_catalog.current_setting('server_encoding') as server_encoding,
      (select extract(epoch from a.backend_start)::text
         from pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) a) as backend_start`;
}

function signInFailure(error: unknown): Error {
  if (error instanceof ConnectorError) return error;
  if (error instanceof TimeoutError) {
    return new ConnectorError({
      code: "datasource_unreachable",
      message: "The server accepted the connection, but signing in timed out.",
      hint: "The server may be overloaded, or something that is no PostgreSQL server answers there.",
    });
  }
  if (error instanceof pg.DatabaseError) {
    return signInError({ code: error.code ?? "", message: error.message });
  }
  const message = error instanceof Error ? error.message : String(error);
  if (/password must be a (non-empty )?string|empty password/i.test(message)) {
    return new ConnectorError({
      code: "auth_failed",
      message: "The server asks for a password, and none is set.",
      hint: "Set the password of this datasource.",
    });
  }
  return new ConnectorError({
    code: "datasource_unreachable",
    message: `Signing in failed: ${message}`,
    hint: "The server closed the connection while signing in; its log says why.",
  });
}
