import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { IngestAnswer } from "@quern/contract/agent/answers";
import type { AgentPayload } from "@quern/contract/agent/payload";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { UploadConfig } from "../config/agent-config.ts";
import { openSpool, type Spool } from "../spool/spool.ts";
import { testingItem, testingLog } from "../testing-payload.ts";
import type { UploadTimes } from "./delivery.ts";
import { openTestingIngest, type TestingIngest } from "./testing-ingest.ts";
import { startUploader, type Uploader } from "./uploader.ts";

let dir: string;
let ingest: TestingIngest;
let spool: Spool;
const started: Uploader[] = [];
let learnt: [string, IngestAnswer][];
const { log, text: logged } = testingLog();

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "quern-upload-"));
  ingest = await openTestingIngest();
  spool = await openSpool({ dir, max_bytes: 10_000_000, max_age_ms: 86_400_000 });
  learnt = [];
});
afterEach(async () => {
  for (const running of started.splice(0)) await running.stop();
  await ingest.close();
  await rm(dir, { recursive: true, force: true });
});

const SHORT: UploadTimes = { first_retry: 1, max_retry: 5, pause: 10 };

function start(config: Partial<UploadConfig> = {}, times = SHORT, now = Date.now): Uploader {
  const uploader = startUploader(ingest.config(config), spool, {
    log,
    learn: (instance_id, answer) => learnt.push([instance_id, answer]),
    times,
    now,
  });
  started.push(uploader);
  return uploader;
}

async function deadLetters(): Promise<Record<string, unknown>[]> {
  const names = (await readdir(join(dir, "dead-letters"))).filter((it) =>
    it.endsWith("reason.json"),
  );
  return await Promise.all(
    names.map(async (name) => JSON.parse(await readFile(join(dir, "dead-letters", name), "utf8"))),
  );
}

test.each([200, 201, 202])(
  "U1, defect 7: %i is success; signed, versioned, compressed",
  async (status) => {
    ingest.script = [{ status, body: { anything: "of an original server" } }];
    const item = testingItem();
    await spool.put(item);
    await start().drain();
    expect(ingest.received).toHaveLength(1);
    expect(ingest.received[0]?.raw.toString()).toBe(item.body);
    expect(ingest.received[0]?.headers).toMatchObject({
      "content-encoding": "gzip",
      "content-type": "application/json",
      "x-agent-version": "0.1.0",
    });
    expect(spool.state()).toMatchObject({ payloads: 0, dead_letters: 0 });
  },
);

test("an original server gets bodies as they are", async () => {
  await spool.put(testingItem());
  await start({ gzip: false }).drain();
  expect(ingest.received[0]?.headers["content-encoding"]).toBeUndefined();
  expect(ingest.stored.size).toBe(1);
});

test.each([true, false])("a payload of many pieces is signed whole, gzip %s", async (gzip) => {
  const tables = Array.from({ length: 3_000 }, (_, at) => ({
    ...{ schema: "öffentlich", name: `table_${at}`, columns: [] },
    ...{ row_count_estimate: at, size_bytes: 8_192 },
  }));
  ingest.hints = { next_interval_s: 120 };
  const item = testingItem({ schema: { tables, indexes: [] } });
  await spool.put(item);
  await start({ gzip }).drain();
  expect(ingest.received[0]?.raw.toString() === item.body).toBe(true);
  expect(ingest.stored.size).toBe(1);
  expect(learnt).toMatchObject([[item.instance_id, { next_interval_s: 120 }]]);
});

const INVALID = {
  code: "invalid_payload",
  detail: "no shape",
  errors: [{ path: "query_stats.0.calls", message: "too small" }],
};

test.each([400, 409, 422])("U2: %i is not sent again, and kept with its reason", async (status) => {
  ingest.script = [{ status, body: INVALID }];
  await spool.put(testingItem());
  await spool.put(testingItem());
  await start().drain();
  expect(ingest.received).toHaveLength(2);
  expect(ingest.stored.size).toBe(1);
  expect(await deadLetters()).toEqual([
    expect.objectContaining({
      reason: `${status}: invalid_payload: no shape: query_stats.0.calls: too small`,
    }),
  ]);
});

test("U2: 413 is split by section until it fits; each part is right by itself, under a uuid of its own", async () => {
  const whole = testingItem({
    schema: { tables: [], indexes: [], hash: "h" },
    schema_hash: "h",
    query_stats: [
      {
        query_hash: "1",
        query: "select $1",
        calls: 1,
        total_time_ms: 1,
        rows: 1,
        shared_blks_hit: 0,
        shared_blks_read: 0,
      },
    ],
    table_stats: [],
    epochs: {
      archiver_stats_reset: null,
      bgwriter_stats_reset: null,
      database_stats_reset: null,
      statements_stats_reset: null,
      timeline: 1,
      postmaster_start: null,
      server_time: null,
    },
    collectors: ["schema", "statements", "tables", "connection"].map((name) => ({
      name,
      status: "ok" as const,
      code: null,
      sqlstate: null,
      hint: null,
      duration_ms: 1,
      rows: 1,
      truncated: false,
    })),
  });
  ingest.script = [{ status: 413 }, { status: 413 }];
  await spool.put(whole);
  const running = start();
  await running.drain();
  // The largest section (statements) alone is too large, too, and cannot be split: the others arrive.
  const parts = [...ingest.stored.values()];
  expect(
    parts.map(({ query_stats, schema, table_stats }) =>
      [query_stats, schema, table_stats].map((it) => it !== undefined),
    ),
  ).toEqual([[false, true, true]]);
  expect(await deadLetters()).toEqual([
    expect.objectContaining({ reason: "413: one section alone is too large" }),
  ]);
  const [part] = parts as [AgentPayload];
  expect(part.snapshot_uuid).not.toBe(whole.uuid);
  expect(part.epochs?.timeline).toBe(1);
  expect(part.collectors?.map(({ name }) => name)).toEqual(["schema", "tables", "connection"]);
  expect(part.schema_hash).toBe("h");
  // Again from the same payload: the same parts.
  const first = new Set(ingest.stored.keys());
  ingest.script = [{ status: 413 }, { status: 413 }];
  await spool.put(whole);
  await running.drain();
  expect(new Set(ingest.stored.keys())).toEqual(first);
});

