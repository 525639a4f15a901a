import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AgentPayload } from "@quern/contract/agent/payload";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Agent, startAgent } from "./agent.ts";
import { type Collector, type Section, UnreachableError } from "./collector.ts";
import type { CollectionConfig } from "./config/agent-config.ts";
import { testingConfig } from "./testing-config.ts";
import { testingLog, testingPayload } from "./testing-payload.ts";
import { openTestingIngest, type TestingIngest } from "./upload/testing-ingest.ts";

let dir: string;
let ingest: TestingIngest;
let agent: Agent | null = null;
const { log, text } = testingLog();

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "quern-agent-"));
  ingest = await openTestingIngest();
});
afterEach(async () => {
  vi.useRealTimers();
  await agent?.stop();
  agent = null;
  await ingest.close();
  await rm(dir, { recursive: true, force: true });
});

type Server = Collector & {
  collected: Section[][];
  /** What it has been told. */
  learnt: [string, unknown][];
  /** What collections do until it is changed. */
  behave: () => Promise<AgentPayload[]>;
  samples: number;
  closed: number;
};

/** A server that is no PostgreSQL: the agent sees of an engine no more than this. */
function openServer(behave: Server["behave"] = async () => [testingPayload()]): Server {
  const server: Server = {
    collected: [],
    learnt: [],
    behave,
    samples: 0,
    closed: 0,
    testConnection: async () => ({ ok: true, aspects: [] }),
    async collect(due) {
      server.collected.push([...due]);
      return await server.behave();
    },
    async sample() {
      server.samples += 1;
    },
    learn: (instance_id, answer) => void server.learnt.push([instance_id, answer]),
    provider: () => "generic",
    version: () => null,
    cost: () => ({ database_time_ms: server.collected.length * 5, connections: 1 }),
    async close() {
      server.closed += 1;
    },
  };
  return server;
}

async function start(server: Server, collection: Partial<CollectionConfig> = {}) {
  const config = testingConfig({ QUERN_SPOOL_DIR: dir }, { interval_ms: 100_000, ...collection });
  const upload = ingest.config({ retries: 0 });
  agent = await startAgent({ ...config, upload }, server, {
    log,
    random: () => 0,
    times: { first_retry: 1, max_retry: 20, pause: 20 },
  });
  return agent;
}

const health = async () => {
  const answer = await fetch(agent?.health ?? "");
  return { code: answer.status, body: (await answer.json()) as Record<string, unknown> };
};

test("defect 3: at the start it collects once, everything that is configured, and announces itself", async () => {
  const server = openServer();
  await start(server, { metrics: new Set(["statements", "server", "activity"]) });
  await ingest.arrivals(1);
  await expect.poll(() => ingest.heartbeats).toHaveLength(1);
  expect(server.collected).toEqual([["statements", "server"]]);
  expect(server.samples).toBeGreaterThan(0);
  expect(ingest.received[0]?.body).toMatchObject({
    snapshot_uuid: expect.any(String),
    sequence: expect.any(Number),
    agent: { connections: 1, database_time_ms: 5, spool_payloads: 0, dropped_payloads: 0 },
  });
});

test("turns follow each other by the interval, and each costs its own database time alone", async () => {
  const server = openServer();
  await start(server, {
    interval_ms: 60,
    metrics: new Set(["statements", "tables"]),
    paces: paces({ statements: 1, tables: 1e9 }),
  });
  await ingest.arrivals(3);
  expect(server.collected.slice(0, 3)).toEqual([
    ["statements", "tables"],
    ["statements"],
    ["statements"],
  ]);
  expect(ingest.received.slice(0, 3).map(({ body }) => body.agent?.database_time_ms)).toEqual([
    5, 5, 5,
  ]);
  const sequences = ingest.received.map(({ body }) => body.sequence ?? 0);
  expect(sequences).toEqual([...sequences].sort((one, other) => one - other));
});

function paces(more: Partial<Record<Section | "activity", number>>) {
  const all = [
    "statements",
    "tables",
    "indexes",
    "sequences",
    "bloat",
    "schema",
    "column_statistics",
    "settings",
    "server",
    "plans",
    "custom_metrics",
    "activity",
  ] as const;
  return {
    ...(Object.fromEntries(all.map((it) => [it, 1e9])) as Record<Section | "activity", number>),
    ...more,
  };
}

test("what the server answers reaches the collector, and a longer interval is kept", async () => {
  const server = openServer();
  ingest.hints = { want_schema: true, want_texts: ["1f"], next_interval_s: 3_000 };
  await start(server, { interval_ms: 50 });
  await expect.poll(() => server.learnt.length).toBeGreaterThan(0);
  expect(server.learnt[0]).toEqual([
    expect.any(String),
    expect.objectContaining({ want_texts: ["1f"], want_schema: true }),
  ]);
  const { length } = server.collected;
  await expect.poll(() => health().then(({ body }) => body.last_upload_time)).not.toBeNull();
  expect(server.collected.length).toBeLessThanOrEqual(length + 1);
});

