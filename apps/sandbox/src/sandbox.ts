/** Claims jobs of projects and works on them until stopped: planner, layers, instances, and the executors that run their files. */
import { rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startExecutors } from "@quern/executor/pool";
import { parsePartStore } from "@quern/results/parts";
import { pass } from "@quern/run-work/fail-points";
import { newRunnerId, openWorkFolder } from "@quern/run-work/work-folder";
import type { Log } from "@quern/runtime/log";
import { Bell, repeat } from "@quern/runtime/loops";
import { listenForScrapes } from "@quern/runtime/metrics-listener";
import type { Running } from "@quern/runtime/running";
import { s3CredentialsOf } from "@quern/runtime/settings";
import { openTracer } from "@quern/runtime/tracing";
import { watchVitals } from "@quern/runtime/vitals";
import { openDatabase } from "@quern/store/db";
import { isJobCancelRequested } from "@quern/store/job-ends";
import { claimJobs, sweepJobs } from "@quern/store/job-queue";
import { listen } from "@quern/store/listen";
import { isCancelRequested } from "@quern/store/runs";
import { forgetSandbox, noteSandbox } from "@quern/store/sandboxes";
import { defaultLimits } from "./instances/limits.ts";
import { startPeople } from "./instances/people.ts";
import { proxySettingsOf } from "./instances/process-settings.ts";
import { isBusy, startInstances } from "./instances/start.ts";
import { openInstruments, watchJobs } from "./instruments.ts";
import { openBehind } from "./jobs/behind.ts";
import { openEnvironmentBook } from "./jobs/environment-book.ts";
import { openFileCache } from "./jobs/file-cache.ts";
import type { JobShop } from "./jobs/job-work.ts";
import { prebuildOne } from "./jobs/prebuild.ts";
import { type JobAtWork, startJob } from "./jobs/work-job.ts";
import { openLayerInstruments, watchLayerStore } from "./layers/instruments.ts";
import { layerLimits, openSharedOf } from "./layers/settings.ts";
import { LAYER_TIMES, startLayerStore } from "./layers/start-layer-store.ts";
import { openScriptBook } from "./planner/script-book.ts";
import type { SandboxSettings } from "./settings.ts";
import { TIMES } from "./times.ts";

export type RunningSandbox = Running & { metrics_address: string | null };

/** How often files of projects that no job needed for a day are removed from this disk. */
const FILES_UNUSED_MS = 24 * 60 * 60_000;

