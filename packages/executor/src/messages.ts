/** What supervisor and executor process say to each other. */

import type { BackendHandle, CancelVerdict, Parameter, Target } from "@quern/connectors/connector";
import type { ConnectionReport, SchemaSnapshot } from "@quern/contract/datasources";
import type { Part, Statement } from "@quern/contract/results";
import type { RunError } from "@quern/contract/runs";

export type ExecutionLimits = {
  /** From the moment an executor gets the run, connecting included. */
  timeout_ms: number;
  /** Of each statement. */
  max_rows: number;
  /** Of each statement, uncompressed. */
  max_bytes: number;
  max_cell_bytes: number;
};

export type ExecutionRequest = {
  run_id: string;
  target: Target;
  limits: ExecutionLimits;
} & (
  | { kind: "test" }
  | { kind: "introspect" }
  /** `directory` exists and is empty; parts are written into it. */
  | { kind: "query"; sql: string; params: Parameter[]; directory: string }
);

export type ToExecutor =
  | { type: "run"; request: ExecutionRequest; memory_limit_bytes: number }
  /** The supervisor knows the backend: statements may be sent. */
  | { type: "go" }
  | {
      type: "cancel_backend";
      id: number;
      target: Target;
      handle: BackendHandle;
      grace_ms: number;
    };

/** What a run gave until it ended, well or not. */
export type RunYield = {
  statements: Statement[];
  parts: Part[];
  notices: string[];
  report: ConnectionReport | null;
  snapshot: SchemaSnapshot | null;
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
  | { type: "first_row" }
  | { type: "progress"; rows: number; bytes: number }
  | { type: "part"; part: Part }
  | { type: "finished"; error: ExecutorError | null; yield: RunYield }
  | { type: "cancel_verdict"; id: number; verdict: CancelVerdict; message: string | null };

/** How a run inside the executor process speaks to its supervisor. */
export type RunLink = {
  send(message: FromExecutor): void;
  /** Settles when the supervisor has noted the backend. */
  allowed(): Promise<void>;
};
