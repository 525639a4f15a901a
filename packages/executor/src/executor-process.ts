/** One executor process as its supervisor sees it. */
import type { BackendHandle, CancelVerdict, Target } from "@quern/connectors/connector";
import type { Part } from "@quern/contract/results";
import type { Place } from "@quern/psql/session";
import { type LaunchOptions, launch } from "./launch.ts";
import { readRss } from "./memory.ts";
import type {
  BegunStatement,
  ExecutionRequest,
  ExecutorError,
  FromExecutor,
  RunYield,
  ToExecutor,
} from "./messages.ts";
import { failure, OOM_HINT, OOM_MESSAGE } from "./run-errors.ts";

export type ExecutionEvents = {
  /** A process has read the request. */
  onAccepted?: () => void;
  /** The session is open; its first statement goes out after this. */
  onStarted?: (handle: BackendHandle) => void;
  /** Asked at the last moment before that; when it says no, nothing goes out, and the caller cancels. */
  mayStart?: () => boolean;
  onFirstRow?: () => void;
  /** At most four times a second. */
  onProgress?: (progress: { rows: number; bytes: number }) => void;
  /** The statement of a script that is at work, about four times a second while it goes on. */
  onPlace?: (place: Place) => void;
  /** The file is complete and can be read. */
  /** `data`: the bytes of a small part, which has no file. */
  onPart?: (part: Part, statement: BegunStatement, data: Uint8Array | null) => void;
};

export type ProcessEvents = ExecutionEvents & {
  /** A script has connected anew: this is the session at work now. When it says no, nothing is sent in it. */
  onMoved?: (handle: BackendHandle, target: Target) => boolean;
};

/**
 * How a run ended in its process; `yield` is null when the process died. `accepted` is false when it died, or hung,
 * before it read the request: nothing was done, and another process may try.
 */
export type ProcessResult = {
  error: ExecutorError | null;
  yield: RunYield | null;
  accepted: boolean;
};

export type ExecutorProcess = {
  pid: number;
  /** Rejects when the process cannot be started. */
  ready: Promise<void>;
  exited: Promise<void>;
  isAlive(): boolean;
  /** Runs begun so far, and resident bytes after the last one. */
  runs(): number;
  rss(): number;
  /** Opens a session for the next run, which should be of this target. `key` stands for the target. */
  prepare(target: Target, key: string, keepMs: number): void;
  /** The target whose session is open, or being opened, here. */
  held(): Held | null;
  /** One at a time. Never rejects. */
  run(request: ExecutionRequest, events: ProcessEvents): Promise<ProcessResult>;
  /** null when the process died or hung before it read the request. */
  cancelBackend(
    target: Target,
    handle: BackendHandle,
    graceMs: number,
  ): Promise<CancelVerdict | null>;
  kill(): void;
};

export type Held = { key: string; open: boolean };

const WATCH_MS = 200;
/** An idle process answers at once; one that does not is stopped or stuck. */
const ACCEPT_MS = 3_000;
const READY_MS = 20_000;
const MAX_OUTPUT = 16 * 1024;

type Current = {
  events: ProcessEvents;
  resolve: (result: ProcessResult) => void;
  accepted: boolean;
  /** The statement of the last part. */
  begun: BegunStatement | null;
};
type Cancel = { resolve: (verdict: CancelVerdict | null) => void; accepted: boolean };

export class ExecutorStartError extends Error {
  override name = "ExecutorStartError";
}

