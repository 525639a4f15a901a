import type { ServerStats } from "@quern/contract/agent/server";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  ago,
  databaseCounters,
  NOW,
  openSites,
  type Sites,
  serverStats,
  settingsDetail,
} from "../testing-site.ts";

let sites: Sites;
beforeAll(async () => {
  sites = await openSites();
});
afterAll(() => sites.close());

const MB = 1024 ** 2;
const GB = 1024 ** 3;
const HOUR = 3_600;
const DAY = 24 * HOUR;
const WEEK = 7 * 86_400;
type Slot = NonNullable<ServerStats["slots"]>[number];
type Replica = NonNullable<ServerStats["replicas"]>[number];

const slot = (name: string, retained_bytes: number | string, more: Partial<Slot> = {}): Slot => ({
  ...{ name, type: "physical", plugin: null, database: null, active: true, temporary: false },
  ...{ retained_bytes, wal_status: "reserved", safe_wal_bytes: null, xmin_age: null },
  ...{ catalog_xmin_age: null, inactive_since: null, invalidation_reason: null, conflicting: null },
  ...more,
});

test("slots: by size, by share of the limit, lost or left", async () => {
  const site = await sites.site();
  await site.send({ server: serverStats() }, ago(120));
  expect(await site.judge("slot-retention")).toMatchObject({ state: "not_enough_data" });
  await site.send({
    server: serverStats({
      slots: [
        slot("small", 100 * MB),
        slot("behind", 2 * GB),
        slot("full", String(11 * GB)),
        slot("it's left", 5, { active: false, inactive_since: ago(2_400).toISOString() }),
        slot("just left", 5, { active: false, inactive_since: ago(60).toISOString() }),
        slot("gone", 0, { wal_status: "lost", invalidation_reason: "wal_removed", active: false }),
        slot("scratch", 20 * GB, { temporary: true }),
      ],
    }),
  });
  expect(await site.found("slot-retention")).toMatchObject([
    { object: "behind", severity: "warning", fix: { sql: null } },
    { object: "full", severity: "critical", evidence: { retained_wal: 11 * GB, limit: null } },
    {
      ...{ object: "it's left", severity: "warning", evidence: { inactive_for: 2_400 } },
      fix: { sql: "select pg_drop_replication_slot('it''s left');" },
    },
    { object: "gone", severity: "critical", evidence: { invalidation_reason: "wal_removed" } },
  ]);
  const limited = await sites.site(130_023);
  const left = slot("left", 5, { active: false });
  // Before 17 the server does not say since when: what the rule noted itself does.
  const noted = async () => {
    const judgement = await limited.judge("slot-retention");
    if (judgement.state !== "judged") throw new Error(judgement.reason);
    await sql`
      insert into health_rule_states (database_id, rule, state, due_at, reason)
      values (${limited.database_id}, 'slot-retention', 'ok', ${NOW}, ${JSON.stringify({ noted: judgement.noted })}::jsonb)
      on conflict (database_id, rule) do update set reason = excluded.reason`.execute(sites.db);
    return judgement.found;
  };
  await limited.send(
    { server: serverStats({ slots: [left, slot("back", 5, { active: false })] }) },
    ago(2_000),
  );
  expect(await noted()).toEqual([]);
  await limited.send({ server: serverStats({ slots: [left, slot("back", 5)] }) }, ago(1_000));
  expect(await noted()).toEqual([]);
  const both = [left, slot("back", 5, { active: false })];
  await limited.send({ server: serverStats({ slots: both }) }, ago(60));
  expect(await limited.found("slot-retention")).toMatchObject([
    { object: "left", severity: "warning", evidence: { inactive_for: 1_940 } },
  ]);
  // From 17 on it says so, and nothing of those that it copies from its primary.
  const standby = await sites.site(180_004, { in_recovery: true });
  for (const seconds of [9_000, 60]) {
    await standby.send({ server: serverStats({ slots: [left] }) }, ago(seconds));
    expect(await standby.found("slot-retention")).toEqual([]);
  }
  await limited.send({
    settings_detail: settingsDetail({ max_slot_wal_keep_size: "4096" }),
    server: serverStats({
      slots: [slot("a", 0.9 * GB), slot("one", GB), slot("b", 2.5 * GB), slot("c", 3.5 * GB)],
    }),
  });
  expect(await limited.found("slot-retention")).toMatchObject([
    { object: "one", severity: "warning" },
    { object: "b", severity: "warning" },
    { object: "c", severity: "critical" },
  ]);
});

