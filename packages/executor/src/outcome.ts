/** How a run ended, in the words of the run record. */
import type { Truncated } from "@quern/contract/results";
import type { RunError } from "@quern/contract/run-error";
import type { ProcessResult } from "./executor-process.ts";
import type { ExecutorError, RunYield } from "./messages.ts";
import { failure } from "./run-errors.ts";

export type StopReason = "cancel" | "timeout";

export type Outcome = {
  status: "succeeded" | "failed" | "canceled";
  error: RunError | null;
  /** null when nobody asked to stop it, a timeout included. */
  cancel: { confirmed: boolean } | null;
  rows: number;
  bytes: number;
  truncated: Truncated;
} & Omit<RunYield, "rss">;

const NOTHING: RunYield = {
  statements: [],
  parts: [],
  notices: [],
  report: null,
  snapshot: null,
  plan: null,
  script: null,
  cpu_ms: 0,
  peak_rss: 0,
  rss: 0,
};

/** `confirmed`: the server was seen to run nothing of it any more. */
export function outcomeOf(
  result: ProcessResult,
  stop: StopReason | null,
  confirmed: boolean,
): Outcome {
  const { rss: _, ...given } = result.yield ?? NOTHING;
  const truncated: Truncated =
    given.statements.findLast((statement) => statement.truncated !== null)?.truncated ?? null;
  const whole = {
    ...given,
    rows: given.statements.reduce((sum, { rows }) => sum + rows, 0),
    bytes: given.statements.reduce((sum, { bytes }) => sum + bytes, 0),
    truncated,
  };
  const cancel = stop === "cancel" ? { confirmed } : null;
  // It ended before the stop reached it: what happened has happened.
  if (result.yield !== null && result.error === null) {
    return { ...whole, status: "succeeded", error: null, cancel };
  }
  if (stop === "cancel") return { ...whole, status: "canceled", error: null, cancel };
  if (stop === "timeout") {
    return { ...whole, status: "failed", error: timeoutError(result.error, confirmed), cancel };
  }
  return { ...whole, status: "failed", error: runError(result.error), cancel };
}

function timeoutError(error: ExecutorError | null, confirmed: boolean): RunError {
  return {
    code: "timeout",
    message: confirmed
      ? "The run took longer than its timeout and was stopped."
      : "The run took longer than its timeout; the server did not confirm that it has stopped.",
    sqlstate: error?.sqlstate ?? null,
    position: null,
    detail: null,
    hint: "Raise the timeout of the run, or make the query cheaper.",
  };
}

/** Stopped by somebody else at the server, such as an administrator. */
function runError(error: ExecutorError | null): RunError {
  const given = error ?? failure("internal", "The run ended without a reason.", null);
  return given.code === "canceled"
    ? { ...given, code: "sql_error" }
    : { ...given, code: given.code };
}
