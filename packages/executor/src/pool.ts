/**
 * Keeps executor processes warm, gives each run one of its own, and puts them back or throws them away. See
 * `supervise.ts` for what happens to one run.
 */
import type { Truncated } from "@quern/contract/results";
import type { RunError } from "@quern/contract/runs";
import {
  type ExecutionEvents,
  type ExecutorProcess,
  startExecutorProcess,
} from "./executor-process.ts";
import type { ExecutionRequest, RunYield } from "./messages.ts";
import { type StopReason, supervise } from "./supervise.ts";

export type ExecutorsConfig = {
  /** Runs at the same time; further ones wait. */
  size: number;
  /** Processes kept ready while nothing runs. */
  warm: number;
  memory_limit_bytes: number;
  /** A process is replaced after so many runs, or when it stays bigger than this. */
  runs_per_process?: number;
  reuse_rss_bytes?: number;
  /** A surplus idle process ends after this. */
  idle_ms?: number;
  /** A canceled backend is terminated after this. */
  cancel_grace_ms?: number;
};

export type Outcome = {
  status: "succeeded" | "failed" | "canceled";
  error: RunError | null;
  /** null when nobody asked to stop it, a timeout included. */
  cancel: { confirmed: boolean } | null;
  rows: number;
  bytes: number;
  truncated: Truncated;
} & Omit<RunYield, "rss">;

export type Execution = {
  /** Never rejects, and is settled within a bounded time after the run's timeout or a cancel. */
  result: Promise<Outcome>;
  /** Ends it; a run that is over stays as it is. */
  cancel(): void;
};

export type Executors = {
  execute(request: ExecutionRequest, events?: ExecutionEvents): Execution;
  stats(): { running: number; waiting: number; idle: number; started: number };
  /** Takes no more runs, waits for those at work until the deadline, then cancels them. */
  stop(options?: { deadline_ms?: number }): Promise<void>;
};

export type { ExecutionEvents, ExecutionRequest };

const MB = 1024 ** 2;

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
      if (stopping) throw new Error("the executors are stopping");
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

export type Processes = {
  /** A ready process that nobody else uses. */
  take(): Promise<ExecutorProcess>;
  /** Back into the pool, or to its end when it is dead, old or big. */
  give(taken: ExecutorProcess): void;
  discard(taken: ExecutorProcess): void;
};

function startProcesses(config: ExecutorsConfig) {
  const all = new Set<ExecutorProcess>();
  const idle: { process: ExecutorProcess; since: number }[] = [];
  let started = 0;
  let stopping = false;
  const idleMs = config.idle_ms ?? 30_000;

  function begin(): ExecutorProcess {
    const fresh = startExecutorProcess({ memory_limit_bytes: config.memory_limit_bytes });
    started += 1;
    all.add(fresh);
    void fresh.exited.then(() => {
      all.delete(fresh);
      const place = idle.findIndex(({ process }) => process === fresh);
      if (place !== -1) idle.splice(place, 1);
    });
    return fresh;
  }

  function refill(): void {
    while (!stopping && idle.length < config.warm) {
      idle.push({ process: begin(), since: Date.now() });
    }
  }

  const trimming = setInterval(() => {
    const now = Date.now();
    while (idle.length > config.warm && now - (idle[0]?.since ?? now) > idleMs) {
      idle.shift()?.process.kill();
    }
  }, idleMs).unref();

  return {
    prewarm: async () => {
      refill();
      await Promise.all(idle.map(({ process }) => process.ready));
    },
    async take() {
      // The one used last: its memory is in the caches, and the others may grow old and end.
      const found = idle.pop()?.process ?? begin();
      setImmediate(refill);
      await found.ready;
      return found;
    },
    give(taken) {
      const used =
        taken.runs() >= (config.runs_per_process ?? 200) ||
        taken.rss() > (config.reuse_rss_bytes ?? 220 * MB);
      if (stopping || used || !taken.isAlive()) taken.kill();
      else idle.push({ process: taken, since: Date.now() });
      setImmediate(refill);
    },
    discard(taken) {
      taken.kill();
      setImmediate(refill);
    },
    stats: () => ({ idle: idle.length, started }),
    async stop() {
      stopping = true;
      clearInterval(trimming);
      const ending = [...all];
      for (const process of ending) process.kill();
      await Promise.all(ending.map(({ exited }) => exited));
    },
  } satisfies Processes & Record<string, unknown>;
}
