/** A monitored server of its own for each test of a rule, filled by payloads or by points. Only tests may import this file. */
import { randomUUID } from "node:crypto";
import type { Session } from "@quern/contract/agent/activity";
import type { AgentPayload } from "@quern/contract/agent/payload";
import type { DatabaseCounters, Epochs, ServerStats } from "@quern/contract/agent/server";
import { type Database, openDatabase } from "@quern/store/db";
import { freshDatabase } from "@quern/store/testing";
import { makeActor } from "@quern/store/testing-fixtures";
import { sql } from "kysely";
import { allRules } from "./advisors/registry.ts";
import type { Found, Judgement, Subject } from "./advisors/rule.ts";
import { ensurePartitions } from "./partitions.ts";
import { takePayload } from "./snapshot.ts";

export const NOW = new Date("2026-03-18T10:20:00Z");
export const ago = (seconds: number) => new Date(NOW.getTime() - seconds * 1_000);

export type Statement = {
  query_hash: string;
  calls: number;
  total_time_ms: number;
  rows?: number;
  blocks?: number;
  temp_blocks?: number;
  query?: string;
};

export const EPOCHS: Epochs = {
  ...{ archiver_stats_reset: "2026-03-01T10:00:00Z", bgwriter_stats_reset: "2026-03-01T10:00:00Z" },
  ...{ database_stats_reset: null, statements_stats_reset: "2026-03-01T10:00:00Z" },
  ...{ timeline: 1, postmaster_start: "2026-03-01T10:00:00Z", server_time: null },
};

export type Sites = Awaited<ReturnType<typeof openSites>>;
export type Site = Awaited<ReturnType<Sites["site"]>>;

/** A metadata database in which sites are made. */
export async function openSites() {
  const database = await freshDatabase();
  const db = openDatabase(database.url);
  const { org_id } = await makeActor(db, "admin");
  return {
    db,
    site: (version_num = 180_004, more: Partial<Subject> = {}) =>
      makeSite(db, org_id, version_num, more),
    async close() {
      await db.destroy();
      await database.drop();
    },
  };
}

async function makeSite(db: Database, org_id: string, version_num: number, more: Partial<Subject>) {
  const node_id = randomUUID();
  const { rows } = await sql<{ id: string }>`
    insert into health_agents (org_id, name) values (${org_id}, ${node_id}) returning id`.execute(
    db,
  );
  const agent = { id: rows[0]!.id, org_id };
  let sequence = 0;
  const send = async (sections: Partial<AgentPayload>, at = NOW) => {
    sequence += 1;
    const payload: AgentPayload = {
      ...{ agent_version: "0.1.0", timestamp: at.toISOString(), instance_id: node_id, node_id },
      database: {
        ...{
          type: more.type ?? "postgres",
          version: `PostgreSQL ${version_num}`,
          name: "shop",
          version_num,
        },
        provider: more.provider ?? "generic",
      },
      ...{ snapshot_uuid: randomUUID(), sequence, epochs: EPOCHS, ...sections },
    };
    await takePayload(db, agent, payload, "", { wire_bytes: 1, body_bytes: 1 }, at);
  };
  await send({}, ago(40 * 86_400));
  const { rows: found } = await sql<{ id: string; server_id: string }>`
    select id, server_id from health_databases where instance_id = ${node_id}`.execute(db);
  const { id: database_id, server_id } = found[0]!;
  const subject = (): Subject => ({
    ...{ db, org_id, database_id, server_id, database_name: "shop", type: "postgres", version_num },
    ...{ provider: "generic", in_recovery: false, is_main: true, now: NOW, ...more },
  });
  return {
    ...{ db, database_id, server_id, subject, send },
    statements: (statements: readonly Statement[], at = NOW, seconds = 60) =>
      statementPoint(db, database_id, statements, at, seconds, "points"),
    statementHours: (statements: readonly Statement[], at: Date) =>
      statementPoint(db, database_id, statements, at, 3_600, "hours"),
    metrics: (values: Record<string, number>, at = NOW, seconds = 60, of = server_id) =>
      metricPoint(db, of, values, at, seconds, "points"),
    metricHours: (values: Record<string, number>, at: Date) =>
      metricPoint(db, server_id, values, at, 3_600, "hours"),
    sessions: (sessions: Session[]) =>
      send({ activity: [{ at: NOW.toISOString(), sessions, idle: 0 }] }),
    judge: async (id: string): Promise<Judgement> => (await allRules()).get(id)!.judge(subject()),
    /** What the rule found: object, severity, and evidence by its key. */
    async found(id: string) {
      const judgement = await (await allRules()).get(id)!.judge(subject());
      if (judgement.state !== "judged") throw new Error(`${judgement.state}: ${judgement.reason}`);
      return judgement.found.map(briefly);
    },
  };
}

