import { randomUUID } from "node:crypto";
import type { AgentPayload } from "@quern/contract/agent/payload";
import { openLog } from "@quern/runtime/log";
import type { SpoolItem } from "./spool/spool.ts";

/** A log that keeps what would be read of it. */
export function testingLog(): { log: ReturnType<typeof openLog>; text: () => string } {
  const lines: string[] = [];
  return {
    log: openLog("agent", "trace", { write: (line) => lines.push(line) }),
    text: () => lines.join(""),
  };
}

export function testingPayload(more: Partial<AgentPayload> = {}): AgentPayload {
  return {
    agent_version: "0.1.0",
    timestamp: new Date().toISOString(),
    instance_id: "0123456789abcdef0123456789abcdef",
    database: { type: "postgres", version: "PostgreSQL 18.4", provider: "generic", name: "shop" },
    node_id: "node",
    snapshot_uuid: randomUUID(),
    collectors: [],
    ...more,
  };
}

export function testingItem(more: Partial<AgentPayload> = {}): SpoolItem {
  const payload = testingPayload(more);
  return {
    uuid: payload.snapshot_uuid ?? "",
    instance_id: payload.instance_id,
    schema: payload.schema != null,
    body: JSON.stringify(payload),
  };
}
