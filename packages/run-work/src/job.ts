/**
 * One claimed run, from its lease to its final row. The lease is renewed while the executor works; when it cannot be
 * renewed in time, or somebody else has ended the run, the work is stopped and nothing of it is written.
 */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { RunError } from "@quern/contract/run-error";
import type {
  Outcome as Executed,
  ExecutionEvents,
  ExecutionRequest,
  Executors,
} from "@quern/executor/pool";
import type { PartStore } from "@quern/results/parts";
import type { Log } from "@quern/runtime/log";
import type { Database } from "@quern/store/db";
import { type ClaimedRun, LeaseLostError } from "@quern/store/queue";
import { type PassFailPoint, withFailPoints } from "./fail-points.ts";
import { finish } from "./finish.ts";
import type { RunInstruments } from "./instruments.ts";
import { keepLease } from "./lease.ts";
import { openPartKeeper } from "./part-keeping.ts";
import { RunRefused, runError } from "./run-refused.ts";
import { placesOf } from "./sent-sql.ts";
import type { RunTimes } from "./times.ts";
import { type RunWatch, watchRun } from "./watch.ts";
import { Work } from "./work.ts";

export type Workshop = {
  db: Database;
  log: Log;
  executors: Executors;
  partStore: PartStore;
  inlineBytes: number;
  /** Holds a folder for each run at work. */
  workDirectory: string;
  times: RunTimes;
  passFailPoint: PassFailPoint;
  instruments: RunInstruments;
};

/** What the work on one run uses. */
export type RunShop = Workshop & { watch: RunWatch; onPlace?: JobOptions["onPlace"] };

export type Job = {
  id: string;
  /** Settled, never rejected, when the run's row is final or the lease is lost. */
  over: Promise<void>;
  /** What the executor said of it; null until then, and when it was never asked. */
  executed(): Executed | null;
  cancel(): void;
};

export type JobOptions = {
  /** How long the claim took. */
  claim_ms?: number;
  /** Of a script: hears of the statement at work. */
  onPlace?: NonNullable<ExecutionEvents["onPlace"]>;
};

/**
 * Says what the executor is asked to do; parts are written into `directory`, which is not there yet. Throws `RunRefused`
 * when the run cannot be started; whatever else it throws ends the run, too. No statement has gone out then.
 */
export type Prepare = (
  shop: RunShop,
  run: ClaimedRun,
  directory: string,
) => Promise<ExecutionRequest | RunError>;

export const MAX_CELL_BYTES = 16 * 1024 ** 2;

export function startJob(
  shop: Workshop,
  run: ClaimedRun,
  prepare: Prepare,
  { claim_ms = 0, onPlace }: JobOptions = {},
): Job {
  const watch = watchRun(shop.instruments, run, claim_ms);
  const log = shop.log.child({
    run_id: run.id,
    attempt: run.attempt,
    request_id: run.request_id ?? undefined,
    traceparent: watch.traceparent ?? undefined,
  });
  const claimedAt = performance.now() - claim_ms;
  const work = new Work(watch);
  if (run.cancel_requested) work.cancel();
  const runShop: RunShop = { ...shop, log, watch, onPlace };
  const over = execute(runShop, run, prepare, work, claimedAt).catch((error: unknown) => {
    if (error instanceof LeaseLostError) {
      shop.instruments.leasesLost.inc();
      log.warn("lease lost: the run was ended elsewhere");
      watch.abandoned("lease_lost");
    } else {
      log.error({ err: error }, "the run could not be ended; its lease will lapse");
      watch.abandoned("not_ended");
    }
  });
  return { id: run.id, over, executed: () => work.executed(), cancel: () => work.cancel() };
}

async function execute(
  shop: RunShop,
  run: ClaimedRun,
  prepare: Prepare,
  work: Work,
  claimedAt: number,
): Promise<void> {
  const directory = join(shop.workDirectory, `${run.id}-${run.attempt}`);
  const lease = keepLease(shop, run, work, claimedAt);
  const keeper = openPartKeeper(shop, run, directory);
  work.onPart(keeper.add);
  try {
    await shop.passFailPoint("claimed");
    shop.watch.begin("connecting");
    const request = await prepared(prepare, shop, run, directory);
    if ("target" in request && request.target !== null) shop.watch.on(request.target.type);
    lease.check();
    const mayStart = () => !lease.isLost();
    const executed = "code" in request ? request : await runSql(shop, run, request, work, mayStart);
    if (lease.isLost()) await keeper.close().then(keeper.discard);
    lease.check();
    shop.watch.begin("storing");
    await finish(shop, run, work, keeper, executed, lease);
  } finally {
    lease.stop();
    await keeper.close();
    // Most runs are small and never had one, and asking for its removal takes longer than looking.
    if (existsSync(directory)) await rm(directory, { recursive: true, force: true });
  }
}

/** What the executor is asked to do, or why nothing was asked. */
async function prepared(
  prepare: Prepare,
  ...[shop, run, directory]: Parameters<Prepare>
): Promise<ExecutionRequest | RunError> {
  try {
    return await prepare(shop, run, directory);
  } catch (error) {
    if (error instanceof RunRefused) return error.error;
    shop.log.error({ err: error }, "could not prepare the run");
    return runError(
      "internal",
      "The runner could not prepare this run; nothing was sent to the datasource. Its log says why. Run it again.",
    );
  }
}

async function runSql(
  shop: RunShop,
  run: ClaimedRun,
  request: ExecutionRequest,
  work: Work,
  mayStart: () => boolean,
): Promise<Executed> {
  // A head's text has no parameters: what looks like one is the script's.
  const places = run.sql === null || run.kind === "head" ? null : placesOf(run);
  const inOwnText = places?.events(work.events) ?? work.events;
  const { onPlace = () => {} } = shop;
  const events = withFailPoints({ ...inOwnText, mayStart, onPlace }, shop.passFailPoint);
  const execution = shop.executors.execute(request, events);
  work.follow(execution);
  const executed = await execution.result;
  return places?.outcome(executed) ?? executed;
}
