import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { Log } from "@quern/runtime/log";
import type { UploadConfig } from "../config/agent-config.ts";
import { ConfigError } from "../config/config-error.ts";
import { postPayload } from "../upload/attempt.ts";
import { readAuthority } from "../upload/authority.ts";
import { ExchangeError } from "../upload/exchange-error.ts";
import { outcomeOf } from "../upload/outcome.ts";

/**
 * Sends the payloads of a file as they are, in order, each once: a file of the spool or of dead letters, or what
 * `--dry-run` has printed. True when all have arrived. Throws `ConfigError` for a file that holds none.
 */
export async function replay(config: UploadConfig, path: string, log: Log): Promise<boolean> {
  const authority = readAuthority(config);
  let arrived = 0;
  const payloads = readPayloads(path);
  for (const payload of payloads) {
    const { snapshot_uuid, instance_id } = payload;
    const sent = { payload: snapshot_uuid, instance_id };
    try {
      const body = Buffer.from(JSON.stringify(payload));
      const answer = await postPayload(config, authority, body, Date.now());
      const outcome = outcomeOf(answer, Date.now());
      if (outcome.next === "done") {
        arrived += 1;
        log.info({ ...sent, answer: outcome.answer?.status ?? answer.status }, "sent");
      } else {
        const reason = outcome.next === "split" ? "413: too large" : outcome.reason;
        log.error({ ...sent, reason }, "not taken");
      }
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      log.error({ ...sent, reason: error.message }, "not sent");
    }
  }
  log.info({ arrived, payloads: payloads.length }, "replayed");
  return arrived === payloads.length;
}

/** One payload, an array of them, or one a line; compressed or not. */
function readPayloads(path: string): Record<string, unknown>[] {
  const parsed = parse(readText(path), path);
  const payloads = Array.isArray(parsed) ? parsed : [parsed];
  for (const payload of payloads) {
    const isPayload = typeof payload === "object" && payload !== null && "instance_id" in payload;
    if (!isPayload) throw new ConfigError(`${path} holds something that is no payload.`);
  }
  return payloads as Record<string, unknown>[];
}

function readText(path: string): string {
  try {
    const content = readFileSync(path);
    const compressed = content[0] === 0x1f && content[1] === 0x8b;
    return (compressed ? gunzipSync(content) : content).toString("utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(`${path} cannot be read: ${code}`, { cause: error });
  }
}

function parse(text: string, path: string): unknown {
  const json = (it: string): unknown => {
    try {
      return JSON.parse(it);
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
  };
  const whole = json(text);
  if (whole !== undefined) return whole;
  const lines = text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map(json);
  if (lines.length === 0 || lines.includes(undefined)) {
    throw new ConfigError(`${path} is neither JSON nor one JSON document a line.`);
  }
  return lines;
}
