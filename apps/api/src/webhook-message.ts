/** One message to one webhook: the headers and signature of the Standard Webhooks specification, and what its answer means. */
import { createHmac } from "node:crypto";
import type { WebhookErrorCode } from "@quern/contract/webhooks";
import type { Outbound } from "@quern/runtime/outbound";
import { OutboundError } from "@quern/runtime/outbound-error";
import { VERSION } from "@quern/runtime/version";
import { openOwnSecret } from "@quern/store/own-secrets";
import { SecretError } from "@quern/store/secrets";
import type { AttemptOutcome, ClaimedDelivery } from "@quern/store/webhook-sending";
import type { JWK } from "jose";

/** For the name, the connection and the head of the answer together. */
const TIMEOUT_MS = 15_000;

export const SECRET_PREFIX = "whsec_";

type Message = { id: string; timestamp: number; body: string };

/** `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, one for each secret, with blanks between them. */
export function signatureOf({ id, timestamp, body }: Message, secrets: readonly string[]): string {
  return secrets
    .map((secret) => {
      const key = Buffer.from(secret.slice(SECRET_PREFIX.length), "base64");
      const hmac = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`);
      return `v1,${hmac.digest("base64")}`;
    })
    .join(" ");
}

/** Sends what was claimed. Never throws for what the receiver or the network does; throws when `signal` aborts. */
export async function sendMessage(
  outbound: Outbound,
  own: JWK[],
  claim: ClaimedDelivery,
  signal: AbortSignal,
): Promise<AttemptOutcome> {
  const began = performance.now();
  const ended = (
    status: number | null,
    code?: WebhookErrorCode,
    message?: string,
    retryAfter: number | null = null,
  ): AttemptOutcome => ({
    duration_ms: performance.now() - began,
    status_code: status,
    error: code === undefined ? null : { code, message: message ?? "" },
    retry_after_s: retryAfter,
  });
  try {
    const message = {
      id: claim.event_id,
      timestamp: Math.floor(Date.now() / 1000),
      body: claim.payload,
    };
    const reply = await outbound.open({
      url: claim.url,
      method: "POST",
      headers: {
        "content-type": "application/json",
        "user-agent": `Quern/${VERSION}`,
        "webhook-id": message.id,
        "webhook-timestamp": String(message.timestamp),
        "webhook-signature": signatureOf(message, await secretsOf(own, claim)),
      },
      body: message.body,
      timeout_ms: TIMEOUT_MS,
      signal,
    });
    // Nobody needs the body: it is not read, however long it is.
    reply.close();
    const { status, headers } = reply;
    if (status >= 200 && status < 300) return ended(status);
    const retryAfter = secondsUntil(headers["retry-after"], Date.now());
    return ended(
      status,
      status >= 300 && status < 400 ? "redirect_refused" : "status",
      wordsOf(status),
      retryAfter,
    );
  } catch (error) {
    if (signal.aborted) throw error;
    if (error instanceof OutboundError) return ended(null, error.code, error.message);
    if (error instanceof SecretError) {
      return ended(
        null,
        "secret_unreadable",
        "Its secret cannot be opened with the keys that this server has. Give the webhook a new secret.",
      );
    }
    throw error;
  }
}

async function secretsOf(own: JWK[], claim: ClaimedDelivery): Promise<string[]> {
  const open = (sealed: string, version: number) =>
    openOwnSecret(
      own,
      { org: claim.org_id, kind: "webhook", id: claim.webhook_id, version },
      sealed,
    );
  const current = await open(claim.secret, claim.secret_version);
  if (claim.previous_secret === null) return [current];
  return [current, await open(claim.previous_secret, claim.secret_version - 1)];
}

function wordsOf(status: number): string {
  if (status === 410) return "It answered 410 (gone): it wants no more messages.";
  if (status >= 300 && status < 400) {
    return `It answered with a redirect (${status}), which is not followed. Enter the address that it leads to.`;
  }
  return `It answered with status ${status}, and not with one of 200 to 299.`;
}

/** Of `Retry-After` (RFC 9110, §10.2.3): seconds, or a date. */
function secondsUntil(value: string | undefined, now: number): number | null {
  if (value === undefined) return null;
  if (/^\d{1,9}$/.test(value)) return Number(value);
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, (date - now) / 1000);
}
