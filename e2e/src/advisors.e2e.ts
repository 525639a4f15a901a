/**
 * Every family of rules through the real agent: a healthy server, on which nothing may be found, is broken on purpose, read by
 * the collector, and judged from what the ingest kept. Windows pass by moving payloads in time: all else is as it came.
 */
import { randomUUID } from "node:crypto";
import { printHelperSql } from "@quern/agent/postgres/helper-sql";
import { collectorFor, configFor } from "@quern/agent/testing-postgres/collector";
import { startTestServer, type TestServer } from "@quern/agent/testing-postgres/server";
import type { AgentPayload } from "@quern/contract/agent/payload";
import { enlistRules, evaluateNext, evaluateSoon } from "@quern/health/advisors/engine";
import { takePayload } from "@quern/health/snapshot";
import { type Database, openDatabase } from "@quern/store/db";
import { freshDatabase, type TestDatabase } from "@quern/store/testing";
import { makeActor } from "@quern/store/testing-fixtures";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  BROKEN,
  BROKEN_AFTER,
  breakSessions,
  brokenSettings,
  HEALTHY,
  healthySettings,
} from "./advisors-fixture.ts";

const HOUR_S = 3_600;
const DAY_S = 24 * HOUR_S;
const BASE = Date.now();
const MAJORS = process.env.QUERN_TEST_MATRIX === "1" ? [13, 14, 15, 16, 17, 18] : [13, 18];

type Agent = { id: string; org_id: string };
type Collected = ReturnType<typeof collectorFor>;

let database: TestDatabase;
let db: Database;
let org_id: string;
/** When the server was broken, and how much later that is in the story. */
let brokenAt = Number.POSITIVE_INFINITY;
const BROKEN_S = 5_000;

