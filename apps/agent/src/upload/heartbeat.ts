import type { Heartbeat } from "@quern/contract/agent/answers";
import type { UploadConfig } from "../config/agent-config.ts";
import { siblingOf } from "../config/endpoint.ts";
import { readAuthority } from "./authority.ts";
import { exchange } from "./exchange.ts";
import { signedHeaders } from "./signature.ts";

const TIMEOUT_MS = 10_000;

/** Says that the agent lives although no payload comes. Throws `ExchangeError`; every status is fine. */
export async function sendHeartbeat(
  config: UploadConfig,
  heartbeat: Heartbeat,
  signal: AbortSignal,
  now: number = Date.now(),
): Promise<number> {
  const body = Buffer.from(JSON.stringify(heartbeat));
  const answer = await exchange("POST", siblingOf(config.endpoint, "heartbeat"), {
    headers: { ...signedHeaders(config, body, now), "content-type": "application/json" },
    body,
    timeout_ms: Math.min(config.timeout_ms, TIMEOUT_MS),
    ca: readAuthority(config),
    proxy: config.proxy,
    signal,
  });
  return answer.status;
}