const replica = (application_name: string, bytes: number, ms: number): Replica => ({
  ...{ application_name, state: "streaming", sync_state: "async", sent_lag_bytes: 0 },
  ...{ write_lag_bytes: 0, flush_lag_bytes: 0, replay_lag_bytes: bytes, write_lag_ms: 0 },
  ...{ flush_lag_ms: 0, replay_lag_ms: ms, backend_xmin_age: null },
});

test("lag: for five minutes on end, and time only while bytes are missing", async () => {
  const site = await sites.site();
  const send = (seconds: number, replicas: Replica[]) =>
    site.send({ server: serverStats({ replicas }) }, ago(seconds));
  for (const seconds of [330, 270, 210, 150, 90])
    await send(seconds, [replica("one", 200 * MB, 8_000)]);
  await send(30, [
    replica("one", 300 * MB, 9_000),
    replica("idle", 0, 900_000),
    replica("near", 12 * MB, 10),
  ]);
  expect(await site.found("replica-lag")).toMatchObject([
    { object: "one", severity: "warning", evidence: { lag_bytes: 300 * MB, lag_time: 9_000 } },
    { object: "near", severity: "info" },
  ]);
  await send(20, [replica("one", 1, 1)]);
  expect(await site.found("replica-lag")).toEqual([]);
  await send(10, []);
  expect(await site.found("replica-lag")).toMatchObject([
    { object: "gone: a replica", severity: "warning" },
  ]);
});

test("lag: one peak is none, and who was there yesterday is missed by name", async () => {
  const site = await sites.site();
  const yesterday = ago(86_400);
  await site.send({ server: serverStats({ replicas: [replica("two", 0, 0)] }) }, yesterday);
  for (const [seconds, bytes] of [
    [330, 0],
    [210, 0],
    [90, 2 * GB],
  ] as const)
    await site.send(
      { server: serverStats({ replicas: [replica("one", bytes, 1)] }) },
      ago(seconds),
    );
  expect(await site.found("replica-lag")).toMatchObject([{ object: "gone: two" }]);
  const twins = await sites.site();
  const walreceivers = (count: number) =>
    serverStats({ replicas: Array.from({ length: count }, () => replica("walreceiver", 0, 0)) });
  await twins.send({ server: walreceivers(2) }, yesterday);
  await twins.send({ server: walreceivers(1) });
  expect(await twins.found("replica-lag")).toMatchObject([
    { object: "gone: walreceiver", evidence: { connected: 1 } },
  ]);
  const alone = await sites.site();
  await alone.send({ server: walreceivers(0) });
  expect(await alone.judge("replica-lag")).toMatchObject({ state: "not_applicable" });
  const standby = await sites.site(130_023, { in_recovery: true });
  const receiver = {
    status: "streaming",
    replay_lag_bytes: 2 * GB,
    replay_lag_ms: 40_000,
    slot_name: null,
  };
  for (const seconds of [330, 210, 90, 10])
    await standby.send({ server: serverStats({ in_recovery: true, receiver }) }, ago(seconds));
  expect(await standby.found("replica-lag")).toMatchObject([
    { object: "this standby", severity: "critical" },
  ]);
});

test.each([
  [130_023, "bgwriter", { timed: "checkpoints_timed", requested: "checkpoints_req" }],
  [180_004, "checkpointer", { timed: "num_timed", requested: "num_requested" }],
] as const)("checkpoints on %i, from %s", async (version, view, names) => {
  const site = await sites.site(version);
  const send = (seconds: number, timed: number, requested: number, written: number) => {
    const more = view === "bgwriter" ? { checkpoint_write_time: written } : { write_time: written };
    const counters = { [names.timed]: timed, [names.requested]: requested, ...more };
    return site.send({ server: serverStats({ [view]: counters }) }, ago(seconds));
  };
  await send(2 * HOUR, 100, 100, 0);
  await send(HOUR, 112, 100, 1_000);
  expect(await site.found("checkpoints")).toEqual([]);
  await send(0, 120, 103, 7_190_000);
  expect(await site.found("checkpoints")).toMatchObject([
    {
      ...{ object: "requested", severity: "warning", confidence: "low" },
      evidence: { requested: 3, timed: 20 },
      fix: { sql: expect.stringContaining("max_wal_size = '2048MB'") },
    },
    { object: "writing", severity: "info" },
  ]);
});

test("checkpoints: from 18 on those that were skipped for want of changes do not count", async () => {
  const site = await sites.site();
  const send = (seconds: number, num_timed: number, num_requested: number, num_done: number) =>
    site.send(
      { server: serverStats({ checkpointer: { num_timed, num_requested, num_done } }) },
      ago(seconds),
    );
  await send(DAY, 1_000, 10, 500);
  // 288 by time, of which nine were done, and three that the WAL asked for.
  await send(0, 1_288, 13, 512);
  expect(await site.found("checkpoints")).toMatchObject([
    { object: "requested", severity: "critical", evidence: { requested_share: 0.25, timed: 9 } },
  ]);
});

