import { setTimeout as delay } from "node:timers/promises";
import type { RunError } from "@quern/contract/runs";
import type { Outcome as Executed } from "@quern/executor/pool";
import { PartStoreError } from "@quern/results/parts";
import { sqlstate } from "@quern/store/db";
import { type ClaimedRun, finishRun, LeaseLostError, type Outcome } from "@quern/store/queue";
import { listParts } from "@quern/store/result-parts";
import type { Workshop } from "./job.ts";
import { LEASE_MS } from "./lease.ts";
import { keepParts } from "./part-keeping.ts";
import type { Work } from "./work.ts";

/** An error of our own, about no place in the SQL. */
export function runError(
  code: RunError["code"],
  message: string,
  hint: string | null = null,
): RunError {
  return { code, message, sqlstate: null, position: null, detail: null, hint };
}

/**
 * Stores the parts and writes the end of the run: status, manifest and parts in one transaction. Throws `LeaseLostError`
 * when the run was ended elsewhere; then nothing of it is left behind.
 */
export async function finish(
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
    return finishInTime(
      shop,
      run,
      failed(
        outcome,
        runError(
          "result_store_unavailable",
          error.message,
          "Free room in the result store, then run it again.",
        ),
      ),
    );
  }
  try {
    await finishInTime(shop, run, { ...outcome, parts: kept.parts });
  } catch (error) {
    // A finish whose answer got lost may have been written: then its parts are the result.
    const written = await Promise.all(
      outcome.statements.map(({ index }) => listParts(shop.db, run.id, index)),
    );
    if (written.flat().length === 0) await kept.discard();
    if (!isRefusal(error)) throw error;
    shop.log.error({ err: error }, "the database refused the end of the run");
    const message =
      "Quern could not write down what this run gave. Its statements did run; the runner's log says more.";
    await finishInTime(shop, run, failed(outcome, runError("internal", message)));
  }
}

/** The executors stop what is still at work when the runner has to go. */
const RUNNER_STOPPED = runError(
  "runner_lost",
  "The runner was stopped before this run had ended. Its SQL may have had effects; run it again if that is safe.",
);

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

/** The same end, as a failure without rows. */
function failed(outcome: Outcome, error: RunError): Outcome {
  return { ...outcome, status: "failed", error, statements: [], parts: [], snapshot: null };
}

/** SQLSTATE classes of a database that is away, full, busy, or not the primary now: it may take it later. */
const LATER = /^(08|25|40|53|55|57)/;

function isRefusal(error: unknown): boolean {
  const state = sqlstate(error);
  return state !== undefined && !LATER.test(state);
}

/** Writes the end of the run, again and again while the database is away and the lease may still be ours. */
async function finishInTime(shop: Workshop, run: ClaimedRun, outcome: Outcome): Promise<void> {
  const deadline = performance.now() + LEASE_MS;
  for (let wait = 100; ; wait = Math.min(wait * 2, 2000)) {
    try {
      return await finishRun(shop.db, run, outcome);
    } catch (error) {
      const late = performance.now() + wait > deadline;
      if (error instanceof LeaseLostError || late || isRefusal(error)) throw error;
      shop.log.warn({ err: error }, "could not write the end of the run; trying again");
      await delay(wait);
    }
  }
}