test.each([401, 403, 404, 302])(
  "U3: %i pauses, keeps the payload, and tries slowly again",
  async (status) => {
    ingest.script = [{ status, headers: { location: "/elsewhere" } }];
    await spool.put(testingItem());
    const running = start({}, { ...SHORT, pause: 60_000 });
    await running.drain();
    expect(running.state().problem).toContain(String(status));
    expect(ingest.received).toHaveLength(1);
    expect(spool.state()).toMatchObject({ payloads: 1, dead_letters: 0 });
    await running.stop();
    const again = start();
    await ingest.arrivals(2);
    await again.drain();
    expect(ingest.stored.size).toBe(1);
    expect(again.state().problem).toBeNull();
  },
);

/** Headers have dates to the second. */
const NOW = Date.UTC(2026, 2, 18, 10, 20, 0);
const inSeconds = (seconds: number) => new Date(NOW + seconds * 1_000).toUTCString();

test.each([
  ["429, in seconds", 429, "1"],
  ["503, as a date", 503, inSeconds(1)],
])("U4: Retry-After of %s is waited for", async (_, status, header) => {
  ingest.script = [{ status, headers: { "retry-after": header } }];
  await spool.put(testingItem());
  const began = performance.now();
  await start({}, SHORT, () => NOW).drain();
  // Timers count whole milliseconds.
  expect(performance.now() - began).toBeGreaterThanOrEqual(990);
  expect(ingest.stored.size).toBe(1);
});

test("U5: after a 500 the same payload comes again, under the same uuid", async () => {
  ingest.script = [{ status: 500 }, { status: 502 }];
  await spool.put(testingItem());
  await start().drain();
  expect(new Set(ingest.received.map(({ body }) => body.snapshot_uuid)).size).toBe(1);
  expect(ingest.received).toHaveLength(3);
  expect(ingest.stored.size).toBe(1);
});

test("U6: an answer that is lost after the commit makes no second row", async () => {
  ingest.script = ["cut"];
  await spool.put(testingItem());
  await start().drain();
  expect(ingest.received).toHaveLength(2);
  expect(ingest.stored.size).toBe(1);
  expect(learnt).toEqual([[expect.any(String), expect.objectContaining({ status: "duplicate" })]]);
});

test("U7: payloads go in their order, also around one that has to be tried again", async () => {
  ingest.script = [{ status: 500 }, { status: 202 }];
  const items = [testingItem(), testingItem(), testingItem()];
  for (const item of items) await spool.put(item);
  await start().drain();
  const order = ingest.received.map(({ body }) => body.snapshot_uuid);
  expect(order).toEqual([items[0], items[0], items[1], items[2]].map((item) => item?.uuid));
});

test("one payload on which the server always fails does not hold up the others", async () => {
  const poison = testingItem();
  ingest.script = Array.from({ length: 8 }, () => ({ status: 500 }));
  await spool.put(poison);
  const other = testingItem();
  await spool.put(other);
  const running = start({ retries: 20 });
  await running.drain();
  expect([...ingest.stored.keys()]).toEqual([other.uuid]);
  expect(await deadLetters()).toEqual([expect.objectContaining({ payload: poison.uuid })]);
});

test("U11: a refused signature names how far the clock is off", async () => {
  ingest.script = [
    { status: 401, headers: { date: inSeconds(-312) }, body: { code: "stale_timestamp" } },
  ];
  await spool.put(testingItem());
  const running = start({}, { ...SHORT, pause: 60_000 }, () => NOW);
  await running.drain();
  expect(running.state().problem).toMatch(
    /^401: stale_timestamp; this machine's clock is 312 s ahead of the server's/,
  );
});

test("U12: a wrong secret is an error of this agent's settings", async () => {
  await spool.put(testingItem());
  const running = start({ signing_secret: "another" }, { ...SHORT, pause: 60_000 });
  await running.drain();
  expect(running.state().problem).toBe("401: invalid_signature");
  expect(ingest.stored.size).toBe(0);
});

test("U16: a stop in the middle of an attempt or a wait is at once, and loses nothing", async () => {
  ingest.script = ["silence"];
  await spool.put(testingItem());
  const silent = start({ timeout_ms: 600_000 });
  await ingest.arrivals(1);
  await silent.stop();
  ingest.script = [{ status: 500 }];
  const waiting = start({}, { first_retry: 600_000, max_retry: 600_000, pause: 600_000 });
  await ingest.arrivals(2);
  await waiting.stop();
  expect((await openSpool({ dir, max_bytes: 1e7, max_age_ms: 1e9 })).entries()).toHaveLength(1);
});

test("what the server says is passed on with the instance it is about", async () => {
  ingest.hints = { want_schema: true, want_texts: ["1f"], next_interval_s: 120, paused: true };
  await spool.put(testingItem({ instance_id: "this one" }));
  await start().drain();
  expect(learnt).toEqual([["this one", expect.objectContaining(ingest.hints)]]);
});

test("neither key nor secret nor signature is ever logged", () => {
  expect(logged()).toContain("cannot upload");
  for (const secret of [ingest.config().api_key, ingest.config().signing_secret]) {
    expect(logged()).not.toContain(secret);
  }
});
