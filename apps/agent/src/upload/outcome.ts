/** What an answer means for the payload that was sent. */
import { IngestAnswer } from "@quern/contract/agent/answers";
import type { Exchange } from "./exchange.ts";

export type Outcome =
  | { next: "done"; answer: IngestAnswer | null }
  /** It will never be taken. */
  | { next: "bury"; reason: string }
  | { next: "split" }
  /** Nothing will be taken until somebody mends something. */
  | { next: "pause"; reason: string }
  /** Later; `after_ms` is the server's wish. */
  | { next: "retry"; reason: string; after_ms: number | null; server_failed: boolean };

const MAX_RETRY_AFTER_MS = 3_600_000;
const MAX_PLACES = 5;
/** A clock this far away is named as the reason why a signature is refused. */
const NOTABLE_SKEW_S = 60;

export function outcomeOf({ status, headers, text }: Exchange, now: number): Outcome {
  if (status === 200 || status === 201 || status === 202 || status === 204) {
    return { next: "done", answer: answerOf(text) };
  }
  const said = saidBy(text);
  if (status >= 300 && status < 400) {
    return { next: "pause", reason: `the endpoint redirects (${status}), which is not followed` };
  }
  if (status === 401 || status === 403) {
    return { next: "pause", reason: `${status}: ${said}${skewOf(headers.date, now)}` };
  }
  if (status === 404 || status === 405) {
    return { next: "pause", reason: `${status}: there is no ingest at the endpoint` };
  }
  if (status === 413) return { next: "split" };
  if (status === 429 || status === 503) {
    const after_ms = retryAfter(headers["retry-after"], now);
    return { next: "retry", reason: `${status}: ${said}`, after_ms, server_failed: false };
  }
  if (status >= 500 || status === 408 || status === 425) {
    const reason = `${status}: ${said}`;
    return { next: "retry", reason, after_ms: null, server_failed: status >= 500 };
  }
  return { next: "bury", reason: `${status}: ${said}` };
}

/** What an original server answers is of another shape, and tells nothing. */
function answerOf(text: string): IngestAnswer | null {
  const parsed = IngestAnswer.safeParse(json(text));
  return parsed.success ? parsed.data : null;
}

/** Of a problem document code, detail and the places that are wrong, of others the code; never more than a line. */
function saidBy(text: string): string {
  const body = json(text);
  if (typeof body !== "object" || body === null) return "no reason given";
  const { code, title, detail, error, errors } = body as Record<string, unknown>;
  const places = (Array.isArray(errors) ? errors.slice(0, MAX_PLACES) : []).map(
    (it: { path?: unknown; message?: unknown }) => `${it.path}: ${it.message}`,
  );
  const words = [code ?? error, detail ?? title, ...places].filter((it) => typeof it === "string");
  const line = words.join(": ").replace(/\s+/g, " ").slice(0, 1_000);
  return line === "" ? "no reason given" : line;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Both forms: seconds, and a date. Null when there is none. */
function retryAfter(header: string | undefined, now: number): number | null {
  if (header === undefined) return null;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS);
}

function skewOf(date: string | undefined, now: number): string {
  const seconds = Math.round((now - Date.parse(date ?? "")) / 1000);
  if (Number.isNaN(seconds) || Math.abs(seconds) < NOTABLE_SKEW_S) return "";
  const side = seconds > 0 ? "ahead of" : "behind";
  return `; this machine's clock is ${Math.abs(seconds)} s ${side} the server's: set it right`;
}
