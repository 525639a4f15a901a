import { rm } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { startExecutors } from "@quern/executor/pool";
import { parsePartStore } from "@quern/results/parts";
import type { Log } from "@quern/runtime/log";
import type { Running } from "@quern/runtime/running";
import { openDatabase } from "@quern/store/db";
import { readRunnerKeys } from "@quern/store/keys";
import { listen } from "@quern/store/listen";
import { claimRuns, forgetRunner, noteRunner, sweepLapsedLeases } from "@quern/store/queue";
import { type Job, startJob, type Workshop } from "./job.ts";
import { LEASE_MS } from "./lease.ts";
import { deleteExpiredResults, deleteOrphanedParts } from "./retention.ts";
import type { RunnerSettings } from "./settings.ts";
import { newRunnerId, openWorkFolder } from "./work-folder.ts";

/** Notifications may get lost: without them, a run waits at most this long, give or take a fifth. */
const POLL_MS = 1_000;
const SWEEP_MS = 3_000;
const TIDY_MS = 10 * 60_000;
/** What running work gets when the runner is told to stop; then it is canceled. */
const DRAIN_MS = 10_000;

/** Claims runs and executes them until stopped. Stopping claims no more and lets running work finish, for a while. */
export async function start(settings: RunnerSettings, log: Log): Promise<Running> {
  const id = newRunnerId();
  const slots = settings.QUERN_RUNNER_SLOTS;
  const keys = await readRunnerKeys(settings.QUERN_KEYS);
  const db = openDatabase(settings.DATABASE_URL, {
    max: slots + 4,
    application_name: "quern runner",
    onError: (error) => log.warn({ err: error }, "lost a database connection"),
  });
  const workDirectory = await openWorkFolder(settings.QUERN_DATA_DIR, id);
  const executors = await startExecutors({
    size: slots,
    warm: Math.min(2, slots),
    memory_limit_bytes: settings.QUERN_EXECUTOR_MEMORY_BYTES,
  });
  const shop: Workshop = {
    db,
    keys,
    log,
    executors,
    partStore: parsePartStore(settings.QUERN_RESULTS),
    inlineBytes: settings.QUERN_RESULTS_INLINE_BYTES,
    workDirectory,
  };

  const jobs = new Map<string, Job>();
  const bell = new Bell();
  const stopping = new AbortController();
  const listener = listen(
    settings.DATABASE_URL,
    ["quern_queue", "quern_cancel"],
    (channel, runId) => {
      if (channel === "quern_cancel") jobs.get(runId)?.cancel();
      else bell.ring();
    },
    () => bell.ring(),
  );

  const claiming = repeat(stopping.signal, log, "claim runs", async () => {
    const free = slots - jobs.size;
    const claimed = free > 0 ? await claimRuns(db, id, free, LEASE_MS) : [];
    for (const run of claimed) {
      const job = startJob(shop, run);
      jobs.set(run.id, job);
      void job.over.then(() => {
        jobs.delete(run.id);
        bell.ring();
      });
    }
    // A full hand may mean that more is waiting.
    if (claimed.length === 0 || claimed.length < free)
      await bell.next(POLL_MS * (0.8 + Math.random() * 0.4));
  });
  const sweeping = repeat(stopping.signal, log, "sweep lapsed leases", async () => {
    await noteRunner(db, { id, hostname: hostname(), slots });
    for (const run of await sweepLapsedLeases(db))
      log.warn({ run_id: run }, "ended a run whose runner went away");
    await delay(SWEEP_MS, undefined, { signal: stopping.signal });
  });

  const tidying = repeat(stopping.signal, log, "delete old results", async () => {
    await delay(TIDY_MS * (0.8 + Math.random() * 0.4), undefined, { signal: stopping.signal });
    await deleteExpiredResults(shop);
    await deleteOrphanedParts(shop);
  });

  return {
    async stop() {
      stopping.abort();
      bell.ring();
      await Promise.all([claiming, sweeping, tidying]);
      await executors.stop({ deadline_ms: DRAIN_MS });
      await Promise.all([...jobs.values()].map(({ over }) => over));
      await listener.stop();
      await forgetRunner(db, id).catch((error: unknown) =>
        log.warn({ err: error }, "could not sign off"),
      );
      await db.destroy();
      await rm(workDirectory, { recursive: true, force: true });
    },
  };
}

/** Wakes whoever waits, or the next who will. */
class Bell {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Resolves at a ring since the last call, or after `ms`. */
  async next(ms: number): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#rung = false;
    this.#wake = undefined;
  }
}

/** Does `work` over and over until the signal; after an error it waits a moment, since the database may be away. */
async function repeat(
  signal: AbortSignal,
  log: Log,
  what: string,
  work: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await work();
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ err: error }, `could not ${what}; trying again`);
      await delay(500 + Math.random() * 1000);
    }
  }
}
