import type { IndexStats, TableStats } from "@quern/contract/agent/relations";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listIndexes } from "../read-indexes.ts";
import { rangeOf, readRange } from "../read-range.ts";
import { listTables } from "../read-relations.ts";
import { readMetricSeries } from "../read-series.ts";
import {
  ago,
  databaseCounters,
  NOW,
  openSites,
  type Site,
  type Sites,
  serverStats,
  session,
  settingsDetail,
} from "../testing-site.ts";
import { enlistRules, evaluateNext } from "./engine.ts";
import { allRules } from "./registry.ts";

let sites: Sites;
beforeAll(async () => {
  sites = await openSites();
});
afterAll(() => sites.close());

const NOT_COUNTED = Object.fromEntries(
  Object.entries(databaseCounters()).map(([name]) => [name, null]),
);
const EPOCHS = {
  ...{ archiver_stats_reset: null, bgwriter_stats_reset: null, timeline: null },
  server_time: null,
};
const started = (at: string) => ({
  ...{ ...EPOCHS, database_stats_reset: at, postmaster_start: at },
  statements_stats_reset: at,
});

/** As the agent sends it of MySQL: what that does not count is null, what it has no like of is refused. */
async function sendAll(site: Site, at: Date, deadlocks: number) {
  const collector = (name: string, code: string | null) => ({
    ...{ name, status: code === null ? ("ok" as const) : ("skipped" as const), code },
    ...{ sqlstate: null, hint: null, duration_ms: 1, rows: null, truncated: false },
  });
  await site.send(
    {
      epochs: started("2026-03-01T10:00:00.000000Z"),
      collectors: [
        ...["tables", "indexes", "schema", "settings", "server", "activity", "statements"].map(
          (name) => collector(name, null),
        ),
        ...["sequences", "bloat", "plans"].map((name) => collector(name, "not_supported")),
      ],
      server: serverStats({
        connections: { active: 3, idle: 80, "idle in transaction": 15 },
        databases: [
          {
            ...databaseCounters({ ...NOT_COUNTED, name: "shop", connection_limit: -1 }),
            ...{ size_bytes: 1_000, tup_inserted: 5 },
          },
        ],
        status: { innodb_deadlocks: deadlocks },
        wal: {},
      }),
      activity: [
        {
          at: at.toISOString(),
          idle: 80,
          sessions: [
            session(7, { state: "idle in transaction", state_change: ago(400).toISOString() }),
            session(8, {
              ...{
                blocked_by: [7],
                wait_event_type: "Lock",
                query_start: ago(4_000).toISOString(),
              },
              waits_for: {
                ...{ lock_type: "record", mode: "X", schema: "shop", relation: "orders" },
                since: ago(100).toISOString(),
              },
            }),
          ],
        },
      ],
      table_stats: [],
      index_stats: [],
      query_stats: [],
      settings_detail: settingsDetail({ autocommit: "ON", autovacuum: "off" }),
      schema: { tables: [], indexes: [], constraints: [], hash: "abc" },
    },
    at,
  );
}

test("a MySQL server: rules of PostgreSQL do not apply, the others judge it in its words", async () => {
  const site = await sites.site(80_036, { type: "mysql" });
  await sendAll(site, ago(600), 1);
  await sendAll(site, NOW, 4);
  const rules = await allRules();
  await enlistRules(sites.db, { now: NOW, rules });
  await sql`update health_databases set last_taken_at = ${NOW}`.execute(sites.db);
  const failures: unknown[] = [];
  const onFailure = ({ error }: { error: unknown }) => failures.push(error);
  while ((await evaluateNext(sites.db, { now: NOW, rules, onFailure })) !== undefined);
  expect(failures).toEqual([]);
  const { rows } = await sql<{ rule: string; state: string }>`
    select rule, state from health_rule_states where database_id = ${site.database_id} order by rule`.execute(
    sites.db,
  );
  expect(rows).toHaveLength(rules.size);
  for (const { rule, state } of rows) {
    if (!rules.get(rule)!.engines.includes("mysql"))
      expect([rule, state]).toEqual([rule, "not_applicable"]);
  }
  const states = Object.fromEntries(rows.map(({ rule, state }) => [rule, state]));
  expect(states).toMatchObject({
    ...{ "blocked-sessions": "finding", "connection-saturation": "finding" },
    ...{ deadlocks: "finding", "idle-in-transaction": "finding", "long-queries": "finding" },
    ...{ "dangerous-settings": "not_applicable", "slow-statements": "not_enough_data" },
  });
  const { rows: findings } = await sql<{
    rule: string;
    fix: { sql: string | null; words: string };
  }>`
    select rule, fix from health_findings where database_id = ${site.database_id} order by rule`.execute(
    sites.db,
  );
  const fixes = new Map(findings.map(({ rule, fix }) => [rule, fix]));
  expect(fixes.get("blocked-sessions")).toMatchObject({
    ...{ sql: "kill 7;", words: expect.stringContaining("set wait_timeout") },
  });
  expect(fixes.get("long-queries")?.sql).toBe("kill query 8;");
  expect(fixes.get("deadlocks")?.words).toContain("error 1213");
  for (const fix of fixes.values()) expect(JSON.stringify(fix)).not.toMatch(/pg_|PgBouncer/);
});