test("U17: while another agent sends for the database only heartbeats go, and health stays well", async () => {
  const server = openServer();
  ingest.hints = { paused: true };
  await start(server, { interval_ms: 50 });
  await ingest.arrivals(1);
  await expect.poll(() => ingest.heartbeats.some(({ status }) => status === "paused")).toBe(true);
  const { length } = server.collected;
  await expect.poll(() => ingest.heartbeats.length).toBeGreaterThan(4);
  expect(server.collected).toHaveLength(length);
  // What was put before the pause may still be on its way.
  await expect.poll(health).toMatchObject({ code: 200, body: { paused: true } });
});

test("a server that cannot be reached is tried again, said in health and heartbeats, and forgotten when it is back", async () => {
  const server = openServer(async () => {
    throw new UnreachableError("PostgreSQL at h:5432: refused", "ECONNREFUSED");
  });
  await start(server, { interval_ms: 40 });
  await expect
    .poll(() => ingest.heartbeats.some(({ error }) => error?.includes("refused")))
    .toBe(true);
  expect(await health()).toMatchObject({
    code: 503,
    body: {
      status: "degraded",
      database_connected: false,
      last_collection_error: "PostgreSQL at h:5432: refused",
    },
  });
  server.behave = async () => [testingPayload()];
  await ingest.arrivals(1);
  await expect.poll(async () => (await health()).code).toBe(200);
  expect(text().match(/cannot read the database/g)).toHaveLength(1);
});

test("defect 14: payloads that do not arrive make health a 503, and wait in the spool", async () => {
  const server = openServer();
  ingest.script = Array.from({ length: 1_000 }, () => ({ status: 500 }));
  await start(server, { interval_ms: 30 });
  // On a busy machine the turns, too, may be late.
  await expect.poll(health).toMatchObject({
    code: 503,
    body: {
      status: "degraded",
      reasons: expect.arrayContaining([expect.stringContaining("payloads pile up: 500")]),
      database_connected: true,
    },
  });
  ingest.script = [];
  await expect.poll(async () => (await health()).code).toBe(200);
});

test("metrics tell the agent's own cost", async () => {
  const server = openServer(async () => [
    testingPayload({
      collectors: [
        {
          name: "statements",
          status: "error",
          code: "extension_missing",
          sqlstate: "42P01",
          hint: null,
          duration_ms: 12,
          rows: null,
          truncated: false,
        },
      ],
    }),
  ]);
  await start(server);
  await ingest.arrivals(1);
  const url = new URL("/metrics", agent?.health ?? "");
  await expect
    .poll(async () => (await fetch(url)).text())
    .toContain('quern_agent_uploads_total{status="202"} 1');
  const text = await (await fetch(url)).text();
  for (const line of [
    'quern_agent_sections_total{section="statements",status="error"} 1',
    'quern_agent_section_seconds_total{section="statements",status="error"} 0.012',
    "quern_agent_database_seconds_total 0.005",
    'quern_agent_collections_total{outcome="ok"} 1',
    "quern_agent_spool_payloads 0",
    "# TYPE quern_agent_dropped_payloads_total counter",
  ]) {
    expect(text).toContain(line);
  }
  expect((await fetch(new URL("/", url))).status).toBe(404);
  expect((await fetch(url, { method: "POST" })).status).toBe(405);
});

test("an address that is taken is an error with words", async () => {
  await start(openServer());
  const { port } = new URL(agent?.health ?? "");
  const second = testingConfig({ DATAPACE_HEALTH_PORT: port, QUERN_SPOOL_DIR: dir });
  const effects = { log };
  const starting = startAgent({ ...second, upload: ingest.config() }, openServer(), effects);
  await expect(starting).rejects.toThrow("Choose another port");
});

/** The limits of a stop pass when they are told to, and not because the disk or the processor is busy. */
const withoutDeadlines = () => vi.useFakeTimers({ toFake: ["setTimeout"] });

test("U16: a stop while nothing answers keeps the samples and what was not sent", async () => {
  const server = openServer(async () => [
    testingPayload({ activity: [{ at: "now", sessions: [], idle: 1 }] }),
  ]);
  ingest.script = ["silence", "silence", "silence"];
  const running = await start(server);
  await ingest.arrivals(1);
  withoutDeadlines();
  await running.stop();
  agent = null;
  expect(server.closed).toBe(1);
  // The last one has nothing due: it is there for the samples.
  expect(server.collected.at(-1)).toEqual([]);
  expect(await readdir(join(dir, "spool"))).toHaveLength(2);
});

test("U9: what waited in memory for want of a disk is written at the stop", async () => {
  const blocked = join(dir, "spool");
  await writeFile(blocked, "a file where the folder should be");
  ingest.script = ["silence"];
  const running = await start(openServer());
  await ingest.arrivals(1);
  expect(await health()).toMatchObject({
    code: 503,
    body: { reasons: ["the spool is in memory: EEXIST"] },
  });
  await rm(blocked);
  await running.stop();
  agent = null;
  expect(await readdir(blocked)).toHaveLength(1);
});

test("a stop does not wait for a collection that hangs", async () => {
  let end: (reason: unknown) => void = () => {};
  const server = openServer(
    () =>
      new Promise((_, reject) => {
        end = reject;
      }),
  );
  server.close = async () => end(new UnreachableError("closed", "closed"));
  const running = await start(server);
  await expect.poll(() => server.collected.length).toBe(1);
  withoutDeadlines();
  await Promise.all([running.stop(), vi.advanceTimersByTimeAsync(1_999)]);
  agent = null;
});
