import type { Client } from "@quern/contract/client";
import {
  listDatabases,
  readDatabase,
  readMetrics,
  readOverview,
} from "@quern/contract/health/databases";
import { listEvents } from "@quern/contract/health/events";
import { listIndexes, listTables, readTable } from "@quern/contract/health/relations";
import {
  listSettings,
  readDatabaseSchema,
  readReplication,
  readServer,
} from "@quern/contract/health/server";
import { listStatements, readStatement } from "@quern/contract/health/statements";
import { sumUp } from "@quern/health/rollups";
import { makeHistory } from "@quern/health/testing-history";
import { type Database, openDatabase } from "@quern/store/db";
import { sql } from "kysely";
import { startBenched } from "./benched.ts";
import type { Measure } from "./main.ts";
import { measure, quantile, time } from "./times.ts";

const DATABASES = 100;
const DAYS = 90;
const BUDGET_MS = 300;

/**
 * Every page of a database's health over 90 days, where 100 databases of 300 statements, 40 tables and 120 indexes are
 * watched, over HTTP, beside the budget. One has all of its history; the others are copies of its days.
 */
export async function healthPages(): Promise<Measure[]> {
  await using benched = await startBenched({ runner: false });
  const db = openDatabase(benched.databaseUrl, {
    ...{ statement_timeout_ms: 600_000, silence_ms: 610_000 },
  });
  try {
    const id = await fill(db);
    const measures: Measure[] = [];
    for (const [what, work] of Object.entries(await pages(benched.client, id))) {
      const times = await time(work, { rounds: 40, warmUp: 5 });
      measures.push(
        measure(`health: ${what}, p95; peer: the budget`, quantile(times, 0.95), BUDGET_MS, "ms"),
      );
    }
    return measures;
  } finally {
    await db.destroy();
  }
}

async function pages(client: Client, id: string): Promise<Record<string, () => Promise<unknown>>> {
  const params = { id };
  const at = (days: number) => ({ from: new Date(Date.now() - days * 86_400_000).toISOString() });
  const long = at(DAYS);
  const { items: statements } = await client.call(listStatements, { params, query: long });
  const { items: tables } = await client.call(listTables, { params, query: long });
  const [statement_id, relation_id] = [statements[0]!.id, tables[0]!.id];
  const names = "load,xact_commit,xact_rollback,connections_total,size_bytes,wal_bytes";
  return {
    "the fleet of 100": () => client.call(listDatabases, { query: { limit: DATABASES } }),
    "one database": () => client.call(readDatabase, { params }),
    "overview of 90 days": () => client.call(readOverview, { params, query: long }),
    "six metrics of 90 days and the week before": () =>
      client.call(readMetrics, { params, query: { ...long, names, compare: "week" } }),
    "statements of 90 days": () => client.call(listStatements, { params, query: long }),
    "statements of 14 days, by hours": () =>
      client.call(listStatements, { params, query: { ...at(13.9), order: "change" } }),
    "statements of the last hour": () => client.call(listStatements, { params, query: at(1 / 24) }),
    "one statement, 90 days": () =>
      client.call(readStatement, { params: { id, statement_id }, query: long }),
    "tables of 90 days": () => client.call(listTables, { params, query: long }),
    "indexes of 90 days": () => client.call(listIndexes, { params, query: long }),
    "one table, 90 days": () =>
      client.call(readTable, { params: { id, relation_id }, query: long }),
    "replication of 90 days": () => client.call(readReplication, { params, query: long }),
    "the server": () => client.call(readServer, { params }),
    settings: () => client.call(listSettings, { params }),
    "the schema": () => client.call(readDatabaseSchema, { params }),
    "events of 90 days": () => client.call(listEvents, { params, query: long }),
  };
}

/** Returns the id of a database that has everything. */
async function fill(db: Database): Promise<string> {
  const { rows: orgs } = await sql<{ id: string }>`select id from orgs limit 1`.execute(db);
  const org_id = orgs[0]!.id;
  const { database_ids } = await makeHistory(db, org_id, {
    databases: 2,
    days: DAYS,
    raw_hours: 2,
  });
  const id = database_ids[0]!;
  await sql`
    create table bench_copies as
    select n, gen_random_uuid() as server_id, gen_random_uuid() as database_id from generate_series(2, ${sql.lit(DATABASES)}) as n`.execute(
    db,
  );
  await sql`
    insert into health_servers (id, org_id, agent_id, node_id, name, type, version, provider)
    select copies.server_id, org_id, agent_id, node_id || n, 'db' || n, type, version, provider
    from bench_copies as copies, health_servers as servers
    where servers.id = (select server_id from health_databases where id = ${id})`.execute(db);
  await sql`
    insert into health_databases (id, org_id, server_id, instance_id, name, is_main, interval_s, last_taken_at, collectors)
    select database_id, org_id, copies.server_id, instance_id || n, name, true, interval_s, last_taken_at, collectors
    from bench_copies as copies, health_databases as databases where databases.id = ${id}`.execute(
    db,
  );
  for (const [table, subject, since, own] of COPIED)
    await copy(db, id, { table, subject, since, own });
  await sumUp(db);
  await sql`analyze health_databases, health_servers, health_statements, health_relations`.execute(
    db,
  );
  return id;
}

type Copied = { table: string; subject: string; since: string; own: string };

/** The subject is the first column of each. */
async function copy(db: Database, id: string, { table, subject, since, own }: Copied) {
  const { rows } = await sql<{ name: string }>`
    select attname as name from pg_attribute where attrelid = ${table}::regclass and attnum > 1 order by attnum`.execute(
    db,
  );
  const columns = sql.join(rows.map(({ name }) => sql.ref(name)));
  const whose =
    own === "server_id"
      ? sql`(select server_id from health_databases where id = ${id})`
      : sql`${id}`;
  await sql`
    insert into ${sql.table(table)} (${sql.ref(subject)}, ${columns})
    select ${sql.ref(`copies.${own}`)}, ${sql.join(rows.map(({ name }) => sql.ref(`points.${name}`)))}
    from bench_copies as copies, ${sql.table(table)} as points
    where points.${sql.ref(subject)} = ${whose} and at > now() - ${since}::interval`.execute(db);
}

/** Table, its first column, how far back, and by which id of a copy. */
const COPIED = [
  ["health_statement_days", "database_id", "91 days", "database_id"],
  ["health_table_days", "database_id", "91 days", "database_id"],
  ["health_index_days", "database_id", "91 days", "database_id"],
  ["health_metric_days", "subject_id", "91 days", "database_id"],
  ["health_load_days", "server_id", "91 days", "server_id"],
  ["health_load_hours", "server_id", "26 hours", "server_id"],
  ["health_load_points", "server_id", "3 hours", "server_id"],
  ["health_metric_hours", "subject_id", "26 hours", "server_id"],
  ["health_metric_points", "subject_id", "3 hours", "server_id"],
  ["health_metric_points", "subject_id", "3 hours", "database_id"],
] as const;
