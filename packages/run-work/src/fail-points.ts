import type { ExecutionEvents } from "@quern/executor/pool";

/**
 * Places at which a runner may die, stall or fail, so that tests can make it do so. A production runner passes them
 * all: only the runner that the tests start (e2e/src/crash/tested-runner.ts) hands `start` anything else.
 */
export type FailPoint =
  | "claimed"
  | "accepted"
  | "before_first_statement"
  | "streaming"
  | "parts_stored"
  | "before_commit"
  | "committed"
  | "renewing"
  | "sweeping"
  | "schedule_locked"
  | "schedule_enqueued"
  | "schedule_fired";

export type PassFailPoint = (point: FailPoint) => Promise<void> | void;

export const pass: PassFailPoint = () => {};

/** The same events, with the fail points that lie on their way. */
export function withFailPoints(events: ExecutionEvents, passing: PassFailPoint): ExecutionEvents {
  return {
    ...events,
    onAccepted() {
      void passing("accepted");
      events.onAccepted?.();
    },
    onStarted(handle) {
      void passing("before_first_statement");
      events.onStarted?.(handle);
    },
    onProgress(progress) {
      void passing("streaming");
      events.onProgress?.(progress);
    },
  };
}
