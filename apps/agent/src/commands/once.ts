import type { Log } from "@quern/runtime/log";
import { type CollectedPayload, type Collector, SECTIONS, type Section } from "../collector.ts";
import type { AgentConfig, UploadConfig } from "../config/agent-config.ts";
import { openFinisher, spoolItem } from "../finished-payload.ts";
import { openSpool } from "../spool/spool.ts";
import { startUploader } from "../upload/uploader.ts";

/** Everything that is configured, once, as if it were all due. Throws `UnreachableError`. */
export async function collectAll(
  config: AgentConfig,
  collector: Collector,
): Promise<CollectedPayload[]> {
  const { metrics } = config.collection;
  if (metrics.has("activity")) await collector.sample();
  const due = new Set<Section>(SECTIONS.filter((section) => metrics.has(section)));
  return await collector.collect(due);
}

/**
 * Collects and sends once. True when all of it has arrived; what has not stays in the spool for the next start. Throws
 * `UnreachableError`.
 */
export async function once(
  config: AgentConfig & { upload: UploadConfig },
  collector: Collector,
  log: Log,
): Promise<boolean> {
  const spool = await openSpool(config.spool);
  const uploader = startUploader(config.upload, spool, {
    log,
    learn: (instance_id, answer) => collector.learn(instance_id, answer),
  });
  const { dead_letters } = spool.state();
  const finish = openFinisher(collector, spool.state, uploader.state);
  try {
    const payloads = await collectAll(config, collector);
    for (const payload of payloads) await spool.put(spoolItem(finish(payload)));
    await uploader.drain();
    const { payloads: left, dead_letters: dead } = spool.state();
    const { problem } = uploader.state();
    if (left === 0 && dead === dead_letters) {
      log.info({ payloads: payloads.length }, "sent");
      return true;
    }
    log.error({ left, reason: problem }, "not all was sent; the spool keeps it for the next start");
    return false;
  } finally {
    await uploader.stop();
    await spool.flush();
  }
}
