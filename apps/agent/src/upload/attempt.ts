import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { UploadConfig } from "../config/agent-config.ts";
import { decompressed } from "../spool/compression.ts";
import { type Exchange, exchange } from "./exchange.ts";
import { signedHeaders } from "./signature.ts";

const compress = promisify(gzip);

/** `content` is compressed; `signed` are the headers of what it was before. */
export type SignedPayload = { content: Buffer; signed: Record<string, string> };

/** Posts one payload of the spool. Throws `ExchangeError`. */
export async function postSigned(
  config: UploadConfig,
  authority: string | null,
  { content, signed }: SignedPayload,
  signal?: AbortSignal,
): Promise<Exchange> {
  return await exchange("POST", config.endpoint, {
    headers: {
      ...signed,
      "content-type": "application/json",
      ...(config.gzip && { "content-encoding": "gzip" }),
    },
    body: config.gzip ? content : await decompressed(content),
    timeout_ms: config.timeout_ms,
    ca: authority,
    proxy: config.proxy,
    ...(signal && { signal }),
  });
}

/** The same, of a body that is there as a whole. */
export async function postPayload(
  config: UploadConfig,
  authority: string | null,
  body: Buffer,
  now: number,
): Promise<Exchange> {
  const signed = signedHeaders(config, body, now);
  return await postSigned(config, authority, { content: await compress(body), signed });
}
