import { randomUUID } from "node:crypto";
import { VERSION } from "@quern/runtime/version";
import type { CollectedPayload, Collector } from "./collector.ts";
import { jsonPieces } from "./json-pieces.ts";
import type { SpoolItem, SpoolState } from "./spool/spool.ts";
import type { UploadState } from "./upload/delivery.ts";

/** Adds to payloads what no collector knows: their identity on the way, and how the agent does. */
export type Finisher = (payload: CollectedPayload) => CollectedPayload;

export function openFinisher(
  collector: Pick<Collector, "cost">,
  spool: () => SpoolState,
  upload: () => UploadState,
  now: () => number = Date.now,
): Finisher {
  const started_at = new Date(now()).toISOString();
  let sequence = 0;
  let charged = 0;
  return (payload) => {
    // Seconds of the clock: it goes on rising over restarts without anything being kept.
    sequence = Math.max(sequence + 1, Math.floor(now() / 1000));
    const { database_time_ms, connections } = collector.cost();
    const { payloads, bytes, dropped, dead_letters } = spool();
    const { user, system } = process.cpuUsage();
    const spent = database_time_ms - charged;
    charged = database_time_ms;
    return {
      ...payload,
      agent_version: VERSION,
      snapshot_uuid: randomUUID(),
      sequence,
      agent: {
        started_at,
        rss_bytes: process.memoryUsage.rss(),
        cpu_ms: Math.round((user + system) / 1000),
        database_time_ms: Math.max(0, Math.round(spent * 1000) / 1000),
        connections,
        spool_payloads: payloads,
        spool_bytes: bytes,
        dropped_payloads: dropped,
        dead_letters,
        upload_errors: upload().errors_in_a_row,
      },
    };
  };
}

export function spoolItem(payload: CollectedPayload): SpoolItem {
  return {
    uuid: payload.snapshot_uuid ?? randomUUID(),
    instance_id: payload.instance_id,
    schema: payload.schema != null,
    body: jsonPieces(payload),
  };
}
