import { afterAll, beforeAll, expect, test } from "vitest";
import { ago, openSites, type Sites, serverStats, session } from "../testing-site.ts";

let sites: Sites;
beforeAll(async () => {
  sites = await openSites();
});
afterAll(() => sites.close());

const since = (seconds: number) => ago(seconds).toISOString();
const waits = (mode: string, seconds: number | null) => ({
  ...{ wait_event_type: "Lock", wait_event: "relation" },
  waits_for: {
    ...{ lock_type: "relation", mode, schema: "public", relation: "Orders" },
    since: seconds === null ? null : since(seconds),
  },
});

test("without a fresh sample nothing is said of sessions", async () => {
  const site = await sites.site();
  for (const rule of [
    "long-queries",
    "long-transactions",
    "idle-in-transaction",
    "blocked-sessions",
  ])
    expect(await site.judge(rule)).toMatchObject({ state: "not_enough_data" });
});

test("long statements: not back-ups, not the server's own, not those of another database", async () => {
  const site = await sites.site();
  const long = { query_start: since(2_000), xact_start: since(2_000) };
  await site.sessions([
    session(1, { ...long, kind: "update", backend_start: since(9_000) }),
    session(2, { query_start: since(4_000) }),
    session(3, { ...long, application: "pg_dump" }),
    session(4, { ...long, backend_type: "walsender" }),
    session(5, { ...long, database: "other" }),
    session(6, { ...long, state: "idle" }),
    session(7, { query_start: since(1_700) }),
  ]);
  expect(await site.found("long-queries")).toMatchObject([
    {
      ...{ object: `pid 1 of ${since(9_000)}`, severity: "warning" },
      evidence: { running_for: 2_000, statement: "update" },
      fix: { sql: "select pg_cancel_backend(1);" },
    },
    { object: "pid 2", severity: "critical" },
  ]);
});

test("long transactions: those that work on short statements", async () => {
  const site = await sites.site();
  await site.sessions([
    session(1, { xact_start: since(700), query_start: since(2), xmin_age: 5_000 }),
    session(2, { xact_start: since(2_000), query_start: since(1_900) }),
    session(3, { xact_start: since(200), query_start: since(2) }),
    ...[4, 5].map((pid) =>
      session(pid, {
        ...{ xact_start: since(2_000), query_start: since(1), state: "idle in transaction" },
        state_change: since(pid === 4 ? 400 : 1),
      }),
    ),
  ]);
  // 4 sits idle, which is another rule's; 5 was between two statements when the sample was taken.
  expect(await site.found("long-transactions")).toMatchObject([
    { object: "pid 1", severity: "warning", evidence: { open_for: 700, xmin_age: 5_000 } },
    { object: "pid 5", severity: "critical", evidence: { open_for: 2_000 } },
  ]);
});

test("idle in a transaction: one for long, or several for half a minute", async () => {
  const site = await sites.site();
  const idle = (pid: number, seconds: number, state = "idle in transaction") =>
    session(pid, { state, state_change: since(seconds), xact_start: since(seconds) });
  await site.sessions([idle(1, 400), idle(2, 20), session(3, { state_change: since(999) })]);
  expect(await site.found("idle-in-transaction")).toMatchObject([
    { object: "pid 1", severity: "warning", fix: { sql: "select pg_terminate_backend(1);" } },
  ]);
  const many = await sites.site(130_023);
  await many.sessions([1, 2, 3, 4, 5].map((pid) => idle(pid, 40, "idle in transaction (aborted)")));
  expect(await many.found("idle-in-transaction")).toMatchObject([
    { object: "shop", severity: "warning", evidence: { sessions: 5, longest: 40 } },
  ]);
});

test("blocked: a change in the middle is what to cancel, and on 13 the wait is a guess", async () => {
  const site = await sites.site();
  const sessions = (waited: number | null, ran: number) => [
    session(1, { state: "idle in transaction", xact_start: since(600), backend_start: since(900) }),
    session(2, {
      ...{ kind: "alter table", blocked_by: [1], query_start: since(ran) },
      ...waits("AccessExclusiveLock", waited),
    }),
    session(3, { blocked_by: [2], query_start: since(5), ...waits("AccessShareLock", 5) }),
  ];
  await site.sessions(sessions(20, 25));
  expect(await site.found("blocked-sessions")).toEqual([]);
  const waiting = await sites.site();
  await waiting.sessions(sessions(40, 45));
  expect(await waiting.found("blocked-sessions")).toMatchObject([
    {
      ...{ object: `pid 1 of ${since(900)}`, severity: "warning", confidence: "high" },
      evidence: {
        ...{ waiting_sessions: 2, longest_wait: 40, levels: 2, root_pid: 1 },
        ...{ waited_for: 'AccessExclusiveLock on public."Orders"' },
        change_that_waits: "alter table of pid 2",
      },
      fix: { sql: "select pg_cancel_backend(2);", words: expect.stringContaining("lock_timeout") },
    },
  ]);
  const old = await sites.site(130_023);
  await old.sessions(sessions(null, 400));
  expect(await old.found("blocked-sessions")).toMatchObject([
    { severity: "critical", confidence: "medium", evidence: { longest_wait: 400 } },
  ]);
});

