/** What an agent sends, checked in the order of what it costs: key, size, signature, JSON, shape. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import {
  SIGNATURE_HEADER,
  SIGNATURE_TIMESTAMP_HEADER,
  SIGNATURE_WINDOW_S,
} from "@quern/contract/agent/answers";
import { AgentPayload } from "@quern/contract/agent/payload";
import { isStorableText, storableText } from "@quern/contract/text";
import { openSigningSecret } from "@quern/store/agent-keys";
import { findAgentByKey, type SendingAgent } from "@quern/store/health-agents";
import type { FastifyRequest } from "fastify";
import { parse as parseLossless } from "lossless-json";
import type { ZodType } from "zod";
import type { Api } from "./api.ts";
import { ApiError } from "./problems.ts";

const unzip = promisify(gunzip);

export const MAX_WIRE_BYTES = 16 * 1024 * 1024;
const MAX_BODY_BYTES = 96 * 1024 * 1024;
/** Paths of a payload that does not fit, at most. */
const SHOWN_ERRORS = 50;

/** The agent whose key the request bears. Throws `wrong_credentials`, which says nothing of why. */
export async function findAgent(api: Api, request: FastifyRequest): Promise<SendingAgent> {
  const key = /^Bearer (\S{1,200})$/i.exec(request.headers.authorization ?? "")?.[1];
  const agent = key === undefined ? undefined : await findAgentByKey(api.db, key);
  if (agent === undefined) {
    throw new ApiError(
      "wrong_credentials",
      "This key is not known, has ended, or its agent was revoked. Make a new one under Agents.",
    );
  }
  return agent;
}

/** The bytes before compression. Throws `payload_too_large` without ever holding more than is allowed. */
export async function inflate(body: Buffer, encoding: string | undefined): Promise<Buffer> {
  if (encoding === undefined || encoding === "identity") return body;
  if (encoding !== "gzip") {
    throw new ApiError(
      "unsupported_media_type",
      "Send the body as it is, or with Content-Encoding: gzip.",
    );
  }
  try {
    return await unzip(body, { maxOutputLength: MAX_BODY_BYTES });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ERR_BUFFER_TOO_LARGE") {
      throw new ApiError(
        "payload_too_large",
        `The payload has more than ${MAX_BODY_BYTES / 1024 / 1024} MiB: lower collection.max_tables, or send its sections one by one.`,
      );
    }
    if (code?.startsWith("Z_"))
      throw new ApiError("invalid_payload", "The body is not whole gzip data.");
    throw error;
  }
}

/**
 * Compares the signature in constant time. Throws `invalid_signature`, or `stale_timestamp` with how far the clocks are
 * apart. Returns the agent's clock minus ours, in ms.
 */
export async function checkSignature(
  api: Api,
  agent: SendingAgent,
  request: FastifyRequest,
  body: Buffer,
  now: number = Date.now(),
): Promise<number> {
  const timestamp = String(request.headers[SIGNATURE_TIMESTAMP_HEADER] ?? "");
  const signature = String(request.headers[SIGNATURE_HEADER] ?? "");
  if (!/^\d{1,12}$/.test(timestamp) || !/^[0-9a-f]{64}$/i.test(signature)) {
    throw new ApiError(
      "invalid_signature",
      "Sign the payload: X-Signature is the hexadecimal HMAC-SHA256 of `<unix seconds>.<body>`, X-Signature-Timestamp the seconds.",
    );
  }
  const secret = await openSigningSecret(api.keys.own, agent);
  const expected = createHmac("sha256", secret).update(`${timestamp}.`).update(body).digest();
  if (!timingSafeEqual(expected, Buffer.from(signature, "hex"))) {
    throw new ApiError(
      "invalid_signature",
      "The signature does not fit the body: check the agent's signing secret.",
    );
  }
  const ahead_ms = Number(timestamp) * 1000 - now;
  if (Math.abs(ahead_ms) > SIGNATURE_WINDOW_S * 1000) {
    const seconds = Math.round(Math.abs(ahead_ms) / 1000);
    throw new ApiError(
      "stale_timestamp",
      `The agent's clock is ${seconds} s ${ahead_ms > 0 ? "ahead of" : "behind"} this server's; at most ${SIGNATURE_WINDOW_S} s are allowed. Set its clock.`,
    );
  }
  return ahead_ms;
}

/** Throws `invalid_payload` with the path of each thing that does not fit. */
export function readPayload(body: Buffer): AgentPayload {
  return readBody(body, AgentPayload, "The payload does not have the shape of an agent's payload.");
}

/** The same of any body of an agent; `refusal` says what it should have been. */
export function readBody<T>(body: Buffer, shape: ZodType<T>, refusal: string): T {
  const text = textOf(body);
  const parsed = shape.safeParse(parseJson(text));
  if (!parsed.success) {
    const errors = parsed.error.issues
      .slice(0, SHOWN_ERRORS)
      .map(({ path, message }) => ({ path: path.join("."), message }));
    throw new ApiError("invalid_payload", refusal, errors);
  }
  const path = MAYBE_UNSTORABLE.test(text) ? unstorablePath(parsed.data) : undefined;
  if (path === undefined) return parsed.data;
  const message = "must not contain a NUL character or half of a surrogate pair";
  throw new ApiError("invalid_payload", `The payload's ${path} ${message}.`, [{ path, message }]);
}

/** JSON in UTF-8 can hold what PostgreSQL cannot store as an escape only: most bodies are not looked through. */
const MAYBE_UNSTORABLE = /\\u(?:0000|d[89a-f])/i;

/** Where the first text is that PostgreSQL cannot store, key or value; undefined when there is none. */
function unstorablePath(value: unknown): string | undefined {
  if (typeof value === "string") return isStorableText(value) ? undefined : "";
  if (typeof value !== "object" || value === null) return undefined;
  for (const [key, each] of Object.entries(value)) {
    const name = storableText(key);
    const below = name === key ? unstorablePath(each) : "";
    if (below !== undefined) return below === "" ? name : `${name}.${below}`;
  }
  return undefined;
}

function textOf(body: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch (error) {
    if (error instanceof TypeError) throw notJson();
    throw error;
  }
}

const notJson = () => new ApiError("invalid_payload", "The body is not JSON in UTF-8.");

function parseJson(text: string): unknown {
  try {
    // Numbers beyond 2^53, which the original agent sends as they are, become strings of their digits.
    return /[:,[]\s*-?\d{16}/.test(text)
      ? parseLossless(text, undefined, exactNumber)
      : JSON.parse(text);
  } catch (error) {
    // RangeError: nested so deep that the parser's stack ends.
    if (error instanceof SyntaxError || error instanceof RangeError) throw notJson();
    throw error;
  }
}

function exactNumber(digits: string): number | string {
  const value = Number(digits);
  return Number.isInteger(value) && !Number.isSafeInteger(value) && /^-?\d+$/.test(digits)
    ? digits
    : value;
}
