/** The executor processes: some warm and idle, the others lent out to one run each. */
import { type ExecutorProcess, startExecutorProcess } from "./executor-process.ts";

export type ProcessesConfig = {
  /** Processes kept ready while nothing runs. */
  warm: number;
  memory_limit_bytes: number;
  /** A process is replaced after so many runs, or when it stays bigger than this. */
  runs_per_process?: number;
  reuse_rss_bytes?: number;
  /** A surplus idle process ends after this. */
  idle_ms?: number;
};

const MB = 1024 ** 2;

export type Processes = {
  /** A ready process that nobody else uses. `fresh`: one that starts now, after an idle one did not answer. */
  take(which: "idle" | "fresh"): Promise<ExecutorProcess>;
  /** Back into the pool, or to its end when it is dead, old or big. */
  give(taken: ExecutorProcess): void;
  discard(taken: ExecutorProcess): void;
};

export function startProcesses(config: ProcessesConfig) {
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
    async take(which: "idle" | "fresh") {
      // The one used last: its memory is in the caches, and the others may grow old and end.
      const found = (which === "idle" ? idle.pop()?.process : undefined) ?? begin();
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