test("blocked: ten are critical, a prepared transaction has no process, others' are theirs", async () => {
  const site = await sites.site();
  const waiters = Array.from({ length: 10 }, (_, place) =>
    session(10 + place, { blocked_by: [0], ...waits("RowExclusiveLock", 3) }),
  );
  await site.sessions([
    ...waiters,
    session(40),
    session(41, { database: "other", blocked_by: [40], ...waits("RowExclusiveLock", 900) }),
  ]);
  expect(await site.found("blocked-sessions")).toMatchObject([
    {
      ...{ object: "pid 0", severity: "critical", evidence: { waiting_sessions: 10 } },
      fix: { sql: expect.stringContaining("pg_prepared_xacts") },
    },
  ]);
});

test("waits: more than half of a load of two", async () => {
  const site = await sites.site();
  const at = (seconds: number, active: number, type: string | null) =>
    site.send(
      {
        activity: Array.from({ length: 6 }, (_, place) => ({
          ...{ at: since(seconds + place * 10), idle: 0 },
          sessions: Array.from({ length: active }, (_, pid) =>
            session(pid, {
              ...{ wait_event_type: pid === 0 ? null : type, query_hash: "abc" },
              wait_event: pid === 0 ? null : "DataFileRead",
            }),
          ),
        })),
      },
      ago(seconds),
    );
  await at(500, 4, "IO");
  expect(await site.judge("wait-profile")).toMatchObject({ state: "not_enough_data" });
  for (const seconds of [440, 380, 320, 260, 200, 140, 80, 20]) await at(seconds, 4, "IO");
  expect(await site.found("wait-profile")).toMatchObject([
    {
      object: "IO",
      evidence: {
        ...{ share_of_load: 0.75, average_active_sessions: 4 },
        ...{ top_wait: "IO: DataFileRead", top_statement: "abc" },
      },
    },
  ]);
  const quiet = await sites.site();
  for (const seconds of [560, 500, 440, 380, 320, 260, 200, 140, 80]) {
    await quiet.send(
      {
        activity: [
          { at: since(seconds), sessions: [session(1, { wait_event_type: "IO" })], idle: 0 },
        ],
      },
      ago(seconds),
    );
  }
  expect(await quiet.found("wait-profile")).toEqual([]);
});

test("connections: of those that are not reserved; a pool where most are idle", async () => {
  const site = await sites.site();
  await site.send({ server: serverStats({ connections: { active: 10, idle: 49 } }) }, ago(60));
  expect(await site.found("connection-saturation")).toEqual([]);
  const roles = [
    { user_name: "Web", connections: 70, connection_limit: 80 },
    { user_name: "job", connections: 15, connection_limit: -1 },
  ];
  await site.send({
    server: serverStats({ connections: { active: 20, idle: 65 }, connections_by_role: roles }),
  });
  expect(await site.found("connection-saturation")).toMatchObject([
    {
      severity: "warning",
      evidence: { share_used: 0.85, available: 100, most_by_role: "Web: 70, job: 15" },
    },
  ]);
  expect(await site.found("connection-limits")).toMatchObject([
    {
      ...{ object: 'role "Web"', severity: "warning" },
      fix: { sql: 'alter role "Web" connection limit 120;' },
    },
  ]);
  const large = await sites.site(130_023);
  const connections = { active: 10, idle: 110 };
  await large.send({ server: serverStats({ max_connections: 503, connections }) });
  expect(await large.found("connection-saturation")).toMatchObject([
    { object: "idle", severity: "info" },
  ]);
});

test("the table of locks", async () => {
  const site = await sites.site();
  const locks = (held: number) =>
    serverStats({ locks: { held, fast_path: 900, capacity: "6400" } });
  await site.send({ server: serverStats() }, ago(120));
  expect(await site.judge("lock-table")).toMatchObject({ state: "not_enough_data" });
  await site.send({ server: locks(640) }, ago(60));
  expect(await site.found("lock-table")).toEqual([]);
  await site.send({ server: locks(5_200) });
  expect(await site.found("lock-table")).toMatchObject([
    { severity: "critical", evidence: { locks: 5_200, capacity: 6_400 } },
  ]);
});
