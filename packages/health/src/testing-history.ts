/** A shop that has been watched for days, for tests, benchmarks and looking at pages. Only those may import this file. */
import { randomUUID } from "node:crypto";
import type { AgentPayload, CollectorResult } from "@quern/contract/agent/payload";
import type { Epochs } from "@quern/contract/agent/server";
import type { Database } from "@quern/store/db";
import { sql } from "kysely";
import { takePayload } from "./snapshot.ts";
import { fillPoints } from "./testing-history-points.ts";
import { serverOf, settingsOf } from "./testing-history-server.ts";
import {
  indexStatsOf,
  schemaOf,
  sessionsOf,
  statementsOf,
  TABLES,
  tableStatsOf,
} from "./testing-history-shop.ts";

export type HistoryOptions = {
  /** How many; each on a server of its own, the last on the first one's, too. */
  databases?: number;
  days?: number;
  /** How long ago raw points begin, in hours; hours before them. */
  raw_hours?: number;
  statements?: number;
  now?: Date;
};
export type History = {
  agent_id: string;
  database_ids: string[];
  server_ids: string[];
  from: Date;
  to: Date;
};

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/**
 * Fills the tables of `org_id` as if an agent had sent for `days`: points by minute, hour and day, documents, settings
 * and schema that changed three days ago, sessions that wait for each other, replicas, slots, events.
 */
export async function makeHistory(
  db: Database,
  org_id: string,
  options: HistoryOptions = {},
): Promise<History> {
  const { databases = 1, days = 2, raw_hours = 3, statements = 300, now = new Date() } = options;
  const to = new Date(Math.floor(now.getTime() / MINUTE_MS) * MINUTE_MS - 2 * MINUTE_MS);
  const from = new Date(to.getTime() - days * DAY_MS);
  const agent_id = await makeAgent(db, org_id);
  const history: History = { agent_id, database_ids: [], server_ids: [], from, to };
  for (let place = 0; place < databases; place += 1) {
    const shares = databases > 1 && place === databases - 1;
    const name = place === 0 ? "shop" : shares ? "shop_archive" : `shop_${place + 1}`;
    const server = shares ? 0 : place;
    const watched = { org_id, agent_id, name, server, main: !shares, statements };
    await sendAll(db, watched, to, days);
    const { rows } = await sql<{ id: string; server_id: string }>`
      select id, server_id from health_databases
      where org_id = ${org_id} and instance_id = ${instanceOf(watched)}`.execute(db);
    const { id, server_id } = rows[0]!;
    history.database_ids.push(id);
    if (!shares) history.server_ids.push(server_id);
    await backdate(db, id, server_id, from);
    await fillPoints(db, { id, server_id, name, main: !shares }, { from, to, raw_hours });
    await addSessions(db, server_id, name, to);
  }
  return history;
}

type Watched = {
  org_id: string;
  agent_id: string;
  name: string;
  server: number;
  main: boolean;
  statements: number;
};
const instanceOf = ({ server, name, agent_id }: Watched) => `${agent_id}-${server}-${name}`;

