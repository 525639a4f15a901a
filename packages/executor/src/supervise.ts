/**
 * One run from its slot to its outcome. The watchdog is out here, so nothing that the SQL does to its session lifts
 * it: at the timeout, as at a cancel, another executor process stops the backend at the server and verifies; then
 * the run's own process gets a moment to report, and is killed.
 */
import type { BackendHandle, Target } from "@quern/connectors/connector";
import {
  type ExecutionEvents,
  type ExecutorProcess,
  ExecutorStartError,
  type ProcessResult,
} from "./executor-process.ts";
import type { ExecutionRequest } from "./messages.ts";
import { type Outcome, outcomeOf, type StopReason } from "./outcome.ts";
import type { DiscardReason, Processes } from "./processes.ts";
import { failure } from "./run-errors.ts";
import { targetKey } from "./sessions-ahead.ts";

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

/** Signing in takes work of both ends: first the run that just ended gets its rows. */
const REST_MS = 20;
/** What an executor may take to report after its backend was stopped. */
const REPORT_MS = 1_500;
/** An answer to a cancel request later than this is no answer. */
const CANCEL_MARGIN_MS = 9_000;
/** Idle processes can be dead or stopped without anybody having noticed: then another one is asked. */
const ATTEMPTS = 3;
const SILENCE: ProcessResult = { error: null, yield: null, accepted: true };

function died(message: string): ProcessResult {
  return { ...SILENCE, error: failure("executor_crashed", message, null) };
}

/** Never rejects. */
export async function supervise(task: Supervision): Promise<Outcome> {
  const slot = task.slot();
  const canceled = await Promise.race([slot.then(() => null), task.stopped]);
  if (canceled !== null) {
    // Its place in the queue is given on when its turn comes.
    void slot.then(task.freeSlot);
    return outcomeOf(SILENCE, "cancel", true);
  }
  try {
    return await runWithSlot(task);
  } finally {
    task.freeSlot();
  }
}

async function runWithSlot(task: Supervision): Promise<Outcome> {
  const { ahead, idle } = task.processes;
  const target = targetKey(task.request.target);
  let signedIn = false;
  const onStarted = (handle: BackendHandle) => {
    signedIn = true;
    task.events.onStarted?.(handle);
  };
  ahead.began(target);
  try {
    return await runInAProcess({ ...task, events: { ...task.events, onStarted } }, target);
  } finally {
    ahead.ended(target);
    if (signedIn) setTimeout(() => ahead.open(task.request, target, idle()), REST_MS).unref();
  }
}

async function runInAProcess(task: Supervision, target: string): Promise<Outcome> {
  let reason = "the processes did not read the request";
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const own = await takeProcess(task.processes, attempt, target);
    if (own instanceof ExecutorStartError) {
      reason = own.message;
      continue;
    }
    const ended = await runInProcess(task, own);
    if (ended !== false) return ended;
  }
  return outcomeOf(died(`No executor could take the run: ${reason}.`), null, false);
}

/** An idle process at first; after a failure one that starts now, because all idle ones may be dead. */
async function takeProcess(
  processes: Processes,
  attempt: number,
  target: string | null,
): Promise<ExecutorProcess | ExecutorStartError> {
  try {
    return await processes.take(attempt === 0 ? "idle" : "fresh", target);
  } catch (error) {
    if (error instanceof ExecutorStartError) return error;
    throw error;
  }
}

/** One attempt; false when the process had not even read the request. */
async function runInProcess(task: Supervision, own: ExecutorProcess): Promise<Outcome | false> {
  const { request, events, processes } = task;
  let handle: BackendHandle | null = null;
  let target = request.target;
  let stopping = false;
  const ended = own.run(request, {
    ...events,
    onStarted: (backend) => {
      handle = backend;
      events.onStarted?.(backend);
    },
    onMoved: (backend, to) => {
      handle = backend;
      target = to;
      return !stopping;
    },
  });
  const stop = await firstOf(ended, task.stopped, request.limits.timeout_ms);
  if (stop === null) {
    const result = await ended;
    if (result.yield !== null) {
      processes.give(own);
      return outcomeOf(result, null, false);
    }
    processes.discard(own, causeOfDeath(result));
    if (!result.accepted) return false;
    // The backend of a dead executor would work on until it next sends a row.
    if (handle !== null) await stopBackend(task, handle, target);
    return outcomeOf(result, null, false);
  }
  stopping = true;
  const confirmed = await stopBackendOf(task, handle, target, own);
  const result = await within(ended, REPORT_MS);
  // One without a session was killed on purpose.
  if (result?.yield == null) processes.discard(own, handle === null ? "canceled" : "stuck");
  else processes.give(own);
  return outcomeOf(result ?? (await within(ended, REPORT_MS)) ?? SILENCE, stop, confirmed);
}

function causeOfDeath({ accepted, error }: ProcessResult): DiscardReason {
  if (!accepted) return "unresponsive";
  return error?.code === "executor_oom" ? "memory" : "crashed";
}

/** True when the server runs nothing of this run any more. */
async function stopBackendOf(
  task: Supervision,
  handle: BackendHandle | null,
  target: Target | null,
  own: ExecutorProcess,
): Promise<boolean> {
  if (handle !== null) return await stopBackend(task, handle, target);
  // No statement goes out before the handle is here, so without one there is nothing to stop at the server.
  own.kill();
  return true;
}

async function stopBackend(
  task: Supervision,
  handle: BackendHandle,
  worker: Target | null,
): Promise<boolean> {
  const grace = task.cancel_grace_ms;
  const { request } = task;
  const target = request.kind === "script" ? (request.cancel_target ?? worker) : worker;
  if (target === null) return true;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const other = await takeProcess(task.processes, attempt, null);
    if (other instanceof ExecutorStartError) continue;
    const asked = other.cancelBackend(target, handle, grace);
    const verdict = await within(asked, grace + CANCEL_MARGIN_MS);
    if (verdict !== null) {
      task.processes.give(other);
      return verdict === "confirmed";
    }
    task.processes.discard(other, "unresponsive");
  }
  return false;
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
