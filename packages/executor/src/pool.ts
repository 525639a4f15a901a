/**
 * Keeps executor processes warm, gives each run one of its own, and puts them back or throws them away. See
 * `supervise.ts` for what happens to one run.
 */
import type { ExecutionEvents } from "./executor-process.ts";
import type { BegunStatement, ExecutionRequest, ScriptRequest, ScriptYield } from "./messages.ts";
import { type Outcome, outcomeOf, type StopReason } from "./outcome.ts";
import { type EndCounts, type ProcessesConfig, startProcesses } from "./processes.ts";
import { supervise } from "./supervise.ts";

export type ExecutorsConfig = ProcessesConfig & {
  /** Runs at the same time; further ones wait. */
  size: number;
  /** A canceled backend is terminated after this. */
  cancel_grace_ms?: number;
};

export type Execution = {
  /** Never rejects, and is settled within a bounded time after the run's timeout or a cancel. */
  result: Promise<Outcome>;
  /** Ends it; a run that is over stays as it is. */
  cancel(): void;
};

export type Executors = {
  execute(request: ExecutionRequest, events?: ExecutionEvents): Execution;
  stats(): {
    running: number;
    waiting: number;
    idle: number;
    /** Sessions that were opened ahead of need. */
    ready: number;
    started: number;
    ended: EndCounts;
  };
  /** Takes no more runs, waits for those at work until the deadline, then cancels them. */
  stop(options?: { deadline_ms?: number }): Promise<void>;
};

export type {
  BegunStatement,
  ExecutionEvents,
  ExecutionRequest,
  Outcome,
  ScriptRequest,
  ScriptYield,
};

/** Of a run that came while the executors were stopping: nothing was sent. */
const NOT_BEGUN = outcomeOf({ error: null, yield: null, accepted: false }, "cancel", true);

export async function startExecutors(config: ExecutorsConfig): Promise<Executors> {
  const processes = startProcesses(config);
  const active = new Set<{ stop: (reason: StopReason) => void; over: Promise<unknown> }>();
  const waiting: (() => void)[] = [];
  let running = 0;
  let stopping = false;
  await processes.prewarm();

  function slot(): Promise<void> {
    if (running < config.size) {
      running += 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => waiting.push(resolve));
  }

  function freeSlot(): void {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }

  return {
    execute(request, events = {}) {
      if (stopping) return { result: Promise.resolve(NOT_BEGUN), cancel: () => {} };
      let stop: (reason: StopReason) => void = () => {};
      const stopped = new Promise<StopReason>((resolve) => {
        stop = resolve;
      });
      const result = supervise({
        request,
        events,
        stopped,
        slot,
        freeSlot,
        processes,
        cancel_grace_ms: config.cancel_grace_ms ?? 2_000,
      });
      const entry = { stop, over: result };
      active.add(entry);
      void result.finally(() => active.delete(entry));
      return { result, cancel: () => stop("cancel") };
    },
    stats: () => ({ running, waiting: waiting.length, ...processes.stats() }),
    async stop({ deadline_ms = 0 } = {}) {
      stopping = true;
      const all = Promise.all([...active].map(({ over }) => over));
      let timer: NodeJS.Timeout | undefined;
      const deadline = new Promise((resolve) => {
        timer = setTimeout(resolve, deadline_ms);
      });
      await Promise.race([all, deadline]);
      clearTimeout(timer);
      for (const { stop } of active) stop("cancel");
      await Promise.all([...active].map(({ over }) => over));
      await processes.stop();
    },
  };
}