beforeAll(async () => {
  database = await freshDatabase();
  db = openDatabase(database.url);
  ({ org_id } = await makeActor(db, "admin"));
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

/** What the agent would send if it were `seconds` later, and nothing but the clock had changed. */
function later(payload: AgentPayload, seconds: number, sequence: number): AgentPayload {
  const move = (time: string, by = seconds) =>
    new Date(Date.parse(time) + by * 1_000).toISOString();
  const { epochs, activity, query_stats } = payload;
  // Statements came up when things were broken, which is later in the story than it was.
  const since = (time: string) => (Date.parse(time) < brokenAt ? time : move(time, BROKEN_S));
  return {
    ...payload,
    ...{ snapshot_uuid: randomUUID(), sequence, timestamp: move(payload.timestamp) },
    ...(epochs?.server_time
      ? { epochs: { ...epochs, server_time: move(epochs.server_time) } }
      : {}),
    ...(query_stats
      ? {
          query_stats: query_stats.map((each) =>
            each.stats_since ? { ...each, stats_since: since(each.stats_since) } : each,
          ),
        }
      : {}),
    ...(activity ? { activity: activity.map((each) => ({ ...each, at: move(each.at) })) } : {}),
  };
}

async function makeAgent(name: string): Promise<Agent> {
  const { rows } = await sql<Agent>`
    insert into health_agents (org_id, name) values (${org_id}, ${name}) returning id, org_id`.execute(
    db,
  );
  return rows[0]!;
}

describe.each(MAJORS.map((major) => ({ major })))("PostgreSQL $major", ({ major }) => {
  let server: TestServer;
  let collector: Collected;
  let agent: Agent;
  let sequence = 0;

  beforeAll(async () => {
    server = await startTestServer(major, healthySettings());
    await server.sql("create database shop");
    await server.sql(HEALTHY, "shop");
    await server.sql(printHelperSql("mon"), "shop");
    await server.sql("vacuum analyze", "shop");
    await server.sql("select pg_stat_statements_reset()", "shop");
    collector = collectorFor(configFor(server.url("shop", "mon")));
    agent = await makeAgent(`of ${major}`);
  });
  afterAll(async () => {
    await collector?.close();
    await server?.stop();
  });

  /** Reads once, and sends that as of each of the times, in seconds from the begin of the test. */
  async function send(...times: number[]): Promise<void> {
    await collector.sample();
    const [payload] = await collector.collect();
    for (const seconds of times) {
      const taken = later(
        payload!,
        seconds - (Date.parse(payload!.timestamp) - BASE) / 1_000,
        ++sequence,
      );
      const now = new Date(taken.timestamp);
      const { status } = await takePayload(
        db,
        agent,
        taken,
        "",
        { wire_bytes: 1, body_bytes: 1 },
        now,
      );
      expect(status).toBe("stored");
    }
  }

  /** What is found at that time, as `rule` or `rule: object`. */
  async function findings(seconds: number): Promise<string[]> {
    const now = new Date(BASE + seconds * 1_000);
    const { rows } = await sql<{ id: string }>`
      select d.id from health_databases as d join health_servers as s on s.id = d.server_id where s.agent_id = ${agent.id}`.execute(
      db,
    );
    const { id } = rows[0]!;
    await enlistRules(db, { now });
    await evaluateSoon(db, id, now);
    const failures: unknown[] = [];
    const onFailure = (failure: unknown) => failures.push(failure);
    while (await evaluateNext(db, { now, onFailure }));
    expect(failures).toEqual([]);
    const found = await sql<{ rule: string; object: string }>`
      select rule, object from health_findings where database_id = ${id} order by rule, object`.execute(
      db,
    );
    return found.rows.map(({ rule, object }) => (object === "" ? rule : `${rule}: ${object}`));
  }

  test("nothing is found on a healthy server", async () => {
    await send(-40 * DAY_S, 0);
    await server.sql(
      "set enable_seqscan = off; select count(*) from kept where at > now()",
      "shop",
    );
    await send(4_000);
    const found = await findings(4_000);
    // Nobody can mend the age of a release here, nor does the server of the tests have checksums before 18.
    const known = major < 18 ? ["setting-hints: data_checksums"] : [];
    expect(found.filter((each) => !each.startsWith("outdated-version"))).toEqual(known);
  });

  test("what is broken is found", async () => {
    brokenAt = Date.now();
    await server.restart("fast", brokenSettings());
    await collector.close();
    collector = collectorFor(configFor(server.url("shop")));
    await server.sql(BROKEN(major), "shop");
    await server
      .sql("create unique index concurrently doubled_x on doubled (x)", "shop")
      .catch(ignoreDuplicate);
    const sessions = await breakSessions(server);
    for (const statement of BROKEN_AFTER) await server.sql(statement, "shop");
    await expect
      .poll(() => server.sql("select failed_count > 0 as failed from pg_stat_archiver"))
      .toEqual([{ failed: "t" }]);
    await send(...LATER);
    const found = new Set<string>();
    for (const seconds of LATER) for (const each of await findings(seconds)) found.add(each);
    await sessions.end();
    const expected = [...OF_CATALOGS, ...OF_WORK, ...(major >= 17 ? OF_STATEMENTS : [])];
    const said = [...found].map(withoutProcess);
    expect(said).toEqual(expect.arrayContaining(expected));
    // What is in order beside it is not accused.
    const rules = new Set(OF_CATALOGS.map((each) => each.split(":")[0]));
    const ofCatalogs = said.filter((each) => rules.has(each.split(":")[0]));
    expect([...new Set(ofCatalogs)].sort()).toEqual([...OF_CATALOGS].sort());
  });
});

const OF_CATALOGS = [
  "column-types: char",
  "column-types: money",
  "column-types: serial",
  "duplicate-index: public.kept_at_again",
  "extension-updates: hstore",
  "foreign-key-types: public.mistyped.mistyped_kept_id_fkey.kept_id",
  "invalid-index: public.doubled_x",
  "missing-primary-key: public.keyless",
  "public-create: public",
  "security-definer: public.unsafe()",
  "sequence-exhaustion: public.worn_id_seq",
  "unindexed-foreign-key",
  "unsound-objects: public.late.late_fk",
];
const OF_WORK = [
  "agent-privileges: superuser",
  "archiver",
  "autovacuum-backlog: public.dead",
  "blocked-sessions",
  "checkpoints: requested",
  "connection-limits: role crammed",
  "connection-saturation",
  "dangerous-settings: fsync",
  "deadlocks: shop",
  "hot-updates: public.cold",
  "idle-in-transaction",
  "long-queries",
  "missing-index: public.wide",
  "partial-index-chance: public.sparse_x",
  "pending-restart: max_connections",
  "rollbacks: shop",
  "setting-hints: timeouts",
  "slot-retention: left_behind",
  "stale-statistics: public.stale",
  "statement-statistics: track_io_timing",
  "superusers",
  "unused-index: public.cold_x",
  "vacuum-horizon",
  "visible-secrets",
  "wraparound",
  "wraparound: public.kept",
];

/** From 17 on statements say since when they count, so that what came up in this long interval is known. */
const OF_STATEMENTS = ["slow-statements", "temp-spill"];

/** Processes and statements have another name each time. */
function withoutProcess(found: string): string {
  return found.replace(
    /: (pid|backend) .*|(?<=^(slow-statements|temp-spill|visible-secrets)): .*/,
    "",
  );
}

/** An hour, four, a day and six weeks after all was well. */
const LATER = [8_000, 12_000, 26 * HOUR_S, 42 * DAY_S];

function ignoreDuplicate(error: unknown): void {
  if (!(error instanceof Error && "code" in error && error.code === "23505")) throw error;
}
