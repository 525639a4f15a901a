import type { RunError } from "@quern/contract/run-error";
import type { Outcome as Executed } from "@quern/executor/pool";
import { PartStoreError } from "@quern/results/parts";
import { type ClaimedRun, finishRun, LeaseLostError, type Outcome } from "@quern/store/queue";
import { listParts } from "@quern/store/result-parts";
import { pass } from "./fail-points.ts";
import type { RunShop } from "./job.ts";
import type { Lease } from "./lease.ts";
import { KeepingStoppedError, type KeptParts, type PartKeeper } from "./part-keeping.ts";
import { isRefusal, persist } from "./patience.ts";
import { runError } from "./run-refused.ts";
import type { Work } from "./work.ts";

/**
 * Stores the parts and writes the end of the run: status, manifest and parts in one transaction. Throws `LeaseLostError`
 * when the run was ended elsewhere; then nothing of it is left behind.
 */
export async function finish(
  shop: RunShop,
  run: ClaimedRun,
  work: Work,
  keeper: PartKeeper,
  executed: Executed | RunError,
  lease: Pick<Lease, "isLost" | "check">,
): Promise<void> {
  const outcome = toOutcome(work, executed);
  // Rows of a statement that did not end are no result.
  const ended = new Set(outcome.statements.map(({ index }) => index));
  const written = "status" in executed ? executed.parts : [];
  const parts = written.filter(({ statement }) => ended.has(statement));
  // A cancel that came before met a run that had ended by itself.
  const late = work.isCanceled() ? () => false : () => work.isCanceled();
  let kept: KeptParts;
  try {
    kept = await inTime(keeper.keep(parts, late), shop.times.store_ms);
    await shop.passFailPoint("parts_stored");
  } catch (error) {
    if (error instanceof KeepingStoppedError) {
      // Nobody canceled a run whose lease was lost meanwhile: how it ends is for the sweep to say.
      if (lease.isLost()) await keeper.discard();
      lease.check();
      const canceled = { status: "canceled" as const, error: null, cancel_confirmed: true };
      await finishInTime(shop, run, { ...withoutRows(outcome), ...canceled });
      await keeper.discard();
      return;
    }
    shop.log.error({ err: error }, "could not keep the result");
    await finishInTime(shop, run, failed(outcome, storeFailure(error)));
    if (!(error instanceof StoreTimeoutError)) await keeper.discard();
    return;
  }
  try {
    await finishInTime(shop, run, { ...outcome, parts: kept.parts, had_early_rows: kept.early });
  } catch (error) {
    if (isRefusal(error)) {
      shop.log.error({ err: error }, "the database refused the end of the run");
      const message =
        "Quern could not write down what this run gave. Its statements did run; the runner's log says more.";
      await finishInTime(shop, run, failed(outcome, runError("internal", message)));
    }
    // Without an answer it may yet be written: the sweep of orphans knows later whether these parts are anybody's.
    else if (!(error instanceof LeaseLostError) || (await isWritten(shop, run, outcome)))
      throw error;
    await keeper.discard();
    if (!isRefusal(error)) throw error;
  }
  if (kept.parts.length === 0) await keeper.discard();
}

class StoreTimeoutError extends Error {
  override name = "StoreTimeoutError";
}

/** A file system or a store that hangs must not keep a run at work for ever. */
async function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const words = `the result store did not take the result within ${ms / 1000} s`;
    timer = setTimeout(() => reject(new StoreTimeoutError(words)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function storeFailure(error: unknown): RunError {
  if (error instanceof PartStoreError || error instanceof StoreTimeoutError) {
    const hint = "Free room in the result store, then run it again.";
    return runError("result_store_unavailable", error.message, hint);
  }
  return runError(
    "result_store_unavailable",
    "The runner could not read back what the run gave. Its statements did run; the runner's log says more.",
  );
}

/** A finish whose answer got lost may have been written: then its parts are the result. */
async function isWritten(shop: RunShop, run: ClaimedRun, outcome: Outcome): Promise<boolean> {
  for (const { index } of outcome.statements) {
    if ((await listParts(shop.db, run.id, index)).length > 0) return true;
  }
  return false;
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
    plan: executed.plan,
  };
}

/** The same end, as a failure without rows. */
function failed(outcome: Outcome, error: RunError): Outcome {
  return { ...withoutRows(outcome), status: "failed", error };
}

function withoutRows(outcome: Outcome): Outcome {
  return { ...outcome, statements: [], parts: [], had_early_rows: true, snapshot: null };
}

/** Writes the end of the run, again and again while the database is away and the lease may still be ours. */
async function finishInTime(shop: RunShop, run: ClaimedRun, outcome: Outcome): Promise<void> {
  shop.watch.begin("finishing");
  const beforeCommit = async () => shop.passFailPoint("before_commit");
  const passing = shop.passFailPoint === pass ? undefined : beforeCommit;
  const again = (error: unknown) => !(error instanceof LeaseLostError || isRefusal(error));
  await persist(shop, "write the end of the run", again, async () => {
    const { cancel_ms } = await finishRun(shop.db, run, outcome, passing);
    await shop.passFailPoint("committed");
    shop.watch.ended(outcome, cancel_ms);
    shop.log.info(shop.watch.summary(), "run ended");
  });
}
