/** One claimed job, from its lease to its end. */
import { setTimeout as delay } from "node:timers/promises";
import { type JobPhase, jobError } from "@quern/contract/job-error";
import { finishJob, type JobOutcome } from "@quern/store/job-ends";
import { releaseJob } from "@quern/store/job-queue";
import { type ClaimedJob, JobLeaseLostError } from "@quern/store/job-spec";
import { failureOf, UNFORESEEN } from "./job-failure.ts";
import { JobStopped, keepJobLease, type Stop } from "./job-lease.ts";
import { openJobProgress } from "./job-progress.ts";
import type { JobShop, JobWork } from "./job-work.ts";
import { workOf } from "./types.ts";

export type JobAtWork = {
  id: string;
  /** Settled, never rejected, when the job's row is final or the lease is given up. */
  over: Promise<void>;
  stop(why: Stop): void;
};

/** `claimedAt`: when the claim was asked for, by `performance.now()`. */
export function startJob(shop: JobShop, job: ClaimedJob, claimedAt: number): JobAtWork {
  const log = shop.log.child({
    job_id: job.id,
    attempt: job.attempt,
    request_id: job.http_request_id ?? undefined,
  });
  const span = shop.instruments.tracer.start("job", job.traceparent, {
    kind: "consumer",
    attributes: {
      "quern.job_id": job.id,
      "quern.job_type": job.type,
      "quern.attempt": job.attempt,
      ...(job.request_id !== null && { "quern.request_id": job.request_id }),
    },
  });
  const progress = openJobProgress(shop.db, job, span, (error) => {
    if (!(error instanceof JobLeaseLostError)) log.warn({ err: error }, "could not note progress");
  });
  const lease = keepJobLease(shop.db, job, progress, shop.times, claimedAt);
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const work: JobWork = {
    job,
    holder: { kind: "job", id: job.id },
    progress,
    signal: lease.signal,
    ended,
    log,
    span,
  };
  const over = perform(shop, work)
    .catch((error: unknown) => {
      if (error instanceof JobLeaseLostError) log.warn("lease lost: the job goes on elsewhere");
      else log.error({ err: error }, "the job could not be ended; its lease will lapse");
    })
    .finally(async () => {
      lease.end();
      span.end();
      end();
      await shop.layers.release(work.holder).catch((error: unknown) => {
        log.warn({ err: error }, "could not give back the job's layers");
      });
    });
  return { id: job.id, over, stop: lease.stop };
}

async function perform(shop: JobShop, work: JobWork): Promise<void> {
  const { job, progress, log } = work;
  const outcome = await outcomeOf(shop, work);
  await progress.close();
  if (outcome === "released") {
    await releaseJob(shop.db, job);
    return;
  }
  if (outcome === "lost") throw new JobLeaseLostError(job);
  await finishInTime(shop, work, { ...outcome, stages: progress.stages() });
  count(shop, work, outcome);
  work.span.end(outcome.error?.code);
  log.info({ type: job.type, status: outcome.status, code: outcome.error?.code }, "job ended");
}

async function outcomeOf(shop: JobShop, work: JobWork): Promise<JobOutcome | "released" | "lost"> {
  try {
    work.signal.throwIfAborted();
    return { status: "completed", error: null, ...(await workOf[work.job.type](shop, work)) };
  } catch (error) {
    const stopped = work.signal.reason;
    if (work.signal.aborted && stopped instanceof JobStopped) return stopOf(work, stopped.why);
    if (error instanceof JobStopped) return stopOf(work, error.why);
    if (error instanceof JobLeaseLostError) return "lost";
    return failed(work, error);
  }
}

function stopOf(work: JobWork, why: Stop): JobOutcome | "released" | "lost" {
  if (why === "lease_lost") return "lost";
  if (why === "canceled") return { status: "canceled", error: null };
  // A head is never run twice: without one, another process begins the job anew.
  if (work.progress.stage() !== "head") return "released";
  const words = "The sandbox was stopped before the head had ended. Run the job again.";
  return { status: "failed", error: jobError("sandbox_lost", "head", words) };
}

function failed(work: JobWork, error: unknown): JobOutcome {
  const phase: JobPhase = work.progress.stage();
  const facts = failureOf(error, phase);
  if (facts === null) work.log.error({ err: error }, "the job failed in a way not foreseen");
  const told = facts ?? jobError("internal", phase, UNFORESEEN);
  work.progress.log("error", told.message, {
    path: told.file,
    line: told.line,
    sqlstate: told.sqlstate,
  });
  return { status: "failed", error: told };
}

/** Writes the end of the job, again and again while the database is away and the lease may still be ours. */
async function finishInTime(shop: JobShop, work: JobWork, outcome: JobOutcome): Promise<void> {
  for (;;) {
    try {
      await finishJob(shop.db, work.job, outcome);
      return;
    } catch (error) {
      if (error instanceof JobLeaseLostError || isLost(work.signal)) throw error;
      work.log.warn({ err: error }, "could not write the end of the job; trying again");
      await delay(shop.times.retry_ms);
    }
  }
}

function isLost({ aborted, reason }: AbortSignal): boolean {
  return aborted && reason instanceof JobStopped && reason.why === "lease_lost";
}

function count({ instruments }: JobShop, { job, progress }: JobWork, outcome: JobOutcome): void {
  const { type } = job;
  instruments.jobsEnded.inc({ type, outcome: outcome.error?.code ?? outcome.status });
  for (const { stage, duration_ms } of progress.stages())
    instruments.jobSeconds.observe({ type, stage }, (duration_ms ?? 0) / 1000);
  if (outcome.snapshot) instruments.jobsHit.inc({ hit: outcome.snapshot.hit });
}
