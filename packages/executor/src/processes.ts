/** The executor processes: some warm and idle, the others lent out to one run each. */
import { type ExecutorProcess, startExecutorProcess } from "./executor-process.ts";
import { type AheadConfig, bestFor, sessionsAhead } from "./sessions-ahead.ts";

export type ProcessesConfig = AheadConfig & {
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
  /**
   * A ready process that nobody else uses, one with an open session for the target where there is one. `fresh`: one
   * that starts now, after an idle one did not answer.
   */
  take(which: "idle" | "fresh", target: string | null): Promise<ExecutorProcess>;
  ahead: ReturnType<typeof sessionsAhead>;
  /** The process used last comes first: its memory is in the caches. */
  idle(): ExecutorProcess[];
  /** Back into the pool, or to its end when it is dead, old or big. */
  give(taken: ExecutorProcess): void;
  discard(taken: ExecutorProcess, reason: DiscardReason): void;
};

/**
 * `crashed` or out of `memory` in a run; `canceled` before it had a session; `stuck`: did not report after its backend was
 * stopped; `unresponsive`: did not read a request.
 */
export type DiscardReason = "crashed" | "memory" | "canceled" | "stuck" | "unresponsive";

/** Why processes ended: `worn` ones are old or big, `surplus` ones were idle for long. */
export type EndCounts = Record<DiscardReason | "worn" | "surplus" | "died_idle", number>;

export function startProcesses(config: ProcessesConfig) {
  const all = new Set<ExecutorProcess>();
  const idle: { process: ExecutorProcess; since: number }[] = [];
  const ended: EndCounts = {
    worn: 0,
    surplus: 0,
    crashed: 0,
    memory: 0,
    canceled: 0,
    stuck: 0,
    unresponsive: 0,
    died_idle: 0,
  };
  let started = 0;
  let stopping = false;
  const idleMs = config.idle_ms ?? 30_000;
  const ahead = sessionsAhead(config, () => all);

  function begin(): ExecutorProcess {
    const fresh = startExecutorProcess({ memory_limit_bytes: config.memory_limit_bytes });
    started += 1;
    all.add(fresh);
    void fresh.exited.then(() => {
      all.delete(fresh);
      const place = idle.findIndex(({ process }) => process === fresh);
      if (place === -1) return;
      idle.splice(place, 1);
      if (!stopping) ended.died_idle += 1;
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
      ended.surplus += 1;
    }
  }, idleMs).unref();

  return {
    prewarm: async () => {
      refill();
      await Promise.all(idle.map(({ process }) => process.ready));
    },
    async take(which: "idle" | "fresh", target: string | null) {
      // Of equals the one used last: its memory is in the caches, and the others may grow old and end.
      const place = bestFor(
        target,
        idle.map(({ process }) => process),
      );
      const known = which === "fresh" || place === -1 ? undefined : idle.splice(place, 1)[0];
      const found = known?.process ?? begin();
      setImmediate(refill);
      await found.ready;
      return found;
    },
    give(taken) {
      const used =
        taken.runs() >= (config.runs_per_process ?? 200) ||
        taken.rss() > (config.reuse_rss_bytes ?? 220 * MB);
      if (!taken.isAlive()) ended.crashed += 1;
      else if (used) ended.worn += 1;
      if (stopping || used || !taken.isAlive()) taken.kill();
      else idle.push({ process: taken, since: Date.now() });
      setImmediate(refill);
    },
    discard(taken, reason) {
      taken.kill();
      ended[reason] += 1;
      setImmediate(refill);
    },
    ahead,
    idle: () => idle.map(({ process }) => process).reverse(),
    stats: () => ({ idle: idle.length, ready: ahead.count(), started, ended: { ...ended } }),
    async stop() {
      stopping = true;
      clearInterval(trimming);
      const ending = [...all];
      for (const process of ending) process.kill();
      await Promise.all(ending.map(({ exited }) => exited));
    },
  } satisfies Processes & Record<string, unknown>;
}
