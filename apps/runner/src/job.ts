/**
 * One claimed run, from its lease to its final row. The lease is renewed while the executor works; when it cannot be
 * renewed in time, or somebody else has ended the run, the work is stopped and nothing of it is written.
 */
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
import { finish, runError } from "./finish.ts";
import { keepLease } from "./lease.ts";
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
    const request = await prepare(shop, run, directory);
    const executed = "code" in request ? request : await runSql(shop, request, work);
    lease.check();
    await finish(shop, run, work, directory, executed);
  } finally {
    lease.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** What the executor is asked to do, or why nothing was asked: then no statement has gone out. */
async function prepare(
  shop: Workshop,
  run: ClaimedRun,
  directory: string,
): Promise<ExecutionRequest | RunError> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const target = await resolveTarget(shop.db, shop.keys, run);
    const limits = { ...run.limits, max_cell_bytes: MAX_CELL_BYTES };
    const common = { run_id: run.id, target, limits };
    switch (run.kind) {
      case "query":
        return { ...common, kind: "query", sql: run.sql!, params: [], directory };
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

function runSql(shop: Workshop, request: ExecutionRequest, work: Work): Promise<Executed> {
  const execution = shop.executors.execute(request, work.events);
  work.follow(execution);
  return execution.result;
}