export function startExecutorProcess(options: LaunchOptions): ExecutorProcess {
  const child = launch(options);
  let alive = true;
  let output = "";
  let overLimit = false;
  let runs = 0;
  let rss = 0;
  let current: Current | null = null;
  let held: (Held & { id: number; until: number }) | null = null;
  let nextId = 0;
  const cancels = new Map<number, Cancel>();

  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-MAX_OUTPUT);
    });
  }
  let settleReady: { resolve: () => void; reject: (error: Error) => void };
  const ready = new Promise<void>((resolve, reject) => {
    settleReady = { resolve, reject };
  });
  const tooLate = setTimeout(() => child.kill("SIGKILL"), READY_MS).unref();
  // A caller may look at it later than it fails.
  ready.catch(() => {});
  const exited = new Promise<void>((resolve) => {
    const over = (how: string, signal: string | null) => {
      if (!alive) return;
      alive = false;
      settleReady.reject(new ExecutorStartError(`the executor did not start: ${how} ${output}`));
      for (const cancel of cancels.values()) cancel.resolve(cancel.accepted ? "unconfirmed" : null);
      cancels.clear();
      finish({ error: deathError(how, signal, output, overLimit), yield: null });
      resolve();
    };
    child.once("error", (error) => over(error.message, null));
    // `close`, not `exit`: the last words on stderr say whether it was memory.
    child.once("close", (code, signal) => over(signal ?? `exit code ${code}`, signal));
  });

  function finish(result: Omit<ProcessResult, "accepted">): void {
    const ended = current;
    current = null;
    ended?.resolve({ ...result, accepted: ended.accepted });
  }

  /** A process that does not read its messages is of no use to anybody. */
  function expectAccepted(request: { accepted: boolean }): void {
    setTimeout(() => {
      if (!request.accepted) child.kill("SIGKILL");
    }, ACCEPT_MS).unref();
  }

  function send(message: ToExecutor): void {
    // An error here means that the process is gone, and `close` tells it.
    if (child.connected) child.send(message, () => {});
  }

  child.on("message", (message: FromExecutor) => {
    switch (message.type) {
      case "ready":
        clearTimeout(tooLate);
        settleReady.resolve();
        break;
      case "accepted": {
        const request = message.cancel === null ? current : cancels.get(message.cancel);
        if (request != null) request.accepted = true;
        if (message.cancel === null) current?.events.onAccepted?.();
        break;
      }
      case "started":
        current?.events.onStarted?.(message.handle);
        if (current?.events.mayStart?.() !== false) send({ type: "go" });
        break;
      case "moved":
        if (current?.events.onMoved?.(message.handle, message.target) !== false)
          send({ type: "go" });
        break;
      case "place":
        current?.events.onPlace?.(message.place);
        break;
      case "prepared":
        if (held?.id === message.id) held = message.open ? { ...held, open: true } : null;
        break;
      case "first_row":
        current?.events.onFirstRow?.();
        break;
      case "progress":
        current?.events.onProgress?.({ rows: message.rows, bytes: message.bytes });
        break;
      case "part":
        if (current === null) break;
        current.begun = message.statement ?? current.begun;
        if (current.begun !== null) {
          current.events.onPart?.(message.part, current.begun, message.data);
        }
        break;
      case "finished":
        rss = message.yield.rss;
        finish({ error: message.error, yield: message.yield });
        break;
      case "cancel_verdict":
        cancels.get(message.id)?.resolve(message.verdict);
        cancels.delete(message.id);
        break;
    }
  });

  let watching = false;

  /** One watch for the process, however many runs begin and end while it sleeps. */
  async function watchMemory(): Promise<void> {
    if (watching) return;
    watching = true;
    while (current !== null && alive) {
      await new Promise((resolve) => setTimeout(resolve, WATCH_MS).unref());
      const used = await readRss(child.pid ?? 0);
      if (used !== null && used > options.memory_limit_bytes) {
        overLimit = true;
        child.kill("SIGKILL");
      }
    }
    watching = false;
  }

  return {
    pid: child.pid ?? 0,
    ready,
    exited,
    isAlive: () => alive,
    runs: () => runs,
    rss: () => rss,
    prepare(target, key, keepMs) {
      nextId += 1;
      held = { key, open: false, id: nextId, until: Date.now() + keepMs };
      send({ type: "prepare", id: nextId, target, keep_ms: keepMs });
    },
    held: () => (held !== null && alive && Date.now() < held.until ? held : null),
    run(request, events) {
      runs += 1;
      held = null;
      return new Promise((resolve) => {
        if (!alive) {
          const error = deathError("before the run", null, output, false);
          resolve({ error, yield: null, accepted: false });
          return;
        }
        current = { events, resolve, accepted: false, begun: null };
        send({ type: "run", request, memory_limit_bytes: options.memory_limit_bytes });
        expectAccepted(current);
        void watchMemory();
      });
    },
    cancelBackend(target, handle, graceMs) {
      nextId += 1;
      const id = nextId;
      return new Promise((resolve) => {
        if (!alive) {
          resolve(null);
          return;
        }
        const cancel: Cancel = { resolve, accepted: false };
        cancels.set(id, cancel);
        send({ type: "cancel_backend", id, target, handle, grace_ms: graceMs });
        expectAccepted(cancel);
      });
    },
    kill: () => {
      child.kill("SIGKILL");
    },
  };
}

const HEAP = /heap out of memory|Allocation failed|out of memory|bad_alloc|Cannot allocate memory/i;

function deathError(
  how: string,
  signal: string | null,
  output: string,
  overLimit: boolean,
): ExecutorError {
  if (overLimit || HEAP.test(output)) return failure("executor_oom", OOM_MESSAGE, OOM_HINT);
  const hint =
    signal === "SIGKILL"
      ? "It was killed from outside; the system does so when memory runs out."
      : "Run it again; if it happens again, tell the operator of this installation.";
  return failure("executor_crashed", `The executor process ended during the run (${how}).`, hint);
}
