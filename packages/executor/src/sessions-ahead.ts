/**
 * Which executor processes open a session ahead of need, and for what. A run that finds one does not wait for
 * connecting and signing in. They count: with those at work they never are more than a datasource may have.
 */
import { createHash } from "node:crypto";
import type { Target } from "@quern/connectors/connector";
import type { ExecutorProcess } from "./executor-process.ts";
import type { ExecutionRequest } from "./messages.ts";

export type AheadConfig = {
  /** Ready sessions of one target at most; 0 opens none. */
  ready_sessions?: number;
  /** An unused one ends after this. */
  ready_ms?: number;
};

const READY_SESSIONS = 2;
const READY_MS = 20_000;

/** Equal for equal targets, the secret included: a session is for whoever would open the same. */
export function targetKey(target: Target | null): string {
  return createHash("sha256").update(JSON.stringify(target)).digest("base64");
}

export function sessionsAhead(config: AheadConfig, all: () => Iterable<ExecutorProcess>) {
  const most = config.ready_sessions ?? READY_SESSIONS;
  const running = new Map<string, number>();

  function count(key: string): number {
    let held = 0;
    for (const process of all()) if (process.held()?.key === key) held += 1;
    return held;
  }

  return {
    began(key: string): void {
      running.set(key, (running.get(key) ?? 0) + 1);
    },
    ended(key: string): void {
      const left = (running.get(key) ?? 1) - 1;
      if (left === 0) running.delete(key);
      else running.set(key, left);
    },
    /** After a run: lets processes that have nothing to do open what the next run of the same target needs. */
    open({ target, max_sessions = 0 }: ExecutionRequest, key: string, idle: ExecutorProcess[]) {
      if (target === null) return;
      for (const process of idle) {
        const held = count(key);
        if (held >= most || held + (running.get(key) ?? 0) >= max_sessions) return;
        if (process.held() === null) {
          process.prepare(target, key, config.ready_ms ?? READY_MS);
        }
      }
    },
    count: () => [...all()].filter((process) => process.held() !== null).length,
  };
}

/** Where in `idle` the process is that suits a run of this target best: the last of the best kind; -1 when all are lent out. */
export function bestFor(key: string | null, idle: ExecutorProcess[]): number {
  const fits = (process: ExecutorProcess) => {
    const held = process.held();
    if (held === null) return 1;
    if (held.key !== key) return 0;
    return held.open ? 3 : 2;
  };
  const best = Math.max(...idle.map(fits));
  return idle.findLastIndex((process) => fits(process) === best);
}
