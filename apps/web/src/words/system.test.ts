import type { System } from "@quern/contract/system";
import { expect, test } from "vitest";
import { systemFindings } from "./system.ts";

const NOW = "2026-11-21T12:00:00.000Z";
const process = { hostname: "h", started_at: NOW, seen_at: NOW, alive: true };
const pool = { max: 10, open: 2, idle: 1, waiting: 0 };
const vitals = { version: "1", rss: 1, cpu: 0, event_loop_lag_s: 0.01, pool };
const none = { p50_s: null, p95_s: null };
const WELL: System = {
  version: "1",
  now: NOW,
  uptime_s: 5,
  tracing: false,
  apis: [{ ...process, id: "a1", vitals }],
  runners: [
    {
      ...process,
      id: "r1",
      slots: 4,
      running: 0,
      vitals: { ...vitals, executors: { idle: 1, busy: 0, started: 1 } },
    },
  ],
  queue: [],
  last_hour: {
    succeeded: 90,
    failed: 1,
    canceled: 0,
    failures: [{ code: "sql_error", count: 1 }],
    lease_expiries: 0,
    waiting: none,
    running: none,
    complete: true,
  },
  result_store: {
    kind: "file",
    results: 0,
    bytes: { postgres: 0, file: 0, s3: 0 },
    estimated: false,
    oldest_expiry: null,
  },
  database: {
    version: "18",
    migration: "7",
    bytes: 1,
    tables: [],
    connections: 5,
    max_connections: 100,
  },
};
const titles = (changes: Partial<System>) =>
  systemFindings({ ...WELL, ...changes }).map(({ tone, title }) => `${tone}: ${title}`);

test("an installation that is well says nothing", () => {
  expect(titles({})).toEqual([]);
});

test("what is wrong is said in words, the worst first", () => {
  const queue = {
    datasource: { id: "d", name: "Demo" },
    queued: 7,
    oldest_wait_s: 95,
    running: 2,
    max_concurrency: 2,
  };
  expect(titles({ queue: [queue], runners: [] })).toEqual([
    "error: No runner is at work",
    "warning: Demo: the oldest run has waited 1 min 35 s",
  ]);
  expect(systemFindings({ ...WELL, queue: [queue] })[0]?.detail).toMatch(/takes 2 runs at a time/);
  const [runner] = WELL.runners;
  if (!runner) throw new Error("no runner");
  expect(
    titles({ queue: [{ ...queue, oldest_wait_s: 1 }], runners: [{ ...runner, running: 4 }] }),
  ).toEqual(["warning: All 4 slots of the runners are busy"]);
  const dead = { ...runner, id: "r2", alive: false, vitals: null };
  expect(titles({ runners: [runner, dead] })).toEqual(["warning: Runner r2 gives no sign of life"]);
});

test("failures of the installation are told from those of SQL", () => {
  const { last_hour } = WELL;
  const failures = [{ code: "runner_lost" as const, count: 2 }];
  expect(titles({ last_hour: { ...last_hour, failed: 2, failures } })).toEqual([
    "error: 2 runs failed through no fault of the SQL in the last hour",
  ]);
  expect(titles({ last_hour: { ...last_hour, failed: 40 } })).toEqual([
    "warning: 31 % of the runs of the last hour failed",
  ]);
  expect(titles({ last_hour: { ...last_hour, succeeded: 1, failed: 1 } })).toEqual([]);
});

test("a full database and an exhausted pool stand out", () => {
  expect(titles({ database: { ...WELL.database, connections: 90 } })).toEqual([
    "error: Quern’s database is running out of connections",
  ]);
  const [api] = WELL.apis;
  if (!api) throw new Error("no api");
  const tight = {
    ...api,
    vitals: { ...vitals, event_loop_lag_s: 0.5, pool: { ...pool, waiting: 3 } },
  };
  expect(titles({ apis: [tight] })).toEqual([
    "warning: API a1 is slow to react",
    "warning: API a1 has no free connection to Quern’s database",
  ]);
});
