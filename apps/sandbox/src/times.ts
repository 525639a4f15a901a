import { RUN_TIMES, type RunTimes } from "@quern/run-work/times";

/** How long things take at most, in milliseconds. Leases are those of runs, and of the jobs that the runs belong to. */
export type Times = RunTimes & {
  /** Notifications may get lost: without them, a job waits at most this long, give or take a fifth. */
  poll_ms: number;
  /** Files that take longer are not run twice, for the answer and again for the layer: the head waits for the layer. */
  answer_first_ms: number;
  sweep_ms: number;
  tidy_ms: number;
  /** What running jobs get when the sandbox is told to stop. */
  drain_ms: number;
  statement_ms: number;
  silence_ms: number;
  connect_ms: number;
};

export const TIMES: Times = {
  ...RUN_TIMES,
  poll_ms: 1_000,
  answer_first_ms: 500,
  sweep_ms: 3_000,
  tidy_ms: 10 * 60_000,
  drain_ms: 10_000,
  statement_ms: 30_000,
  silence_ms: 9_000,
  connect_ms: 5_000,
};
