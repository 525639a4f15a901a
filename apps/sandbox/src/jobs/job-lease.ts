import type { Database } from "@quern/store/db";
import { renewJob } from "@quern/store/job-queue";
import { type ClaimedJob, JobLeaseLostError } from "@quern/store/job-spec";
import type { JobProgress } from "./job-progress.ts";

/** Why the work on a job is to stop. */
export type Stop = "canceled" | "lease_lost" | "shutting_down";

/** Aborts the signal of a job that was canceled. Its reason says so. */
export class JobStopped extends Error {
  override name = "JobStopped";
  readonly why: Stop;
  constructor(why: Stop) {
    super(`the job was stopped: ${why}`);
    this.why = why;
  }
}

export type JobLease = {
  signal: AbortSignal;
  stop(why: Stop): void;
  end(): void;
};

/**
 * Renews the lease until `end`. The signal is aborted when somebody cancels the job, and when the lease may have lapsed: the clock
 * is this machine's monotonic one, from before the claim was asked for.
 */
export function keepJobLease(
  db: Database,
  job: ClaimedJob,
  progress: JobProgress,
  times: { lease_ms: number; renew_ms: number },
  claimedAt: number,
): JobLease {
  const control = new AbortController();
  const stop = (why: Stop) => control.abort(new JobStopped(why));
  let until = claimedAt + times.lease_ms;
  let ended = false;
  let shown = "null";

  async function renew(): Promise<void> {
    if (ended) return;
    const asked = performance.now();
    const place = progress.place();
    const told = JSON.stringify(place);
    try {
      const current = told === shown ? undefined : place;
      const { cancel_requested } = await renewJob(db, job, times.lease_ms, current);
      until = asked + times.lease_ms;
      shown = told;
      if (cancel_requested) stop("canceled");
    } catch (error) {
      // Any other error may pass: the next renewal tries again, until the lease has lapsed.
      if (error instanceof JobLeaseLostError) stop("lease_lost");
    }
  }

  const renewing = setInterval(() => void renew(), times.renew_ms);
  const watching = setInterval(() => {
    if (performance.now() > until) stop("lease_lost");
  }, 250);
  if (job.cancel_requested) stop("canceled");
  return {
    signal: control.signal,
    stop,
    end() {
      ended = true;
      clearInterval(renewing);
      clearInterval(watching);
    },
  };
}