test("its start loses all counters, which is one event", async () => {
  const site = await sites.site(80_036, { type: "mysql" });
  const at = (seconds: number, start: string) =>
    site.send(
      { epochs: started(start), server: serverStats({ status: { innodb_deadlocks: 9 } }) },
      ago(seconds),
    );
  await at(120, "2026-03-01T10:00:00.000000Z");
  await at(60, "2026-03-01T10:00:00.000000Z");
  await at(0, "2026-03-18T10:19:30.000000Z");
  const { rows } = await sql<{ type: string }>`
    select type from health_events where server_id = ${site.server_id} order by type`.execute(
    sites.db,
  );
  expect(rows.map(({ type }) => type)).toEqual(["restart"]);
  const { rows: points } = await sql<{ deadlocks: number | null; marks: string[] }>`
    select (values ->> 'deadlocks')::integer as deadlocks, marks from health_metric_points
    where subject_id = ${site.server_id} order by at`.execute(sites.db);
  expect(points.map(({ deadlocks }) => deadlocks)).toEqual([null, 0, 9]);
  expect(points.at(-1)?.marks).toEqual(["reset"]);
  const subject = { ...site.subject(), interval_s: 60 };
  const range = rangeOf(ago(600), NOW, { hour: null, day: null }, NOW);
  const { series } = await readMetricSeries(sites.db, subject, range, ["deadlocks"]);
  // Counted for the server, and shown at each of its databases.
  expect(series[0]?.values).toEqual([0, 0.15]);
});

test("what it does not count is not said to be 0, and indexes of one name are told apart", async () => {
  const site = await sites.site(80_036, { type: "mysql" });
  const nothing = {
    ...{ seq_scan: null, idx_scan: null, n_dead_tup: null, last_vacuum: null, last_analyze: null },
    ...{ last_autovacuum: null, last_autoanalyze: null, n_tup_upd: 0, n_tup_del: 0 },
  };
  const send = (read: number, at: Date) => {
    const index = (table: string): IndexStats => ({
      ...{ schema: "shop", table, index: `${table}.PRIMARY`, size_bytes: 16_384 },
      ...{ idx_scan: null, idx_tup_read: null, idx_tup_fetch: table === "a" ? read : 1 },
    });
    const table: TableStats = {
      ...{ ...nothing, schema: "shop", table: "a", seq_tup_read: read, idx_tup_fetch: read },
      ...{ n_tup_ins: read, n_live_tup: 5, reltuples: 5, size_bytes: 9 },
    };
    return site.send(
      {
        epochs: started("2026-03-01T10:00:00.000000Z"),
        table_stats: [table],
        index_stats: [index("a"), index("b")],
      },
      at,
    );
  };
  await send(10, ago(120));
  await send(30, ago(60));
  const range = await readRange(
    sites.db,
    { from: ago(600).toISOString(), to: NOW.toISOString() },
    NOW,
  );
  const tables = await listTables(
    sites.db,
    { id: site.database_id, server_id: site.server_id },
    range,
    {},
  );
  expect(tables.items).toMatchObject([
    { name: "a", seq_scan: null, idx_scan: null, seq_tup_read: 20, n_tup_ins: 20, n_tup_upd: 0 },
  ]);
  const indexes = await listIndexes(sites.db, { id: site.database_id }, range, { order: "name" });
  expect(
    indexes.items.map(({ name, idx_scan, unused_since }) => [name, idx_scan, unused_since]),
  ).toEqual([
    ["a.PRIMARY", null, null],
    ["b.PRIMARY", null, null],
  ]);
});
