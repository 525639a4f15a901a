import { createHmac } from "node:crypto";
import {
  AGENT_VERSION_HEADER,
  SIGNATURE_HEADER,
  SIGNATURE_TIMESTAMP_HEADER,
} from "@quern/contract/agent/answers";
import { VERSION } from "@quern/runtime/version";

type Keys = { api_key: string; signing_secret: string };

/** What the server identifies the agent by, while the body passes: the signature is of it before compression. */
export function openSignature(
  { api_key, signing_secret }: Keys,
  now: number,
): { see(piece: Buffer): void; headers(): Record<string, string> } {
  const timestamp = String(Math.floor(now / 1000));
  const hmac = createHmac("sha256", signing_secret).update(`${timestamp}.`);
  return {
    see: (piece) => {
      hmac.update(piece);
    },
    headers: () => ({
      authorization: `Bearer ${api_key}`,
      [AGENT_VERSION_HEADER]: VERSION,
      [SIGNATURE_HEADER]: hmac.digest("hex"),
      [SIGNATURE_TIMESTAMP_HEADER]: timestamp,
    }),
  };
}

/** The same, of a body that is there as a whole. */
export function signedHeaders(keys: Keys, body: Buffer, now: number): Record<string, string> {
  const signature = openSignature(keys, now);
  signature.see(body);
  return signature.headers();
}
