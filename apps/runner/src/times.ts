import { RUN_TIMES, type RunTimes } from "@quern/run-work/times";

/**
 * How long things take at most, in milliseconds. From these docs/runs.md computes within how long a run ends when
 * something dies; tests of deaths shorten them.
 */
export type Times = RunTimes & {
  /** Notifications may get lost: without them, a run waits at most this long, give or take a fifth. */
  poll_ms: number;
  sweep_ms: number;
  tidy_ms: number;
  /** Between two looks for hours of monitored databases that are over and not summed up. */
  health_ms: number;
  /** Between two looks for advisor rules that are due, and for databases that are new to them. */
  advise_ms: number;
  enlist_ms: number;
  /** What running work gets when the runner is told to stop; then it is canceled. */
  drain_ms: number;
  /** Of a statement in our own database, by the server. */
  statement_ms: number;
  /** A connection to it that is silent for so long is thrown away. */
  silence_ms: number;
  connect_ms: number;
};

/** A renewal that meets a connection whose other end is gone is tried on a new one before the lease lapses: 3 + 9 + 0.5 < 15 s. */
export const TIMES: Times = {
  ...RUN_TIMES,
  poll_ms: 1_000,
  sweep_ms: 3_000,
  tidy_ms: 10 * 60_000,
  health_ms: 60_000,
  advise_ms: 5_000,
  enlist_ms: 60_000,
  drain_ms: 10_000,
  statement_ms: 8_000,
  silence_ms: 9_000,
  connect_ms: 5_000,
};
