import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { UploadConfig } from "../config/agent-config.ts";
import { type Exchange, exchange } from "./exchange.ts";
import { signedHeaders } from "./signature.ts";

const compress = promisify(gzip);

/** Posts one payload. Throws `ExchangeError`. */
export async function postPayload(
  config: UploadConfig,
  authority: string | null,
  body: Buffer,
  now: number,
  signal?: AbortSignal,
): Promise<Exchange> {
  return await exchange("POST", config.endpoint, {
    headers: {
      ...signedHeaders(config, body, now),
      "content-type": "application/json",
      ...(config.gzip && { "content-encoding": "gzip" }),
    },
    body: config.gzip ? await compress(body) : body,
    timeout_ms: config.timeout_ms,
    ca: authority,
    proxy: config.proxy,
    ...(signal && { signal }),
  });
}
