import type { Session } from "@quern/contract/agent/activity";
import { expect, test } from "vitest";
import { openCollections } from "./collections.ts";
import { type Collector, UnreachableError } from "./collector.ts";
import { DEFAULT_PACES, PACES } from "./config/metrics.ts";
import { openDue } from "./due.ts";
import { openServerWishes } from "./server-wishes.ts";
import { testingConfig } from "./testing-config.ts";
import { testingLog, testingPayload } from "./testing-payload.ts";
import { everyInterval } from "./ticks.ts";

const { log } = testingLog();

test("work that overruns its interval skips the turns it missed, and keeps to the clock afterwards", async () => {
  const stopping = new AbortController();
  let clock = 0;
  let skipped = 0;
  const starts: number[] = [];
  const durations = [35, 2, 0];
  await everyInterval(
    () => 10,
    stopping.signal,
    async () => {
      starts.push(clock);
      clock += durations.shift() ?? 0;
      if (starts.length === 4) stopping.abort();
    },
    (turns) => {
      skipped += turns;
    },
    {
      now: () => clock,
      wait: async (ms) => {
        clock += ms;
      },
    },
  );
  expect(starts).toEqual([0, 40, 50, 60]);
  expect(skipped).toBe(3);
});

const MINUTE = 60_000;

test("sections are due by their own paces, whatever the interval and its jitter", () => {
  const due = openDue({ metrics: new Set(PACES), paces: DEFAULT_PACES, interval_ms: MINUTE });
  const at = (time: number) => {
    const sections = due.at(time);
    due.done(sections, time);
    return [...sections].sort();
  };
  expect(at(0)).toHaveLength(11);
  // A little early counts as in time.
  expect(at(MINUTE - 400)).toEqual(["custom_metrics", "server", "statements"]);
  for (const turn of [2, 3, 4]) expect(at(turn * MINUTE)).toHaveLength(3);
  expect(at(5 * MINUTE + 200)).toEqual([
    "custom_metrics",
    "indexes",
    "sequences",
    "server",
    "settings",
    "statements",
    "tables",
  ]);
  // What failed stays due.
  expect([...due.at(6 * MINUTE)]).toEqual([...due.at(6 * MINUTE)]);
});

test("defect 1: what metrics do not name is never due", () => {
  const due = openDue({
    metrics: new Set(["tables", "activity"]),
    paces: DEFAULT_PACES,
    interval_ms: MINUTE,
  });
  expect([...due.at(0)]).toEqual(["tables"]);
});

function collections(behave: Collector["collect"], idle_backoff = false) {
  const collector: Collector = {
    testConnection: async () => ({ ok: true, aspects: [] }),
    collect: behave,
    sample: async () => {},
    learn: () => {},
    provider: () => "generic",
    version: () => null,
    cost: () => ({ database_time_ms: 0, connections: 0 }),
    close: async () => {},
  };
  return openCollections({
    config: testingConfig({}, { idle_backoff }).collection,
    collector,
    spool: { put: async () => {} },
    finish: (payload) => payload,
    wishes: openServerWishes(Date.now),
    log,
    wake: () => {},
    now: Date.now,
  });
}

test("a cold start is tried again after 2 s, then up to 30 s; later failures wait for their turn", async () => {
  let works = false;
  const turns = collections(async () => {
    if (works) return [testingPayload()];
    throw new UnreachableError("refused", "ECONNREFUSED");
  });
  const waits: number[] = [];
  for (let turn = 0; turn < 6; turn += 1) {
    await turns.take();
    waits.push(turns.interval());
  }
  expect(waits).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, MINUTE]);
  works = true;
  await turns.take();
  works = false;
  await turns.take();
  expect(turns.interval()).toBe(MINUTE);
  expect(turns.state).toMatchObject({
    connected: false,
    last_error: "refused",
    collections: { ok: 1, failed: 7 },
  });
});

test("with idle_backoff a database that nobody uses is left alone for longer and longer", async () => {
  let sessions: Session[] = [];
  const turns = collections(
    async () => [testingPayload({ activity: [{ at: "now", sessions, idle: 0 }] })],
    true,
  );
  const waits: number[] = [];
  for (let turn = 0; turn < 8; turn += 1) {
    await turns.take();
    waits.push(turns.interval() / MINUTE);
  }
  expect(waits).toEqual([1, 1, 2, 4, 8, 15, 15, 15]);
  const nothing = { database: null, user_name: null, application: null, state: "active" };
  const waits_for = {
    wait_event_type: null,
    wait_event: null,
    query_hash: null,
    fingerprint: null,
  };
  const times = { backend_start: null, xact_start: null, query_start: null, state_change: null };
  const ages = { kind: null, xid_age: null, xmin_age: null };
  sessions = [
    { pid: 1, backend_type: "client backend", ...nothing, ...waits_for, ...times, ...ages },
  ];
  await turns.take();
  expect(turns.interval()).toBe(MINUTE);
});

test("wishes of the server: the longest interval, within an hour; a pause that is asked about again", () => {
  let clock = 0;
  const wishes = openServerWishes(() => clock);
  const answer = {
    status: "stored" as const,
    next_interval_s: null,
    want_texts: [],
    want_schema: false,
    paused: false,
  };
  wishes.learn("a", { ...answer, next_interval_s: 120 });
  wishes.learn("b", { ...answer, next_interval_s: 90, paused: true });
  expect(wishes.interval(MINUTE)).toBe(120_000);
  expect([wishes.wants("a"), wishes.wants("b"), wishes.wants("c")]).toEqual([true, false, true]);
  expect(wishes.all_paused()).toBe(false);
  wishes.learn("a", { ...answer, next_interval_s: 1e6, paused: true });
  expect(wishes.interval(MINUTE)).toBe(3_600_000);
  expect(wishes.all_paused()).toBe(true);
  clock = 600_000;
  expect(wishes.all_paused()).toBe(false);
  expect(wishes.wants("a")).toBe(true);
});
