/** What supervisor and executor process say to each other. */

import type { BackendHandle, CancelVerdict, Parameter, Target } from "@quern/connectors/connector";
import type { ConnectionReport, SchemaSnapshot } from "@quern/contract/datasources";
import type { Column, Part, Statement } from "@quern/contract/results";
import type { RunError } from "@quern/contract/run-error";
import type { ScriptErrorCode, ScriptProblem } from "@quern/psql/script-error";
import type { Place } from "@quern/psql/session";
import type { Derivation } from "@quern/results/derive/derive";

export type ExecutionLimits = {
  /** From the moment an executor gets the run, connecting included. */
  timeout_ms: number;
  /** Of each statement. */
  max_rows: number;
  /** Of each statement, uncompressed. */
  max_bytes: number;
  max_cell_bytes: number;
};

export type ExecutionRequest = DatasourceRequest | ResultRequest | ScriptRequest;

/** Work on stored results, whose files are here. `directory` exists and is empty but for them; parts are written into it. */
export type ResultRequest = {
  run_id: string;
  kind: "result";
  target: null;
  limits: ExecutionLimits;
  traceparent?: string | null;
  max_sessions?: number;
  work: Derivation;
  directory: string;
};

/** Work at a datasource. */
export type DatasourceRequest = {
  run_id: string;
  target: Target;
  limits: ExecutionLimits;
  /** W3C trace context, for the comment that each statement carries. */
  traceparent?: string | null;
  /** Sessions that the datasource may have from here, those opened ahead included; none are when it is left out. */
  max_sessions?: number;
} & (
  | { kind: "test" }
  | { kind: "introspect" }
  /** Parts are written into `directory`, which is made with the first of them; small ones are sent. */
  | { kind: "query"; sql: string; params: Parameter[]; directory: string }
  | { kind: "explain"; sql: string; params: Parameter[]; analyze: boolean }
);

/** A psql script in a session of its own. Parts are written into `directory`, which is made with the first of them. */
export type ScriptRequest = {
  run_id: string;
  kind: "script";
  target: Target;
  /** Who stops the script's session when it has to be; as whoever runs it when left out. */
  cancel_target?: Target;
  limits: ExecutionLimits;
  traceparent?: string | null;
  max_sessions?: number;
  /** Files on disk by their path in the tree: those that the script may read, and no more, since each run is sent them. */
  files: Record<string, string>;
  /** The file to begin with. */
  entry: string;
  variables: Record<string, string>;
  session: {
    /** The server's own limit for one statement, which the script may change; that of the watchdog is in `limits`. */
    statement_timeout_ms?: number;
    /** Server settings from the start of the session, by name. */
    settings?: Record<string, string>;
  };
  /** `discard`: nothing that comes back is kept. */
  rows: "result" | "discard";
  directory: string;
};

export type ToExecutor =
  | { type: "run"; request: ExecutionRequest; memory_limit_bytes: number }
  /** The supervisor knows the backend: statements may be sent. */
  | { type: "go" }
  /** Open a session for the next run of this target. */
  | { type: "prepare"; id: number; target: Target; keep_ms: number }
  | {
      type: "cancel_backend";
      id: number;
      target: Target;
      handle: BackendHandle;
      grace_ms: number;
    };

/** A statement that returns rows, and has not ended. */
export type BegunStatement = Pick<Statement, "index" | "start" | "end"> & { columns: Column[] };

/** Of a script, ended well or not. */
export type ScriptYield = {
  /** Of the error; null when there was none, or nothing had begun. */
  place: Place | null;
  /** What the interpreter calls its error; null when it was none of its own. */
  error_code: ScriptErrorCode | null;
  /** Where the error is in its file, UTF-16 code units from 0; null when that is not known. */
  position: number | null;
  /** Texts that were sent. */
  statements: number;
  /** After the last of them. */
  transaction: "idle" | "open" | "failed";
  /** The statement that was sent last; null when there was none. */
  ended_at_place: Place | null;
  /** What \echo, \qecho and \warn wrote, at most 64 KiB. */
  output: string;
  /** The first errors of the server that the script passed over, with ON_ERROR_STOP off. */
  passed_over: ScriptProblem[];
};

/** What a run gave until it ended, well or not. */
export type RunYield = {
  statements: Statement[];
  parts: Part[];
  notices: string[];
  report: ConnectionReport | null;
  snapshot: SchemaSnapshot | null;
  /** Of an explain: an element each statement. */
  plan: unknown[] | null;
  /** Of a script, once its session was open. */
  script: ScriptYield | null;
  cpu_ms: number;
  /** Bytes. */
  peak_rss: number;
  rss: number;
};

/** A run error, or `canceled`: somebody at the server stopped the statement. */
export type ExecutorError = Omit<RunError, "code"> & { code: RunError["code"] | "canceled" };

export type FromExecutor =
  | { type: "ready" }
  /** The request was read: what happens next is the process's doing. */
  | { type: "accepted"; cancel: number | null }
  | { type: "started"; handle: BackendHandle }
  /** Whether the session that was asked for is open. */
  | { type: "prepared"; id: number; open: boolean }
  | { type: "first_row" }
  | { type: "progress"; rows: number; bytes: number }
  /** The session at work is another now, and nothing was sent in it: a script has connected anew. */
  | { type: "moved"; handle: BackendHandle; target: Target }
  /** The statement of a script that is at work. */
  | { type: "place"; place: Place }
  /** `statement` comes with its first part, `data` with a small one: then there is no file of it. */
  | { type: "part"; part: Part; statement: BegunStatement | null; data: Uint8Array | null }
  | { type: "finished"; error: ExecutorError | null; yield: RunYield }
  | { type: "cancel_verdict"; id: number; verdict: CancelVerdict; message: string | null };

/** How a run inside the executor process speaks to its supervisor. */
export type RunLink = {
  send(message: FromExecutor): void;
  /** Settles when the supervisor has noted the backend. */
  allowed(): Promise<void>;
};
