/** Reads the server in turns and puts what it finds into the spool. */
import type { Log } from "@quern/runtime/log";
import {
  type CollectedPayload,
  type Collector,
  type Section,
  UnreachableError,
} from "./collector.ts";
import type { CollectionConfig } from "./config/agent-config.ts";
import { openDue } from "./due.ts";
import { type Finisher, spoolItem } from "./finished-payload.ts";
import type { ServerWishes } from "./server-wishes.ts";
import type { Spool } from "./spool/spool.ts";

export type CollectionState = {
  started_at: number;
  last_collection_at: number | null;
  last_duration_ms: number | null;
  /** Of the last try; null when it went well. In the agent's own words. */
  last_error: string | null;
  connected: boolean;
  collections: Record<"ok" | "failed" | "paused", number>;
  skipped_turns: number;
  /** By section and status, since the start. */
  sections: Map<string, { section: string; status: string; count: number; duration_ms: number }>;
  /** Collections in a row in which nobody else used the database. */
  idle: number;
  /** Of the last collection, to say in heartbeats who this is. */
  node_id: string | null;
  instance_id: string | null;
};

export type Collections = {
  state: CollectionState;
  /** One turn. Never throws for what the server or the network does. */
  take(): Promise<void>;
  /** What the samples have gathered since the last turn. */
  takeSamples(): Promise<void>;
  /** Until the next turn, in milliseconds. */
  interval(): number;
};

type Parts = {
  config: CollectionConfig;
  collector: Collector;
  spool: Pick<Spool, "put">;
  finish: Finisher;
  wishes: ServerWishes;
  log: Log;
  /** There is something new to send. */
  wake: () => void;
  now: () => number;
};

const COLD_START_MS = [2_000, 4_000, 8_000, 16_000, 30_000];
const MAX_IDLE_INTERVAL_MS = 900_000;

export function openCollections(parts: Parts): Collections {
  const { config, wishes, now } = parts;
  const due = openDue(config);
  const state = newState(now());
  let failures = 0;
  return {
    state,
    async take() {
      if (wishes.all_paused()) {
        state.collections.paused += 1;
        return;
      }
      // Of the beginning: a slow collection does not make the next one late.
      const at = now();
      const sections = due.at(at);
      const collected = await collect(parts, state, sections);
      failures = collected ? 0 : failures + 1;
      if (collected) due.done(sections, at);
    },
    async takeSamples() {
      if (state.connected && config.metrics.has("activity")) await collect(parts, state, new Set());
    },
    interval() {
      const interval = wishes.interval(config.interval_ms);
      const cold = state.last_collection_at === null ? COLD_START_MS[failures - 1] : undefined;
      if (cold !== undefined) return Math.min(cold, interval);
      if (!config.idle_backoff || state.idle < 3) return interval;
      return Math.min(Math.max(interval, MAX_IDLE_INTERVAL_MS), interval * 2 ** (state.idle - 2));
    },
  };
}

function newState(started_at: number): CollectionState {
  return {
    started_at,
    last_collection_at: null,
    last_duration_ms: null,
    last_error: null,
    connected: false,
    collections: { ok: 0, failed: 0, paused: 0 },
    skipped_turns: 0,
    sections: new Map(),
    idle: 0,
    node_id: null,
    instance_id: null,
  };
}

async function collect(
  { collector, spool, finish, wishes, log, wake, now }: Parts,
  state: CollectionState,
  sections: ReadonlySet<Section>,
): Promise<boolean> {
  const started = performance.now();
  try {
    const payloads = await collector.collect(sections);
    for (const payload of payloads) {
      // Nothing is due at the end, when only samples are left: most databases have none.
      const empty = sections.size === 0 && payload.activity === undefined;
      if (empty || !wishes.wants(payload.instance_id)) continue;
      await spool.put(spoolItem(finish(payload)));
    }
    wake();
    note(state, payloads);
    Object.assign(state, { last_collection_at: now(), last_error: null, connected: true });
    state.last_duration_ms = Math.round(performance.now() - started);
    state.collections.ok += 1;
    const duration_ms = state.last_duration_ms;
    log.debug({ payloads: payloads.length, sections: [...sections], duration_ms }, "collected");
    return true;
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    if (state.last_error !== error.message) {
      log.warn({ reason: error.message, code: error.code }, "cannot read the database");
    }
    Object.assign(state, { last_error: error.message, connected: false });
    state.collections.failed += 1;
    return false;
  }
}

/** Keeps what health, metrics and the next turns want to know of what was read. */
function note(state: CollectionState, payloads: CollectedPayload[]): void {
  state.node_id = payloads[0]?.node_id ?? state.node_id;
  state.instance_id = payloads[0]?.instance_id ?? state.instance_id;
  for (const { name: section, status, duration_ms } of payloads.flatMap(
    (it) => it.collectors ?? [],
  )) {
    const key = `${section} ${status}`;
    const known = state.sections.get(key) ?? { section, status, count: 0, duration_ms: 0 };
    known.count += 1;
    known.duration_ms += duration_ms;
    state.sections.set(key, known);
  }
  const samples = payloads.flatMap(({ activity }) => activity ?? []);
  const nobody = samples.length > 0 && samples.every((it) => it.sessions.length === 0);
  state.idle = nobody ? state.idle + 1 : 0;
}
