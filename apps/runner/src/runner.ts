import { rm } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { RunnerVitals } from "@quern/contract/system";
import { type Executors, startExecutors } from "@quern/executor/pool";
import { parsePartStore } from "@quern/results/parts";
import { type PassFailPoint, pass } from "@quern/run-work/fail-points";
import { type Job, startJob, type Workshop } from "@quern/run-work/job";
import { newRunnerId, openWorkFolder } from "@quern/run-work/work-folder";
import type { Log } from "@quern/runtime/log";
import { Bell, repeat } from "@quern/runtime/loops";
import { listenForScrapes } from "@quern/runtime/metrics-listener";
import type { Running } from "@quern/runtime/running";
import { s3CredentialsOf } from "@quern/runtime/settings";
import { openTracer } from "@quern/runtime/tracing";
import { VERSION } from "@quern/runtime/version";
import { type VitalsReader, watchVitals } from "@quern/runtime/vitals";
import { type Database, openDatabase, poolState } from "@quern/store/db";
import { deleteOldDrafts } from "@quern/store/drafts";
import { deleteOldFirings } from "@quern/store/firings";
import { readRunnerKeys } from "@quern/store/keys";
import { listen } from "@quern/store/listen";
import { claimRuns, forgetRunner, noteRunner, sweepLapsedLeases } from "@quern/store/queue";
import { isCancelRequested } from "@quern/store/runs";
import { advise, tidyAdvice } from "./advise.ts";
import { sumUpHealth, tidyHealth } from "./health-sweeps.ts";
import { openInstruments, watchCapacity } from "./instruments.ts";
import { prepareWith } from "./prepare-run.ts";
import { deleteExpiredProjects } from "./project-retention.ts";
import { deleteExpiredResults, deleteOrphanedParts, reportMissingParts } from "./retention.ts";
import { fireSchedules } from "./schedules.ts";
import type { RunnerSettings } from "./settings.ts";
import { TIMES } from "./times.ts";

export type RunningRunner = Running & {
  /** Where Prometheus may read; null when no setting asked for it. */
  metrics_address: string | null;
};