const io = (fsyncs: number) => ({
  io: [
    {
      ...{ backend_type: "client backend", object: "relation", context: "normal" },
      counters: { fsyncs },
    },
  ],
});
const bgwriter = (buffers_backend_fsync: number) => ({ bgwriter: { buffers_backend_fsync } });

test.each([
  [130_023, bgwriter(0), bgwriter(0), []],
  [130_023, bgwriter(0), bgwriter(5), ["warning"]],
  [180_004, io(0), io(5), []],
  [180_004, io(0), io(500), ["info"]],
])(
  "flushes by sessions on %i: never up to 16, few from 17 on",
  async (version, before, after, severities) => {
    const site = await sites.site(version);
    await site.send({ server: serverStats(before) }, ago(HOUR));
    await site.send({ server: serverStats(after) });
    expect((await site.found("backend-fsyncs")).map(({ severity }) => severity)).toEqual(
      severities,
    );
  },
);

test("WAL: against the same hour of the week", async () => {
  const site = await sites.site();
  await site.metrics({ wal_bytes: 8 * GB }, ago(30), HOUR);
  await site.metricHours({ wal_bytes: GB }, ago(WEEK + 1_200));
  expect(await site.judge("wal-rate")).toMatchObject({ state: "not_enough_data" });
  await site.metricHours({ wal_bytes: 1.2 * GB }, ago(2 * WEEK + 1_200));
  await site.metricHours({ wal_bytes: 20 * GB }, ago(2 * WEEK + 9_000));
  expect(await site.found("wal-rate")).toMatchObject([
    { severity: "info", evidence: { wal_per_hour: 8 * GB, weeks_compared: 2 } },
  ]);
  await site.metricHours({ wal_bytes: 9 * GB }, ago(3 * WEEK + 1_200));
  await site.metricHours({ wal_bytes: 9 * GB }, ago(4 * WEEK + 1_200));
  expect(await site.found("wal-rate")).toEqual([]);
});

test("whole pages in the WAL: from 14 on, and not when they are compressed", async () => {
  const old = await sites.site(130_023);
  expect(await old.judge("full-page-images")).toMatchObject({ state: "not_applicable" });
  const site = await sites.site();
  await site.metrics({ wal_bytes: GB, wal_fpi: GB / 10_000 }, ago(30), HOUR);
  expect(await site.found("full-page-images")).toMatchObject([{ severity: "info" }]);
  await site.metrics({ wal_bytes: GB, wal_fpi: 0 }, ago(20), HOUR);
  expect(await site.found("full-page-images")).toEqual([]);
  await site.send({ settings_detail: settingsDetail({ wal_compression: "lz4" }) });
  expect(await site.judge("full-page-images")).toMatchObject({ state: "not_applicable" });
});

test("archiver: while the last thing it did was to fail", async () => {
  const site = await sites.site();
  const send = (seconds: number, failed_count: number, archived: number, failed: number) => {
    const times = {
      last_archived_time: ago(archived).toISOString(),
      last_failed_time: ago(failed).toISOString(),
    };
    const archiver = { archived_count: 5, failed_count, ...times };
    return site.send({ server: serverStats({ archiver }) }, ago(seconds));
  };
  await send(180, 3, 900, 5_000);
  await send(120, 6, 900, 150);
  expect(await site.found("archiver")).toMatchObject([
    { severity: "critical", evidence: { failures: 3 } },
  ]);
  await send(60, 6, 70, 150);
  expect(await site.found("archiver")).toEqual([]);
  await site.send({ settings_detail: settingsDetail({ archive_mode: "off" }) });
  expect(await site.judge("archiver")).toMatchObject({ state: "not_applicable" });
});

test("conflicts are counted on standbys", async () => {
  const primary = await sites.site();
  expect(await primary.judge("standby-conflicts")).toMatchObject({ state: "not_applicable" });
  const standby = await sites.site(180_004, { in_recovery: true });
  const send = (seconds: number, conflicts: number) =>
    standby.send(
      { server: serverStats({ in_recovery: true, databases: [databaseCounters({ conflicts })] }) },
      ago(seconds),
    );
  await send(2 * HOUR, 7);
  await send(HOUR, 7);
  expect(await standby.found("standby-conflicts")).toEqual([]);
  await send(0, 9);
  expect(await standby.found("standby-conflicts")).toMatchObject([{ evidence: { cancelled: 2 } }]);
});
