import { VERSION } from "@quern/runtime/version";
import type { Collections } from "../collections.ts";
import type { Collector } from "../collector.ts";
import type { AgentConfig } from "../config/agent-config.ts";
import type { ServerWishes } from "../server-wishes.ts";
import type { Spool } from "../spool/spool.ts";
import type { Uploader } from "../upload/uploader.ts";

export type Watched = {
  collections: Pick<Collections, "state" | "interval">;
  collector: Pick<Collector, "cost" | "provider">;
  spool: Pick<Spool, "state">;
  uploader: Pick<Uploader, "state">;
  wishes: Pick<ServerWishes, "paused">;
};

/** The fields of the original agent, and why it is degraded. Not ok is also for the probes of an orchestrator: 503. */
export function healthOf(
  { collection }: Pick<AgentConfig, "collection">,
  { collections, collector, spool, uploader, wishes }: Watched,
  now: number,
) {
  const { state } = collections;
  const interval = Math.max(collections.interval(), collection.interval_ms);
  const upload = uploader.state();
  const spooled = spool.state();
  const paused = wishes.paused().length > 0;
  const reasons: string[] = [];
  if (state.last_error !== null) reasons.push(`the database cannot be read: ${state.last_error}`);
  if (!paused && now - (state.last_collection_at ?? state.started_at) > 3 * interval) {
    reasons.push("no collection in the last three intervals");
  }
  const arrived = upload.last_upload_at ?? state.started_at;
  if (spooled.payloads > 0 && now - arrived > 3 * interval) {
    reasons.push(`payloads pile up: ${upload.problem ?? "none arrived in three intervals"}`);
  }
  if (spooled.disk_error !== null) reasons.push(`the spool is in memory: ${spooled.disk_error}`);
  return {
    status: reasons.length === 0 ? "ok" : "degraded",
    reasons,
    agent_version: VERSION,
    uptime_secs: Math.max(0, Math.floor((now - state.started_at) / 1000)),
    last_collection_time: isoOrNull(state.last_collection_at),
    last_collection_duration_ms: state.last_duration_ms,
    last_collection_error: state.last_error,
    database_connected: state.connected,
    provider: collector.provider(),
    last_upload_time: isoOrNull(upload.last_upload_at),
    last_upload_error: upload.problem,
    paused,
    spool: spooled,
  };
}

function isoOrNull(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