/** Claims runs and executes them until stopped. Stopping claims no more and lets running work finish, for a while. */
export async function start(
  settings: RunnerSettings,
  log: Log,
  times = TIMES,
  passFailPoint: PassFailPoint = pass,
): Promise<RunningRunner> {
  const id = newRunnerId();
  const slots = settings.QUERN_RUNNER_SLOTS;
  const keys = await readRunnerKeys(settings.QUERN_KEYS);
  const db = openDatabase(settings.DATABASE_URL, {
    max: slots + 4,
    application_name: "quern runner",
    statement_timeout_ms: times.statement_ms,
    silence_ms: times.silence_ms,
    connect_timeout_ms: times.connect_ms,
    onError: (error) => log.warn({ err: error }, "lost a database connection"),
  });
  const tracer = await openTracer("runner", settings, log);
  const instruments = openInstruments(db, tracer);
  const scrapes = await listenForScrapes(settings.QUERN_METRICS_ADDR, instruments.metrics, log);
  const vitals = watchVitals();
  const workDirectory = await openWorkFolder(settings.QUERN_DATA_DIR, id);
  const executors = await startExecutors({
    size: slots,
    warm: Math.min(2, slots),
    memory_limit_bytes: settings.QUERN_EXECUTOR_MEMORY_BYTES,
  });
  const shop = {
    db,
    log,
    executors,
    partStore: instruments.timedStore(
      parsePartStore(settings.QUERN_RESULTS, s3CredentialsOf(settings)),
    ),
    inlineBytes: settings.QUERN_RESULTS_INLINE_BYTES,
    workDirectory,
    instruments,
    times,
    passFailPoint,
  } satisfies Workshop;

  const prepare = prepareWith(keys);
  const jobs = new Map<string, Job>();
  watchCapacity(instruments.metrics.registry, slots, () => jobs.size, executors);
  const bell = new Bell();
  const stopping = new AbortController();
  // What cannot be looked up now is told by the next renewal of the lease, too.
  const notLooked = (error: unknown) =>
    log.warn({ err: error }, "could not look whether a run is to be canceled");
  const cancelIfAsked = async (run: string) => {
    if (!jobs.has(run)) return;
    if (await isCancelRequested(db, run).catch(notLooked)) jobs.get(run)?.cancel();
  };
  const listener = listen(
    settings.DATABASE_URL,
    ["quern_queue", "quern_cancel"],
    (channel, runId) => {
      if (channel === "quern_cancel") void cancelIfAsked(runId);
      else bell.ring();
    },
    () => bell.ring(),
  );

  const claiming = repeat(stopping.signal, log, "claim runs", async () => {
    const free = slots - jobs.size;
    const asked = performance.now();
    const claimed = free > 0 ? await claimRuns(db, id, free, times.lease_ms) : [];
    const claim_ms = performance.now() - asked;
    if (free > 0) instruments.claimSeconds.observe(claim_ms / 1000);
    instruments.claims.inc(claimed.length);
    for (const run of claimed) {
      const job = startJob(shop, run, prepare, { claim_ms });
      jobs.set(run.id, job);
      void job.over.then(() => {
        jobs.delete(run.id);
        bell.ring();
      });
    }
    // A full hand may mean that more is waiting.
    if (claimed.length === 0 || claimed.length < free)
      await bell.next(times.poll_ms * (0.8 + Math.random() * 0.4));
  });
  const sweeping = repeat(stopping.signal, log, "sweep lapsed leases", async () => {
    await noteRunner(db, {
      id,
      hostname: hostname(),
      slots,
      vitals: takeVitals(vitals, db, executors),
    });
    await passFailPoint("sweeping");
    for (const run of await sweepLapsedLeases(db)) {
      instruments.leaseExpiries.inc();
      log.warn({ run_id: run }, "ended a run whose runner went away");
    }
    await delay(times.sweep_ms, undefined, { signal: stopping.signal });
  });

  const firing = repeat(stopping.signal, log, "fire schedules", async () => {
    const wait_ms = await fireSchedules(shop, times.poll_ms);
    await delay(wait_ms, undefined, { signal: stopping.signal });
  });

  let enlisted = 0;
  const advising = repeat(stopping.signal, log, "evaluate advisor rules", async () => {
    if (performance.now() - enlisted > times.enlist_ms || enlisted === 0) {
      await tidyAdvice(db);
      enlisted = performance.now();
    }
    const more = await advise({ db, log, instruments }, stopping.signal);
    if (!more) await delay(times.advise_ms, undefined, { signal: stopping.signal });
  });

  const tidying = repeat(stopping.signal, log, "delete old results", async () => {
    await delay(times.tidy_ms * (0.8 + Math.random() * 0.4), undefined, {
      signal: stopping.signal,
    });
    await deleteExpiredResults(shop);
    await deleteOrphanedParts(shop);
    await reportMissingParts(shop);
    await deleteOldDrafts(db);
    await deleteOldFirings(db);
    await deleteExpiredProjects({ db, log, instruments });
    await tidyHealth({ db, log, instruments });
  });

  const summing = repeat(stopping.signal, log, "sum up database health", async () => {
    await delay(times.health_ms * (0.8 + Math.random() * 0.4), undefined, {
      signal: stopping.signal,
    });
    await sumUpHealth({ db, log, instruments }, stopping.signal);
  });

  return {
    metrics_address: scrapes.address,
    async stop() {
      stopping.abort();
      bell.ring();
      await Promise.all([claiming, sweeping, firing, advising, tidying, summing]);
      await executors.stop({ deadline_ms: times.drain_ms });
      await Promise.all([...jobs.values()].map(({ over }) => over));
      await listener.stop();
      await forgetRunner(db, id).catch((error: unknown) =>
        log.warn({ err: error }, "could not sign off"),
      );
      await scrapes.stop();
      await tracer.stop();
      vitals.stop();
      await db.destroy();
      await rm(workDirectory, { recursive: true, force: true });
    },
  };
}

function takeVitals(vitals: VitalsReader, db: Database, executors: Executors): RunnerVitals {
  const { idle, running: busy, started } = executors.stats();
  const counts = { idle, busy, started };
  return { version: VERSION, ...vitals.read(), pool: poolState(db), executors: counts };
}
