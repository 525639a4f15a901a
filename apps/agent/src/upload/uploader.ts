/** Sends what is in the spool, oldest first, one at a time, until the server has it or never will. */
import { Bell } from "@quern/runtime/loops";
import type { UploadConfig } from "../config/agent-config.ts";
import { pause } from "../pause.ts";
import type { Spool } from "../spool/spool.ts";
import { readAuthority } from "./authority.ts";
import {
  type Delivery,
  deliver,
  nextEntry,
  type UploadState,
  type UploadTimes,
} from "./delivery.ts";

export type Uploader = {
  /** There is something new in the spool. */
  wake(): void;
  state(): UploadState;
  /** Resolves when the spool is empty, or when nothing will come of trying on at the moment. */
  drain(): Promise<void>;
  /** Ends at once, also in the middle of an attempt: what has no answer stays in the spool. */
  stop(): Promise<void>;
};

const TIMES: UploadTimes = { first_retry: 1_000, max_retry: 300_000, pause: 300_000 };

const IDLE_MS = 60_000;
/** Whoever waits for the spool to be empty does not wait for a server that wants as much patience. */
const LONG_WAIT_MS = 30_000;

type Effects = Pick<Delivery, "log" | "learn"> &
  Partial<Pick<Delivery, "now" | "random" | "times">>;

/** Throws `ConfigError` when the file of authorities cannot be read. */
export function startUploader(config: UploadConfig, spool: Spool, effects: Effects): Uploader {
  const stopping = new AbortController();
  const bell = new Bell();
  const waiting = new Set<() => void>();
  const delivery: Delivery = {
    now: Date.now,
    random: Math.random,
    times: TIMES,
    ...effects,
    config,
    authority: readAuthority(config),
    spool,
    signal: stopping.signal,
    state: newState(),
    failures: new Map(),
  };
  const ended = run(delivery, bell, waiting);
  return {
    wake: () => bell.ring(),
    state: () => ({ ...delivery.state, uploads: { ...delivery.state.uploads } }),
    async drain() {
      const settled = new Promise<void>((resolve) => waiting.add(resolve));
      bell.ring();
      await settled;
    },
    async stop() {
      stopping.abort();
      bell.ring();
      await ended;
    },
  };
}

function newState(): UploadState {
  return {
    uploads: {},
    uploaded_bytes: 0,
    errors_in_a_row: 0,
    problem: null,
    last_upload_at: null,
  };
}

async function run(delivery: Delivery, bell: Bell, waiting: Set<() => void>): Promise<void> {
  const settle = () => {
    for (const resolve of waiting) resolve();
    waiting.clear();
  };
  while (!delivery.signal.aborted) {
    const entry = nextEntry(delivery);
    if (entry === undefined) {
      settle();
      await bell.next(IDLE_MS);
      continue;
    }
    const wait = await deliver(delivery, entry);
    const { errors_in_a_row } = delivery.state;
    if (errors_in_a_row > delivery.config.retries || wait > LONG_WAIT_MS) settle();
    if (wait > 0) await pause(wait, delivery.signal);
  }
  settle();
}
