import { createHmac } from "node:crypto";
import {
  AGENT_VERSION_HEADER,
  SIGNATURE_HEADER,
  SIGNATURE_TIMESTAMP_HEADER,
} from "@quern/contract/agent/answers";
import { VERSION } from "@quern/runtime/version";

/** What the server identifies the agent by; the signature is of the body before compression. */
export function signedHeaders(
  { api_key, signing_secret }: { api_key: string; signing_secret: string },
  body: Buffer,
  now: number,
): Record<string, string> {
  const timestamp = String(Math.floor(now / 1000));
  const signature = createHmac("sha256", signing_secret)
    .update(`${timestamp}.`)
    .update(body)
    .digest("hex");
  return {
    authorization: `Bearer ${api_key}`,
    [AGENT_VERSION_HEADER]: VERSION,
    [SIGNATURE_HEADER]: signature,
    [SIGNATURE_TIMESTAMP_HEADER]: timestamp,
  };
}