/** Stopping claims no more, lets running jobs end for a while, and gives back those that had not begun their head. */
export async function start(
  settings: SandboxSettings,
  log: Log,
  times = TIMES,
  layerTimes = LAYER_TIMES,
  busy = isBusy,
): Promise<RunningSandbox> {
  const id = newRunnerId();
  const slots = settings.QUERN_SANDBOX_SLOTS;
  const folder = join(settings.QUERN_DATA_DIR, "sandbox");
  const db = openDatabase(settings.DATABASE_URL, {
    max: slots * 2 + 6,
    application_name: "quern sandbox",
    statement_timeout_ms: times.statement_ms,
    silence_ms: times.silence_ms,
    connect_timeout_ms: times.connect_ms,
    onError: (error) => log.warn({ err: error }, "lost a database connection"),
  });
  const tracer = await openTracer("sandbox", settings, log);
  const instruments = openInstruments(db, tracer);
  const { registry } = instruments.metrics;
  const scrapes = await listenForScrapes(settings.QUERN_METRICS_ADDR, instruments.metrics, log);
  const vitals = watchVitals();
  const workDirectory = await openWorkFolder(folder, id);
  const executors = await startExecutors({
    size: slots * 2,
    warm: Math.min(2, slots),
    memory_limit_bytes: settings.QUERN_EXECUTOR_MEMORY_BYTES,
  });
  const instances = await startInstances({
    folder,
    clone: settings.QUERN_SANDBOX_CLONE,
    uids: settings.QUERN_SANDBOX_UIDS,
    allow_superuser: settings.QUERN_SANDBOX_SUPERUSER,
    limits: {
      ...defaultLimits,
      memory_bytes: settings.QUERN_SANDBOX_INSTANCE_MEMORY_BYTES,
      disk_bytes: settings.QUERN_SANDBOX_INSTANCE_DISK_BYTES,
    },
    pool: settings.QUERN_SANDBOX_POOL,
    busy,
    registry,
    log,
  });
  const layers = await startLayerStore({
    db,
    log,
    folder,
    limits: await layerLimits(settings, folder, db),
    instruments: openLayerInstruments(registry),
    times: layerTimes,
    clone: instances.stats().clone.backend,
    forget: instances.forget,
    shared: await openSharedOf(settings, s3CredentialsOf(settings)),
  });
  watchLayerStore(registry, layers.stats);
  const people = await startPeople({
    db,
    instances,
    sandbox: id,
    address: proxySettingsOf(settings),
    log,
  });
  const files = await openFileCache(db, join(folder, "files"));
  const shop: JobShop = {
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
    passFailPoint: pass,
    sandbox: id,
    layers,
    instances,
    people,
    files,
    scripts: openScriptBook(files.path),
    heads: new Map(),
    environments: openEnvironmentBook(db, instances),
    behind: openBehind(log),
  };

  const jobs = new Map<string, JobAtWork>();
  watchJobs(registry, slots, () => jobs.size, executors);
  const bell = new Bell();
  const stopping = new AbortController();
  const engines = instances.engines.map(({ major }) => major);
  // What cannot be looked up now is told by the next renewal of the lease, too.
  const notLooked = (error: unknown) =>
    log.warn({ err: error }, "could not look whether something is to be canceled");
  const cancelHeadIfAsked = async (run: string) => {
    if (!shop.heads.has(run)) return;
    if (await isCancelRequested(db, run).catch(notLooked)) shop.heads.get(run)?.();
  };
  const stopIfAsked = async (job: string) => {
    if (!jobs.has(job)) return;
    if (await isJobCancelRequested(db, job).catch(notLooked)) jobs.get(job)?.stop("canceled");
  };
  const listener = listen(
    settings.DATABASE_URL,
    ["quern_jobs", "quern_job_cancel", "quern_cancel", "quern_instances"],
    (channel, named) => {
      if (channel === "quern_instances") return people.look();
      if (channel === "quern_cancel") void cancelHeadIfAsked(named);
      else if (channel === "quern_job_cancel") void stopIfAsked(named);
      else bell.ring();
    },
    () => bell.ring(),
  );

  const claiming = repeat(stopping.signal, log, "claim jobs", async () => {
    const free = slots - jobs.size;
    const asked = performance.now();
    const { store_id } = layers;
    const claimed =
      free > 0
        ? await claimJobs(db, id, { max: free, lease_ms: times.lease_ms, store_id, engines })
        : [];
    for (const job of claimed) {
      const atWork = startJob(shop, job, asked);
      jobs.set(job.id, atWork);
      void atWork.over.then(() => {
        jobs.delete(job.id);
        bell.ring();
      });
    }
    if (claimed.length === 0 || claimed.length < free)
      await bell.next(times.poll_ms * (0.8 + Math.random() * 0.4));
  });
  const sweeping = repeat(stopping.signal, log, "sweep lapsed jobs", async () => {
    await noteSandbox(
      db,
      signOf(shop, slots, jobs.size, vitals.read(), settings.QUERN_SANDBOX_SUPERUSER),
    );
    const swept = await sweepJobs(db);
    for (const job of swept.queued) log.warn({ job_id: job }, "took back a job whose sandbox died");
    for (const job of swept.ended) log.warn({ job_id: job }, "ended a job whose sandbox died");
    await delay(times.sweep_ms, undefined, { signal: stopping.signal });
  });
  const prebuilding = repeat(stopping.signal, log, "make states ahead of need", async () => {
    // Jobs that are wanted now come first.
    const found = jobs.size < slots && (await prebuildOne(shop, stopping.signal));
    if (!found) await delay(times.poll_ms, undefined, { signal: stopping.signal });
  });
  const tidying = repeat(stopping.signal, log, "delete old files", async () => {
    const wait = times.tidy_ms * (0.8 + Math.random() * 0.4);
    await delay(wait, undefined, { signal: stopping.signal });
    await shop.files.sweep(FILES_UNUSED_MS);
  });

  return {
    metrics_address: scrapes.address,
    async stop() {
      stopping.abort();
      bell.ring();
      await Promise.all([claiming, sweeping, prebuilding, tidying]);
      await endJobs([...jobs.values()], times.drain_ms);
      await shop.behind.stop();
      await executors.stop({ deadline_ms: 0 });
      await listener.stop();
      await people.stop();
      await instances.stop();
      await layers.stop();
      await forgetSandbox(db, id).catch((error: unknown) =>
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

/** Lets them end for so long, then stops them. */
async function endJobs(jobs: readonly JobAtWork[], patienceMs: number): Promise<void> {
  const all = Promise.all(jobs.map(({ over }) => over));
  const late = setTimeout(() => {
    for (const job of jobs) job.stop("shutting_down");
  }, patienceMs);
  await all;
  clearTimeout(late);
}

function signOf(
  { sandbox, layers, instances }: JobShop,
  slots: number,
  running: number,
  vitals: object,
  superuser: boolean,
): Parameters<typeof noteSandbox>[1] {
  const cache = layers.stats();
  const { clone, isolation, pool, proxy } = instances.stats();
  return {
    id: sandbox,
    store_id: layers.store_id,
    hostname: hostname(),
    engines: instances.engines.map(({ major, version, extensions }) => ({
      major,
      version,
      extensions: extensions
        .filter(({ allowed, trusted }) => allowed || trusted)
        .map(({ name, default_version, trusted }) => ({ name, version: default_version, trusted })),
    })),
    capacity: {
      slots,
      running,
      clone: clone.backend,
      isolation: wordsOf(isolation),
      superuser,
      cache_bytes: cache.used_bytes,
      cache_max_bytes: cache.effective_max_bytes,
      disk_free_bytes: cache.free_bytes,
      pool: pool.capacity,
    },
    vitals,
    proxy: proxy && { host: proxy.host, port: proxy.port, tls: proxy.tls },
  };
}

function wordsOf({
  uids,
  network,
  cgroup,
  notes,
}: ReturnType<JobShop["instances"]["stats"]>["isolation"]) {
  const has = [
    uids ? "a user of its own" : null,
    network ? "a network namespace without a network" : null,
    cgroup === null ? null : `a control group (${cgroup})`,
  ].filter((one) => one !== null);
  const what =
    has.length > 0 ? `Each instance has ${has.join(", ")}.` : "Instances share one user.";
  return [what, ...notes].join(" ");
}
