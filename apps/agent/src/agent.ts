/** The agent as one running thing: turns of collection, samples between them, uploads, health. */
import type { Log } from "@quern/runtime/log";
import type { Running } from "@quern/runtime/running";
import { type Collections, openCollections } from "./collections.ts";
import type { Collector } from "./collector.ts";
import type { AgentConfig, UploadConfig } from "./config/agent-config.ts";
import { openFinisher } from "./finished-payload.ts";
import { listenForHealth } from "./health/listener.ts";
import { heartbeat } from "./heartbeats.ts";
import { pause } from "./pause.ts";
import { openServerWishes } from "./server-wishes.ts";
import { openSpool } from "./spool/spool.ts";
import { everyInterval } from "./ticks.ts";
import type { UploadTimes } from "./upload/delivery.ts";
import { startUploader } from "./upload/uploader.ts";

export type Agent = Running & {
  /** Where health is served; null when it is not. */
  health: string | null;
};

type Effects = {
  log: Log;
  now?: () => number;
  random?: () => number;
  times?: UploadTimes;
};

/** At most; agents that start together, as after a power cut, do not ask together. */
const START_JITTER_MS = 5_000;
/** Of what is left to do at the end: the whole has to be over within two seconds. */
const LAST_SAMPLES_MS = 500;

/** Throws `ConfigError` for what can only be found wrong by trying: an address, a file. */
export async function startAgent(
  config: AgentConfig & { upload: UploadConfig },
  collector: Collector,
  { log, now = Date.now, random = Math.random, times }: Effects,
): Promise<Agent> {
  const stopping = new AbortController();
  const { signal } = stopping;
  const wishes = openServerWishes(now);
  const spool = await openSpool(config.spool, now);
  const uploader = startUploader(config.upload, spool, {
    log,
    now,
    random,
    ...(times && { times }),
    learn: (instance_id, answer) => {
      wishes.learn(instance_id, answer);
      collector.learn(instance_id, answer);
    },
  });
  const finish = openFinisher(collector, spool.state, uploader.state, now);
  const { wake } = uploader;
  const parts = { config: config.collection, collector, spool, finish, wishes, log, wake, now };
  const collections = openCollections(parts);
  const health = await listenForHealth(config, { collections, collector, spool, uploader, wishes });
  if (health.address !== null) log.info({ address: health.address }, "serving health and metrics");
  const spoolError = spool.state().disk_error;
  if (spoolError !== null) {
    log.warn({ dir: config.spool.dir, code: spoolError }, "no disk for the spool: kept in memory");
  }

  const beat = () => heartbeat(config.upload, collections.state, wishes.all_paused(), log, signal);
  const jitter = random() * Math.min(START_JITTER_MS, config.collection.interval_ms / 2);
  const loops = [
    collecting(collections, uploader.state, beat, jitter, signal),
    sampling(config, collector, collections, jitter, signal),
  ];

  return {
    health: health.address,
    async stop() {
      stopping.abort();
      const work = Promise.all(loops);
      const idle = await Promise.race([work.then(() => true), after(LAST_SAMPLES_MS)]);
      const samples = idle ? collections.takeSamples() : null;
      await Promise.race([samples, after(LAST_SAMPLES_MS)]);
      await Promise.all([collector.close(), uploader.stop(), health.stop()]);
      // What was under way has ended with its connection, or is on its way to the disk.
      await Promise.race([Promise.all([work, samples]), after(LAST_SAMPLES_MS)]);
      await spool.flush();
    },
  };
}

async function collecting(
  collections: Collections,
  upload: () => { last_upload_at: number | null },
  beat: () => Promise<void>,
  jitter: number,
  signal: AbortSignal,
): Promise<void> {
  await pause(jitter, signal);
  let uploaded: number | null = null;
  const turn = async () => {
    await collections.take();
    const last = upload().last_upload_at;
    // Not awaited: a slow server does not hold up the next turn.
    if (collections.state.last_error !== null || last === uploaded) void beat();
    uploaded = last;
  };
  await everyInterval(collections.interval, signal, turn, (turns) => {
    collections.state.skipped_turns += turns;
  });
}

async function sampling(
  { collection }: AgentConfig,
  collector: Collector,
  collections: Collections,
  jitter: number,
  signal: AbortSignal,
): Promise<void> {
  if (!collection.metrics.has("activity")) return;
  await pause(jitter, signal);
  // While nobody uses the database, asking would be what keeps it awake.
  const interval = () =>
    collection.idle_backoff && collections.state.idle >= 3
      ? collections.interval()
      : collection.paces.activity;
  await everyInterval(interval, signal, () => collector.sample());
}

function after(ms: number): Promise<false> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(false), ms).unref();
  });
}
