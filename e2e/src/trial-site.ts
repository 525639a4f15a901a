/** Databases that an agent reads, and fixes tried on a sandbox of what it sent. */
import { randomUUID } from "node:crypto";
import { openPostgresCollector } from "@quern/agent/postgres/collector";
import { configFor } from "@quern/agent/testing-postgres/collector";
import { AgentPayload } from "@quern/contract/agent/payload";
import type { Trial } from "@quern/contract/health/trials";
import { type DatabaseRow, findDatabases } from "@quern/health/read-databases";
import { takePayload } from "@quern/health/snapshot";
import { trialAnswer } from "@quern/health/trial/answer";
import { HEAD } from "@quern/health/trial/files";
import type { HeadRows } from "@quern/health/trial/head-rows";
import { type PreparedTrial, prepareTrial, type TriedFinding } from "@quern/health/trial/prepare";
import { rowFiles } from "@quern/health/trial/sample";
import type { Offered } from "@quern/health/trial/schema-ddl";
import { readRows } from "@quern/results/read/rows";
import { partFromBytes } from "@quern/results/read/source";
import type { Ended, TestSandbox } from "@quern/sandbox/testing-sandbox";
import { listParts, readPartData } from "@quern/store/result-parts";
import { readRun } from "@quern/store/run-history";
import { testServer, testUrl } from "@quern/store/testing";
import { sql } from "kysely";
import pg from "pg";

export const OFFERED: Offered = new Map([["citext", { trusted: true }]]);

export type Site = { name: string; client: pg.Client };

async function asAdmin(statement: string): Promise<void> {
  const admin = new pg.Client({ connectionString: testUrl("postgres") });
  await admin.connect();
  await admin.query(statement);
  await admin.end();
}

export async function makeSite(statements: string): Promise<Site> {
  const name = `trial_${randomUUID().slice(0, 8)}`;
  await asAdmin(`create database ${name}`);
  const client = new pg.Client({ connectionString: testUrl(name) });
  await client.connect();
  await client.query(statements);
  return { name, client };
}

export async function dropSite({ name, client }: Site): Promise<void> {
  await client.end();
  await asAdmin(`drop database ${name} with (force)`);
}

export async function payloadOf({ name }: Site): Promise<AgentPayload> {
  const collector = openPostgresCollector(configFor(testUrl(name, testServer().user)));
  const [payload] = await collector.collect(
    new Set(["schema", "column_statistics", "tables", "indexes", "sequences", "settings"]),
  );
  await collector.close();
  return AgentPayload.parse(JSON.parse(JSON.stringify(payload)));
}

/** A statement as pg_stat_statements would count it, with the tables that it touches. */
export type Asked = { text: string; tables: string[] };

/** What the agent of `origin` sends is taken. */
export async function monitored(
  { db, actor }: TestSandbox,
  origin: Site,
  asked: readonly Asked[],
  settings: Record<string, string> = {},
): Promise<DatabaseRow> {
  const { rows } = await sql<{ id: string }>`
    insert into health_agents (org_id, name) values (${actor.org_id}, ${origin.name}) returning id`.execute(
    db,
  );
  const payload = await payloadOf(origin);
  const query_stats = asked.map(({ text: query, tables }, place) => ({
    ...{ query_hash: `q${place}`, query, tables, kind: "select" as const },
    ...{ calls: 10, total_time_ms: 100, rows: 1, shared_blks_hit: 1, shared_blks_read: 0 },
    text_state: "normalised" as const,
  }));
  const sender = { id: rows[0]!.id, org_id: actor.org_id };
  const body = {
    ...{ ...payload, query_stats },
    ...{ settings: { ...payload.settings, ...settings }, settings_detail: undefined },
  };
  await takePayload(db, sender, body, "", { wire_bytes: 1, body_bytes: 1 });
  const found = await findDatabases(db, actor.org_id, { search: origin.name });
  return found.find(({ name }) => name === origin.name)!;
}

/** A finding whose fix is this, about the foreign key that `orders` has to `customers`. */
export function findingOf(fix: string): TriedFinding {
  return {
    ...{ rule: "unindexed-foreign-key", object: "public.orders.orders_customer_id_fkey" },
    ...{ statement_id: null, evidence: [], fix: { sql: fix, sandbox: true } },
  };
}

export type Tried = { prepared: PreparedTrial; job: Ended; trial: Trial };

/** Tries a fix; with `sample`, rows of that site are copied. */
export async function tryFix(
  sandbox: TestSandbox,
  row: DatabaseRow,
  finding: TriedFinding,
  sample: { of: Site; rows: number; bound_s: number } | null = null,
): Promise<Tried> {
  const prepared = await prepareTrial(sandbox.db, row, finding, OFFERED, sample?.rows ?? null);
  const read: string[][][] = [];
  for (const { sql: text } of prepared.sampled)
    read.push((await sample!.of.client.query({ text, rowMode: "array" })).rows);
  const all = Object.entries({ ...prepared.project_tree, ...rowFiles(read) });
  const files = Object.fromEntries(all.map(([path, { content }]) => [path, content]));
  if (sample !== null)
    files[HEAD] = files[HEAD]!.replaceAll(/timeout = '\d+s'/g, `timeout = '${sample.bound_s}s'`);
  const { head_path, environment } = prepared;
  const job = await sandbox.run(files, {
    ...{ head_path, environment },
    ...(sample === null
      ? { spec: { planned_sizes: true } }
      : { policy: { volatile: null, no_cache: true, keep: "auto", order: "phases" } }),
  });
  const ids = { job_id: job.id, finding_id: job.id, database_id: row.id };
  const heads = await headsOf(sandbox, job);
  return { prepared, job, trial: trialAnswer({ ...ids, facts: prepared.facts }, job, heads) };
}

async function headsOf({ db, actor }: TestSandbox, { run_id }: Ended): Promise<HeadRows[]> {
  const run = run_id === null ? undefined : await readRun(db, actor, run_id);
  const heads: HeadRows[] = [];
  for (const { index, columns, rows } of run?.statements ?? []) {
    if (columns === null) continue;
    const parts = await listParts(db, run!.id, index);
    const open = async ({ part }: { part: number }) =>
      partFromBytes(`${run!.id}/${index}/${part}`, (await readPartData(db, run!.id, index, part))!);
    heads.push({ columns, rows: await readRows({ columns, rows, parts }, open, 0, 1_000) });
  }
  return heads;
}