async function makeAgent(db: Database, org_id: string): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    insert into health_agents (org_id, name, version, status, last_seen_at, last_payload_at)
    values (${org_id}, ${`agent ${randomUUID().slice(0, 8)}`}, '0.1.0', 'ok', now(), now()) returning id`.execute(
    db,
  );
  return rows[0]!.id;
}

/** What the agent sent: structure of days ago, and two readings of everything a minute apart. */
async function sendAll(db: Database, watched: Watched, to: Date, days: number): Promise<void> {
  const send = async (at: Date, more: Partial<AgentPayload>) => {
    const payload = payloadOf(watched, at, more);
    const sizes = { wire_bytes: 60_000, body_bytes: 600_000 };
    const agent = { id: watched.agent_id, org_id: watched.org_id };
    await takePayload(db, agent, payload, "", sizes, new Date(at.getTime() + 1_000));
  };
  const before = new Date(to.getTime() - Math.min(days, 3) * DAY_MS);
  await send(before, {
    settings_detail: settingsOf({ work_mem: "4096" }),
    schema: schemaOf({ note: false }),
  });
  for (const turn of [0, 1]) {
    const at = new Date(to.getTime() + turn * MINUTE_MS);
    await send(at, {
      query_stats: statementsOf(watched.statements, turn),
      statements: {
        ...{
          extension_version: "1.12",
          default_version: "1.12",
          entries: 1_200,
          max_entries: 5_000,
        },
        ...{ dealloc: 0, stats_reset: EPOCHS.statements_stats_reset, text_file_bytes: 900_000 },
        other: { statements: 900, calls: turn * 800, total_time_ms: turn * 400, rows: turn * 800 },
      },
      table_stats: tableStatsOf(turn, at),
      index_stats: indexStatsOf(turn, at),
      settings_detail: settingsOf({ work_mem: "16384" }),
      schema: schemaOf({ note: true }),
      ...(watched.main ? { server: serverOf([watched.name, "shop_archive"], turn, at) } : {}),
      activity: Array.from({ length: 6 }, (_, place) => {
        const sampled = new Date(at.getTime() - (5 - place) * 10_000);
        return { at: sampled.toISOString(), sessions: sessionsOf(watched.name, sampled), idle: 14 };
      }),
      sequences: TABLES.map(({ name, rows }) => ({
        ...{ schema: "public", sequence: `${name}_id_seq`, data_type: "bigint", min_value: 1 },
        ...{ max_value: "9223372036854775807", increment: 1, cycles: false, last_value: rows },
        ...{ readable: true, columns: [] },
      })),
      bloat: TABLES.slice(0, 8).map(({ name, bytes }) => ({
        ...{ schema: "public", table: name, index: null, real_bytes: bytes, exact: false },
        wasted_bytes: Math.round(bytes / 8),
      })),
    });
  }
}

export const EPOCHS: Epochs = {
  ...{ archiver_stats_reset: "2026-03-01T10:00:00Z", bgwriter_stats_reset: "2026-03-01T10:00:00Z" },
  ...{ database_stats_reset: null, statements_stats_reset: "2026-03-01T10:00:00Z" },
  ...{ timeline: 1, postmaster_start: "2026-03-01T10:00:00Z", server_time: null },
};

function payloadOf(watched: Watched, at: Date, more: Partial<AgentPayload>): AgentPayload {
  const result = (name: string): CollectorResult => ({
    ...{ name, status: "ok", code: null, sqlstate: null, hint: null, duration_ms: 4, rows: 1 },
    truncated: false,
  });
  const sections = ["statements", "tables", "indexes", "schema", "settings", "server"];
  const hint = "GRANT EXECUTE ON FUNCTION quern.table_bloat() TO quern_agent;";
  return {
    ...{ agent_version: "0.1.0", timestamp: at.toISOString(), instance_id: instanceOf(watched) },
    database: {
      ...{ type: "postgres", provider: "generic", name: watched.name, version_num: 180004 },
      version: "PostgreSQL 18.4 on x86_64-pc-linux-gnu, compiled by gcc 12.2.0, 64-bit",
    },
    ...{ snapshot_uuid: randomUUID(), sequence: Math.floor(at.getTime() / MINUTE_MS) },
    ...{ cluster_id: `${watched.agent_id}-cluster-${watched.server}`, epochs: EPOCHS },
    ...{
      node_id: `${watched.agent_id}-${watched.server}`,
      node_name: `db${watched.server + 1}.example.test:5432`,
    },
    collectors: [
      ...[...sections, "activity", "sequences"].map(result),
      ...["bloat", "column_statistics"].map((name): CollectorResult => {
        return { ...result(name), status: "skipped", code: "no_permission", hint };
      }),
    ],
    ...more,
  };
}

/** They have been known for as long as there are points of them. */
async function backdate(db: Database, id: string, server_id: string, from: Date): Promise<void> {
  for (const table of ["health_statements", "health_relations"])
    await sql`update ${sql.table(table)} set first_seen_at = ${from} where database_id = ${id}`.execute(
      db,
    );
  await sql`update health_databases set first_seen_at = ${from}, interval_s = 60 where id = ${id}`.execute(
    db,
  );
  await sql`
    insert into health_events (org_id, server_id, database_id, at, type, subject, details, source)
    select org_id, ${server_id}, id, ${new Date(from.getTime() + DAY_MS / 2)}, 'deploy', 'shop 4.12', '{"commit": "3bf9d92"}', 'api'
    from health_databases where id = ${id}`.execute(db);
}

/** A sample each ten seconds of the hour before `to`. */
async function addSessions(db: Database, server_id: string, name: string, to: Date): Promise<void> {
  await sql`
    insert into health_activity (server_id, at, sessions, idle)
    select ${server_id}::uuid, at, ${JSON.stringify(sessionsOf(name, to))}::jsonb, 14
    from generate_series(${to}::timestamptz - interval '59 minutes', ${to}::timestamptz - interval '1 minute',
      interval '10 seconds') as at
    on conflict do nothing`.execute(db);
}
