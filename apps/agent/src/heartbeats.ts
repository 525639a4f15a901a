import type { Log } from "@quern/runtime/log";
import { VERSION } from "@quern/runtime/version";
import type { CollectionState } from "./collections.ts";
import type { UploadConfig } from "./config/agent-config.ts";
import { ExchangeError } from "./upload/exchange-error.ts";
import { sendHeartbeat } from "./upload/heartbeat.ts";

/** Says that the agent lives, while no payload does: the database is away, or another agent sends for it. */
export async function heartbeat(
  config: UploadConfig,
  state: CollectionState,
  paused: boolean,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const { last_error, node_id, instance_id } = state;
  const sent = {
    status: last_error !== null ? "degraded" : paused ? "paused" : "ok",
    agent_version: VERSION,
    timestamp: new Date().toISOString(),
    ...(node_id !== null && { node_id }),
    ...(instance_id !== null && { instance_id }),
    error: last_error,
  };
  try {
    const status = await sendHeartbeat(config, sent, signal);
    log.debug({ status }, "heartbeat");
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    log.debug({ reason: error.message }, "no heartbeat");
  }
}
