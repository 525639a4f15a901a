/**
 * One run from its slot to its outcome. The watchdog is out here, so nothing that the SQL does to its session lifts
 * it: at the timeout, as at a cancel, another executor process stops the backend at the server and verifies; then
 * the run's own process gets a moment to report, and is killed.
 */
import type { BackendHandle } from "@quern/connectors/connector";
import type { Truncated } from "@quern/contract/results";
import type { RunError } from "@quern/contract/runs";
import {
  type ExecutionEvents,
  type ExecutorProcess,
  ExecutorStartError,
  type ProcessResult,
} from "./executor-process.ts";
import type { ExecutionRequest, ExecutorError, RunYield } from "./messages.ts";
import type { Outcome, Processes } from "./pool.ts";
import { failure } from "./run-errors.ts";

export type StopReason = "cancel" | "timeout";

export type Supervision = {
  request: ExecutionRequest;
  events: ExecutionEvents;
  /** Settled when somebody cancels. */
  stopped: Promise<StopReason>;
  slot(): Promise<void>;
  freeSlot(): void;
  processes: Processes;
  cancel_grace_ms: number;
};

/** What an executor may take to report after its backend was stopped. */
const REPORT_MS = 1_500;
/** An answer to a cancel request later than this is no answer. */
const CANCEL_MARGIN_MS = 9_000;

/** Never rejects. */
export async function supervise(task: Supervision): Promise<Outcome> {
  await task.slot();
  try {
    const canceled = await Promise.race([task.stopped, Promise.resolve(null)]);
    if (canceled !== null) return outcome({ error: null, yield: null }, "cancel", true);
    return await runInProcess(task, await task.processes.take());
  } catch (error) {
    if (!(error instanceof ExecutorStartError)) throw error;
    return outcome({ error: failure("executor_crashed", error.message, null), yield: null }, null, false);
  } finally {
    task.freeSlot();
  }
}

async function runInProcess(task: Supervision, own: ExecutorProcess): Promise<Outcome> {
  const { request, events, processes } = task;
  let handle: BackendHandle | null = null;
  const ended = own.run(request, {
    ...events,
    onStarted: (backend) => {
      handle = backend;
      events.onStarted?.(backend);
    },
  });
  const stop = await firstOf(ended, task.stopped, request.limits.timeout_ms);
  if (stop === null) {
    const result = await ended;
    if (result.yield === null) await clearUp(task, handle, processes.discard, own);
    else processes.give(own);
    return outcome(result, null, false);
  }
  const confirmed = await stopBackend(task, handle, own);
  const result = await within(ended, REPORT_MS);
  if (result?.yield == null) processes.discard(own);
  else processes.give(own);
  return outcome(result ?? (await afterKill(ended)), stop, confirmed);
}

/** The backend of a dead executor would work on until it next sends a row. */
async function clearUp(
  task: Supervision,
  handle: BackendHandle | null,
  discard: (process: ExecutorProcess) => void,
  own: ExecutorProcess,
): Promise<void> {
  discard(own);
  if (handle !== null) await stopBackend(task, handle, own);
}

/** True when the server runs nothing of this run any more. */
async function stopBackend(
  task: Supervision,
  handle: BackendHandle | null,
  own: ExecutorProcess,
): Promise<boolean> {
  if (handle === null) {
    // No statement goes out before the handle is here, so without one there is nothing to stop at the server.
    own.kill();
    return task.request.kind !== "introspect";
  }
  let other: ExecutorProcess;
  try {
    other = await task.processes.take();
  } catch (error) {
    if (!(error instanceof ExecutorStartError)) throw error;
    return false;
  }
  const grace = task.cancel_grace_ms;
  const verdict = await within(
    other.cancelBackend(task.request.target, handle, grace),
    grace + CANCEL_MARGIN_MS,
  );
  if (verdict === null) task.processes.discard(other);
  else task.processes.give(other);
  return verdict === "confirmed";
}

/** null when the run ended by itself; else why it is to be stopped. */
async function firstOf(
  ended: Promise<unknown>,
  stopped: Promise<StopReason>,
  timeoutMs: number,
): Promise<StopReason | null> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<StopReason>((resolve) => {
    timer = setTimeout(() => resolve("timeout"), timeoutMs);
  });
  const first = await Promise.race([ended.then(() => null), stopped, timeout]);
  clearTimeout(timer);
  return first;
}

/** null when it takes longer. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  const value = await Promise.race([promise, late]);
  clearTimeout(timer);
  return value;
}

async function afterKill(ended: Promise<ProcessResult>): Promise<ProcessResult> {
  return (await within(ended, REPORT_MS)) ?? { error: null, yield: null };
}

const NOTHING: RunYield = {
  statements: [],
  parts: [],
  notices: [],
  report: null,
  snapshot: null,
  cpu_ms: 0,
  peak_rss: 0,
  rss: 0,
};

function outcome(result: ProcessResult, stop: StopReason | null, confirmed: boolean): Outcome {
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
  return given.code === "canceled" ? { ...given, code: "sql_error" } : { ...given, code: given.code };
}
