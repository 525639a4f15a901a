/** What becomes of one payload: sent, split, buried, or kept for later. */
import type { IngestAnswer } from "@quern/contract/agent/answers";
import type { Log } from "@quern/runtime/log";
import type { UploadConfig } from "../config/agent-config.ts";
import { decompressed } from "../spool/compression.ts";
import type { Entry } from "../spool/entry.ts";
import type { Spool } from "../spool/spool.ts";
import { postSigned, type SignedPayload } from "./attempt.ts";
import { ExchangeError } from "./exchange-error.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";
import { openSignature } from "./signature.ts";
import { splitPayload } from "./split.ts";

/** Waits, in milliseconds. Tests make them short. */
export type UploadTimes = {
  first_retry: number;
  max_retry: number;
  /** After 401, 403, a redirect, an endpoint that is none: somebody has to mend it. */
  pause: number;
};

export type UploadState = {
  /** Answers by status, and `error` for those that did not come. */
  uploads: Record<string, number>;
  /** Compressed, of what has arrived. */
  uploaded_bytes: number;
  /** Failed attempts since the last payload that arrived. */
  errors_in_a_row: number;
  /** Why nothing arrives at the moment; null while it does. */
  problem: string | null;
  last_upload_at: number | null;
};

export type Delivery = {
  config: UploadConfig;
  authority: string | null;
  spool: Spool;
  log: Log;
  /** Called for each payload that has arrived. */
  learn: (instance_id: string, answer: IngestAnswer) => void;
  now: () => number;
  random: () => number;
  times: UploadTimes;
  signal: AbortSignal;
  state: UploadState;
  /** How often the server has failed on a payload, by its uuid. */
  failures: Map<string, number>;
};

/** A payload on which the server has failed so often does not hold up the others. */
const MAX_SERVER_FAILURES = 8;

/** The oldest, but for those on which the server fails while there are others. */
export function nextEntry({ spool, failures }: Delivery): Entry | undefined {
  const entries = spool.entries();
  const healthy = entries.find(({ uuid }) => (failures.get(uuid) ?? 0) < MAX_SERVER_FAILURES);
  return healthy ?? entries[0];
}

/** Makes one attempt; milliseconds to wait before the next, of this or another payload. */
export async function deliver(delivery: Delivery, entry: Entry): Promise<number> {
  const signature = openSignature(delivery.config, delivery.now());
  let head = "";
  const content = await delivery.spool.read(entry, (piece) => {
    if (head === "") head = piece.toString("utf8", 0, HEAD_BYTES);
    signature.see(piece);
  });
  if (content === null) {
    const { uuid } = entry;
    delivery.log.warn(
      { payload: uuid },
      "a payload of the spool is gone or not whole: passed over",
    );
    return 0;
  }
  const outcome = await attempt(delivery, { content, signed: signature.headers() });
  if (outcome === null) return 0;
  if (outcome.next === "pause" || outcome.next === "retry") return failed(delivery, entry, outcome);
  if (outcome.next === "done")
    await arrived(delivery, entry, outcome.answer, () => instanceOf(head, content));
  if (outcome.next === "split") await split(delivery, entry, content);
  if (outcome.next === "bury") await bury(delivery, entry, outcome.reason);
  return 0;
}

/** Null when the agent stops: the attempt is made again after the next start, with the same uuid. */
async function attempt(delivery: Delivery, payload: SignedPayload): Promise<Outcome | null> {
  const { config, authority, now, signal, state } = delivery;
  const count = (status: string) => {
    state.uploads[status] = (state.uploads[status] ?? 0) + 1;
  };
  try {
    const answer = await postSigned(config, authority, payload, signal);
    count(String(answer.status));
    return outcomeOf(answer, now());
  } catch (error) {
    if (signal.aborted) return null;
    if (!(error instanceof ExchangeError)) throw error;
    count("error");
    return { next: "retry", reason: error.message, after_ms: null, server_failed: false };
  }
}

async function arrived(
  delivery: Delivery,
  entry: Entry,
  answer: IngestAnswer | null,
  instance: () => Promise<string>,
): Promise<void> {
  const { spool, state, failures, log, now } = delivery;
  if (state.problem !== null) log.info("payloads arrive again");
  Object.assign(state, { errors_in_a_row: 0, problem: null, last_upload_at: now() });
  state.uploaded_bytes += entry.bytes;
  failures.delete(entry.uuid);
  await spool.remove(entry);
  log.debug({ payload: entry.uuid, bytes: entry.bytes, answer: answer?.status }, "uploaded");
  if (answer !== null) delivery.learn(await instance(), answer);
  // Others arrive: it is those payloads that the server cannot take, and not the server.
  for (const other of spool.entries()) {
    if ((failures.get(other.uuid) ?? 0) < MAX_SERVER_FAILURES) continue;
    const reason = `the server failed on it ${MAX_SERVER_FAILURES} times and took others`;
    await bury(delivery, other, reason);
  }
}

async function split(delivery: Delivery, entry: Entry, content: Buffer): Promise<void> {
  const body = await decompressed(content);
  const parts = splitPayload(body.toString("utf8"));
  if (parts.length === 0) return bury(delivery, entry, "413: one section alone is too large");
  delivery.log.info({ payload: entry.uuid, bytes: body.length }, "too large for the server: split");
  await delivery.spool.replace(entry, parts);
}

async function bury(delivery: Delivery, entry: Entry, reason: string): Promise<void> {
  const { log, failures, spool, now } = delivery;
  log.error({ payload: entry.uuid, reason }, "the server does not take it: kept as a dead letter");
  failures.delete(entry.uuid);
  await spool.bury(entry, { reason, at: new Date(now()).toISOString(), payload: entry.uuid });
}

function failed(
  { config, state, failures, log, random, times }: Delivery,
  { uuid }: Entry,
  outcome: Extract<Outcome, { next: "pause" | "retry" }>,
): number {
  state.errors_in_a_row += 1;
  if (state.problem !== outcome.reason) log.warn({ reason: outcome.reason }, "cannot upload");
  state.problem = outcome.reason;
  if (outcome.next === "pause") {
    state.errors_in_a_row = Math.max(state.errors_in_a_row, config.retries + 1);
    return times.pause * (0.75 + random() / 2);
  }
  if (outcome.server_failed) failures.set(uuid, (failures.get(uuid) ?? 0) + 1);
  if (outcome.after_ms !== null) return Math.max(outcome.after_ms, 1);
  const ceiling = times.first_retry * 2 ** Math.min(state.errors_in_a_row - 1, 20);
  // Full jitter: many agents that were cut off together do not come back together.
  return Math.max(1, Math.min(ceiling, times.max_retry) * random());
}

/** It stands at the head of a payload of ours: to read all of one for it would be the most that the agent ever holds. */
const HEAD_BYTES = 2_048;
const INSTANCE_ID =
  /^\{"agent_version":"[^"\\]*","timestamp":"[^"\\]*","instance_id":("(?:[^"\\]|\\.)*")/;

async function instanceOf(head: string, content: Buffer): Promise<string> {
  const [, found] = INSTANCE_ID.exec(head) ?? [];
  if (found !== undefined) return JSON.parse(found) as string;
  const body = (await decompressed(content)).toString("utf8");
  return String((JSON.parse(body) as { instance_id?: unknown }).instance_id);
}
