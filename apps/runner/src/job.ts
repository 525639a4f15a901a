/**
 * One claimed run, from its lease to its final row. The lease is renewed while the executor works; when it cannot be
 * renewed in time, or somebody else has ended the run, the work is stopped and nothing of it is written.
 */
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { RunError } from "@quern/contract/runs";
import type { Outcome as Executed, ExecutionRequest, Executors } from "@quern/executor/pool";
import type { PartStore } from "@quern/results/parts";
import type { Log } from "@quern/runtime/log";
import type { Database } from "@quern/store/db";
import type { RunnerKeys } from "@quern/store/keys";
import { type ClaimedRun, LeaseLostError } from "@quern/store/queue";
import { RunRefused, resolveTarget } from "./connection.ts";
import { type PassFailPoint, withFailPoints } from "./fail-points.ts";
import { finish, runError } from "./finish.ts";
import type { Instruments } from "./instruments.ts";
import { keepLease } from "./lease.ts";
import { openPartKeeper } from "./part-keeping.ts";
import { isAway, persist } from "./patience.ts";
import { isResultWork, prepareResultWork } from "./result-work.ts";
import { placesOf, sentSql } from "./sent-sql.ts";
import type { Times } from "./times.ts";
import { type RunWatch, watchRun } from "./watch.ts";
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
  times: Times;
  passFailPoint: PassFailPoint;
  instruments: Instruments;
};

/** What the work on one run uses. */
export type RunShop = Workshop & { watch: RunWatch };

export type Job = {
  id: string;
  /** Settled, never rejected, when the run's row is final or the lease is lost. */
  over: Promise<void>;
  cancel(): void;
};

const MAX_CELL_BYTES = 16 * 1024 ** 2;

/** `claim_ms`: how long the claim took. */
export function startJob(shop: Workshop, run: ClaimedRun, claim_ms = 0): Job {
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
  const over = execute({ ...shop, log, watch }, run, work, claimedAt).catch((error: unknown) => {
    if (error instanceof LeaseLostError) {
      shop.instruments.leasesLost.inc();
      log.warn("lease lost: the run was ended elsewhere");
      watch.abandoned("lease_lost");
    } else {
      log.error({ err: error }, "the run could not be ended; its lease will lapse");
      watch.abandoned("not_ended");
    }
  });
  return { id: run.id, over, cancel: () => work.cancel() };
}

async function execute(
  shop: RunShop,
  run: ClaimedRun,
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
    const request = await prepare(shop, run, directory);
    lease.check();
    const mayStart = () => !lease.isLost();
    const executed = "code" in request ? request : await runSql(shop, run, request, work, mayStart);
    if (lease.isLost()) await keeper.close().then(keeper.discard);
    lease.check();
    shop.watch.begin("storing");
    await finish(shop, run, work, keeper, executed);
  } finally {
    lease.stop();
    await keeper.close();
    // Most runs are small and never had one, and asking for its removal takes longer than looking.
    if (existsSync(directory)) await rm(directory, { recursive: true, force: true });
  }
}

/** What the executor is asked to do, or why nothing was asked: then no statement has gone out. */
async function prepare(
  shop: RunShop,
  run: ClaimedRun,
  directory: string,
): Promise<ExecutionRequest | RunError> {
  try {
    if (isResultWork(run)) {
      await mkdir(directory, { mode: 0o700 });
      const limits = { ...run.limits, max_cell_bytes: MAX_CELL_BYTES };
      return await persist(shop, "prepare the run", isAway, () =>
        prepareResultWork(shop, run, directory, limits),
      );
    }
    const { target, max_sessions } = await resolveTarget(shop.keys, run);
    shop.watch.on(target.type);
    const limits = { ...run.limits, max_cell_bytes: MAX_CELL_BYTES };
    const { traceparent } = shop.watch;
    const common = { run_id: run.id, target, limits, traceparent, max_sessions };
    switch (run.kind) {
      case "query":
        return { ...common, kind: "query", ...sentSql(run), directory };
      case "explain": {
        const analyze = run.spec?.analyze === true;
        return { ...common, kind: "explain", ...sentSql(run), analyze };
      }
      case "test":
      case "introspect":
        return { ...common, kind: run.kind };
      default:
        throw new RunRefused(
          "internal",
          `This runner is older than the API: it does not know ${run.kind}.`,
        );
    }
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
  shop: Workshop,
  run: ClaimedRun,
  request: ExecutionRequest,
  work: Work,
  mayStart: () => boolean,
): Promise<Executed> {
  const places = run.sql === null ? null : placesOf(run);
  const inOwnText = places?.events(work.events) ?? work.events;
  const events = withFailPoints({ ...inOwnText, mayStart }, shop.passFailPoint);
  const execution = shop.executors.execute(request, events);
  work.follow(execution);
  const executed = await execution.result;
  return places?.outcome(executed) ?? executed;
}
