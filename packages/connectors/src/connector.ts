/**
 * What an engine has to do to be a datasource. Every message is a plain value that survives a structured clone,
 * so that a connector may live in another process; `testing/conformance.ts` is the contract as tests.
 */

import type { Batch, Storage } from "@quern/contract/batch";
import type {
  ConnectionReport,
  PostgresConfig,
  PostgresSecret,
  SchemaSnapshot,
} from "@quern/contract/datasources";
import type { Column, Truncated } from "@quern/contract/results";

/** Where to connect, and as whom. Never logged, never part of an error. */
export type Target = { type: "postgres"; config: PostgresConfig; secret: PostgresSecret | null };

/** A bound value of `$n`: its declared SQL type and its text form; null is NULL. */
export type Parameter = { type: ParameterType; value: string | null };
export type ParameterType =
  | "text"
  | "text[]"
  | "int8"
  | "numeric"
  | "float8"
  | "bool"
  | "date"
  | "timestamp"
  | "timestamptz";

export type ExecuteOptions = {
  /** Shown at the server as `quern run=<run_id>`. */
  run_id: string;
  /** The server's own limit for one statement; the watchdog outside the session is the real one. */
  timeout_ms: number;
  /** Rows of one statement: further ones are not read, and the result says so. */
  max_rows: number;
  /** Bytes of one statement as the engine sends them. */
  max_bytes: number;
  max_cell_bytes: number;
  /** W3C trace context, for the comment that each statement carries. */
  traceparent?: string | null;
};

export type ExecuteRequest = {
  sql: string;
  params: Parameter[];
  options: ExecuteOptions;
  /** A session of `prepare` for the same target: used when it still is there and answers, else a new one is opened. */
  prepared?: BackendHandle | null;
};

export type ExplainRequest = ExecuteRequest & {
  /** Executes the statements, as `execute` would, and measures them. */
  analyze: boolean;
};

/** Names one session at the server for good: a pid alone may be someone else's a moment later. */
export type BackendHandle = { pid: number; backend_start: string };

export type StatementStart = {
  index: number;
  /** Offsets in the text, UTF-16 code units. */
  start: number;
  end: number;
  /** null when the statement returns no rows. */
  columns: Column[] | null;
  storages: Storage[];
};

export type StatementEnd = {
  index: number;
  /** The engine's tag: `INSERT 0 5`; `SELECT n` with the rows kept when the result was cut. */
  command: string;
  rows: number;
  rows_affected: number | null;
  /** Uncompressed, as the engine sent them. */
  bytes: number;
  truncated: Truncated;
  duration_ms: number;
};

/** Told of the session before anything of the run is sent in it; what comes next waits for the promise. */
export type OnSession = (handle: BackendHandle) => void | Promise<void>;

/** Takes what a run gives, in this order. The connector waits for every promise: that is the backpressure. */
export type Sink = {
  started: OnSession;
  statement(statement: StatementStart): void | Promise<void>;
  /** The next rows of the statement that started last. */
  batch(batch: Batch): void | Promise<void>;
  end(statement: StatementEnd): void | Promise<void>;
  notice(text: string): void;
};

export type ExecuteStats = { statements: number; rows: number; bytes: number };

/** `confirmed`: the server no longer runs anything in that session. */
export type CancelVerdict = "confirmed" | "unconfirmed";

/** All functions throw ConnectorError and nothing else on purpose. */
export type Connector = {
  /** Never throws for a failed connection: the report says which step failed and why. */
  testConnection(target: Target, onSession?: OnSession): Promise<ConnectionReport>;
  introspect(target: Target, onSession?: OnSession): Promise<SchemaSnapshot>;
  /** Runs the statements of the text in order in one new session; the first error ends it. */
  execute(target: Target, request: ExecuteRequest, sink: Sink): Promise<ExecuteStats>;
  /** How the engine would execute each statement: its plan, or null for a statement that has none. */
  explain(target: Target, request: ExplainRequest, onSession: OnSession): Promise<unknown[]>;
  /** Opens a session ahead of the one run that will name it; it ends by itself when unused for `keep_ms`. */
  prepare(target: Target, options: { keep_ms: number }): Promise<BackendHandle>;
  /** Ends a prepared session that is not used yet. One that is gone is no error. */
  release(handle: BackendHandle): Promise<void>;
  /** From a fresh connection: cancel, terminate after `grace_ms`, and look whether it is over. */
  cancel(
    target: Target,
    handle: BackendHandle,
    options: { grace_ms: number },
  ): Promise<CancelVerdict>;
};
