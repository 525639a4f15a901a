/**
 * One claimed run, from its lease to its final row. The lease is renewed while the executor works; when it cannot be
 * renewed in time, or somebody else has ended the run, the work is stopped and nothing of it is written.
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { RunError } from "@quern/contract/runs";
import type { Outcome as Executed, Executors } from "@quern/executor/pool";
import { type PartStore, PartStoreError } from "@quern/results/parts";
import type { Log } from "@quern/runtime/log";
import type { Database } from "@quern/store/db";
import type { RunnerKeys } from "@quern/store/keys";
import { type ClaimedRun, finishRun, LeaseLostError, type Outcome } from "@quern/store/queue";
import { listParts } from "@quern/store/runs";
import { RunRefused, resolveTarget } from "./connection.ts";
import { keepLease, LEASE_MS } from "./lease.ts";
import { keepParts } from "./part-keeping.ts";
import { Work } from "./work.ts";

export type Workshop = {
  db: Database;
  keys: RunnerKeys;
  log: Log;
  executors: Executors;
  partStore: PartStore;
  inlineBytes: number;
  /** Holds a folder for each run at work. */
  workDirectory: string;
};

export type Job = {
  id: string;
  /** Settled, never rejected, when the run's row is final or the lease is lost. */
  over: Promise<void>;
  cancel(): void;
};

const MAX_CELL_BYTES = 16 * 1024 ** 2;

export function startJob(shop: Workshop, run: ClaimedRun): Job {
  const log = shop.log.child({ run_id: run.id, attempt: run.attempt });
  const work = new Work();
  if (run.cancel_requested) work.cancel();
  const over = execute({ ...shop, log }, run, work).catch((error: unknown) => {
    if (error instanceof LeaseLostError) log.warn("lease lost: the run was ended elsewhere");
    else log.error({ err: error }, "the run could not be ended; its lease will lapse");
  });
  return { id: run.id, over, cancel: () => work.cancel() };
}

async function execute(shop: Workshop, run: ClaimedRun, work: Work): Promise<void> {
  const directory = join(shop.workDirectory, `${run.id}-${run.attempt}`);
  const lease = keepLease(shop, run, work);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const executed = await runSql(shop, run, work, directory);
    lease.check();
    await finish(shop, run, work, directory, executed);
  } finally {
    lease.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function runSql(
  shop: Workshop,
  run: ClaimedRun,
  work: Work,
  directory: string,
): Promise<Executed | RunError> {
  try {
    const target = await resolveTarget(shop.db, shop.keys, run);
    const common = {
      run_id: run.id,
      target,
      limits: { ...run.limits, max_cell_bytes: MAX_CELL_BYTES },
    };
    const execution = shop.executors.execute(
      run.kind === "query"
        ? { ...common, kind: "query", sql: run.sql!, params: [], directory }
        : { ...common, kind: run.kind },
      work.events,
    );
    work.follow(execution);
    return await execution.result;
  } catch (error) {
    if (error instanceof RunRefused) return error.error;
    throw error;
  }
}

async function finish(
  shop: Workshop,
  run: ClaimedRun,
  work: Work,
  directory: string,
  executed: Executed | RunError,
): Promise<void> {
  const outcome = toOutcome(work, executed);
  const parts = "status" in executed ? executed.parts : [];
  let kept: Awaited<ReturnType<typeof keepParts>>;
  try {
    kept = await keepParts(shop.partStore, shop.inlineBytes, run, directory, parts);
  } catch (error) {
    if (!(error instanceof PartStoreError)) throw error;
    const refused: RunError = {
      code: "result_store_unavailable",
      message: error.message,
      sqlstate: null,
      position: null,
      detail: null,
      hint: "Free room in the result store, then run it again.",
    };
    await finishInTime(shop, run, {
      ...outcome,
      status: "failed",
      error: refused,
      statements: [],
      parts: [],
    });
    return;
  }
  try {
    await finishInTime(shop, run, { ...outcome, parts: kept.parts });
  } catch (error) {
    // A finish whose answer got lost may have been written: then its parts are the result.
    const written = await Promise.all(
      outcome.statements.map(({ index }) => listParts(shop.db, run.id, index)),
    );
    if (written.flat().length === 0) await kept.discard();
    throw error;
  }
}

/** The executors stop what is still at work when the runner has to go. */
const RUNNER_STOPPED: RunError = {
  code: "runner_lost",
  message:
    "The runner was stopped before this run had ended. Its SQL may have had effects; run it again if that is safe.",
  sqlstate: null,
  position: null,
  detail: null,
  hint: null,
};

function toOutcome(work: Work, executed: Executed | RunError): Outcome {
  const progress = work.now();
  if (!("status" in executed)) {
    return {
      ...progress,
      status: "failed",
      error: executed,
      truncated: null,
      cancel_confirmed: null,
      cpu_ms: null,
      peak_rss: null,
      notices: [],
      statements: [],
      parts: [],
      report: null,
      snapshot: null,
    };
  }
  return {
    ...progress,
    ...(executed.status === "canceled" && !work.isCanceled()
      ? { status: "failed", error: RUNNER_STOPPED }
      : { status: executed.status, error: executed.error }),
    rows: executed.rows,
    bytes: executed.bytes,
    truncated: executed.truncated,
    cancel_confirmed: executed.cancel?.confirmed ?? null,
    cpu_ms: Math.round(executed.cpu_ms),
    peak_rss: executed.peak_rss,
    notices: executed.notices,
    statements: executed.statements,
    parts: [],
    report: executed.report,
    snapshot: executed.snapshot,
  };
}

/** Writes the end of the run, again and again while the database is away and the lease may still be ours. */
async function finishInTime(shop: Workshop, run: ClaimedRun, outcome: Outcome): Promise<void> {
  const deadline = performance.now() + LEASE_MS;
  for (let wait = 100; ; wait = Math.min(wait * 2, 2000)) {
    try {
      return await finishRun(shop.db, run, outcome);
    } catch (error) {
      if (error instanceof LeaseLostError || performance.now() + wait > deadline) throw error;
      shop.log.warn({ err: error }, "could not write the end of the run; trying again");
      await delay(wait);
    }
  }
}
