import type { Collector } from "../collector.ts";
import type { AgentConfig } from "../config/agent-config.ts";
import { openFinisher } from "../finished-payload.ts";
import { openSpool } from "../spool/spool.ts";
import { collectAll } from "./once.ts";

/**
 * What `--once` would send, byte for byte after parsing: an array of one payload for each database. Throws
 * `UnreachableError`.
 */
export async function dryRun(config: AgentConfig, collector: Collector): Promise<string> {
  const spool = await openSpool(config.spool);
  const nothing = { uploads: {}, uploaded_bytes: 0, errors_in_a_row: 0 };
  const upload = { ...nothing, problem: null, last_upload_at: null };
  const finish = openFinisher(collector, spool.state, () => upload);
  const payloads = await collectAll(config, collector);
  return `${JSON.stringify(payloads.map(finish), null, 2)}\n`;
}