function briefly({ evidence, ...found }: Found) {
  return { ...found, evidence: Object.fromEntries(evidence.map(({ key, value }) => [key, value])) };
}

async function statementPoint(
  db: Database,
  database_id: string,
  statements: readonly Statement[],
  at: Date,
  seconds: number,
  suffix: "points" | "hours",
) {
  await ensurePartitions(db, at);
  const ids: number[] = [];
  for (const { query_hash, query } of statements) {
    const { rows } = await sql<{ id: number }>`
      insert into health_statements (database_id, query_hash, fingerprint, kind, query, first_seen_at, last_seen_at)
      values (${database_id}, ${query_hash}, ${`f-${query_hash}`}, 'select', ${query ?? `select ${query_hash}`}, ${at}, ${at})
      on conflict (database_id, query_hash, user_name) do update set last_seen_at = excluded.last_seen_at
      returning id`.execute(db);
    ids.push(rows[0]!.id);
  }
  const column = (name: "calls" | "total_time_ms" | "rows" | "blocks" | "temp_blocks") =>
    statements.map((statement) => statement[name] ?? 0);
  const none = statements.map(() => 0);
  await sql`
    insert into ${sql.table(`health_statement_${suffix}`)} (database_id, at, seconds, statement_ids, calls, total_time_ms, rows,
      shared_blks_hit, shared_blks_read, shared_blks_dirtied, shared_blks_written, temp_blks_read, temp_blks_written,
      blk_read_time_ms, blk_write_time_ms, plan_time_ms, wal_bytes)
    values (${database_id}, ${at}, ${seconds}, ${ids}::bigint[], ${column("calls")}::bigint[],
      ${column("total_time_ms")}::float8[], ${column("rows")}::bigint[], ${column("blocks")}::bigint[], ${none}::bigint[],
      ${none}::bigint[], ${none}::bigint[], ${none}::bigint[], ${column("temp_blocks")}::bigint[], ${none}::float8[],
      ${none}::float8[], ${none}::float8[], ${none}::bigint[])`.execute(db);
}

async function metricPoint(
  db: Database,
  subject_id: string,
  values: Record<string, number>,
  at: Date,
  seconds: number,
  suffix: "points" | "hours",
) {
  await ensurePartitions(db, at);
  await sql`
    insert into ${sql.table(`health_metric_${suffix}`)} (subject_id, at, seconds, values)
    values (${subject_id}, ${at}, ${seconds}, ${JSON.stringify(values)}::jsonb)`.execute(db);
}

/** A server that is well; `more` replaces parts. */
export function serverStats(more: Partial<ServerStats> = {}): ServerStats {
  return {
    ...{ in_recovery: false, max_connections: 103, reserved_connections: 3 },
    ...{ connections: { active: 2, idle: 8 }, databases: [databaseCounters()] },
    ...more,
  };
}

export function databaseCounters(more: Partial<DatabaseCounters> = {}): DatabaseCounters {
  return {
    ...{ name: "shop", size_bytes: 1, backends: 1, connection_limit: -1, xact_commit: 0 },
    ...{ xact_rollback: 0, blks_read: 0, blks_hit: 0, tup_returned: 0, tup_fetched: 0 },
    ...{ tup_inserted: 0, tup_updated: 0, tup_deleted: 0, conflicts: 0, temp_files: 0 },
    ...{ temp_bytes: 0, deadlocks: 0, checksum_failures: 0, blk_read_time_ms: null },
    ...{ blk_write_time_ms: null, session_time_ms: null, active_time_ms: null },
    ...{ idle_in_transaction_time_ms: null, sessions: null, sessions_abandoned: null },
    ...{ sessions_fatal: null, sessions_killed: null, frozen_xid_age: 1, min_mxid_age: 1 },
    ...{ stats_reset: null, ...more },
  };
}

/** An active session of the application in `shop` that has just begun. */
export function session(pid: number, more: Partial<Session> = {}): Session {
  return {
    ...{ pid, backend_type: "client backend", database: "shop", user_name: "app" },
    ...{ application: null, state: "active", wait_event_type: null, wait_event: null },
    ...{ query_hash: null, fingerprint: null, kind: "select", backend_start: null },
    ...{ xact_start: null, query_start: null, state_change: null, xid_age: null, xmin_age: null },
    ...more,
  };
}

/** Settings as `settings_detail` sends them. */
export function settingsDetail(settings: Record<string, string>, pending: string[] = []) {
  return Object.entries(settings).map(([name, value]) => ({
    ...{ name, value, unit: null, category: null, source: "configuration file" },
    ...{ default_value: null, pending_restart: pending.includes(name), context: null },
  }));
}
