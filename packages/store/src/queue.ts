/**
 * The run queue, from the runner's side. A claim is a lease: it holds while the runner renews it, and (attempt,
 * lease_token) fence off whoever overslept. All times are this database's clock. A run whose lease lapsed ends as
 * failed with runner_lost; it is never run again, since its SQL may have had effects.
 */
import type {
  ConnectionReport,
  DatasourceType,
  Limits,
  PostgresConfig,
  SchemaSnapshot,
} from "@quern/contract/datasources";
import type { Part, Statement, Truncated } from "@quern/contract/results";
import type { RunError, RunKind } from "@quern/contract/runs";
import { sql } from "kysely";
import { type Database, inTransaction } from "./db.ts";

export type Claim = { id: string; attempt: number; lease_token: string };

export type ClaimedRun = Claim & {
  org_id: string;
  kind: RunKind;
  datasource_id: string | null;
  /** Of a test of an unsaved form; its secret is sealed to this run. */
  connection: { type: DatasourceType; config: PostgresConfig; secret: string | null } | null;
  sql: string | null;
  limits: Limits;
  cancel_requested: boolean;
};

/** The lease was lost: somebody swept the run, and nothing of this attempt may be written any more. */
export class LeaseLostError extends Error {
  override name = "LeaseLostError";
  constructor(claim: Claim) {
    super(`attempt ${claim.attempt} of run ${claim.id} outlived its lease`);
  }
}

/** Takes up to `max` queued runs, each with a lease of `leaseMs`. See migration 0004 for order and caps. */
export async function claimRuns(
  db: Database,
  runner: string,
  max: number,
  leaseMs: number,
): Promise<ClaimedRun[]> {
  const { rows } = await sql<ClaimedRun>`
    select id, attempt, lease_token, org_id, kind, datasource_id, connection, sql,
      jsonb_build_object('timeout_ms', timeout_ms, 'max_rows', max_rows, 'max_bytes', max_bytes) as limits,
      cancel_requested_at is not null as cancel_requested
    from claim_runs(${runner}, ${max}, ${leaseMs})`.execute(db);
  return rows;
}

/** What is known of a run while it goes on. Ages are in milliseconds before now. */
export type Progress = {
  rows: number;
  bytes: number;
  started_ago_ms: number | null;
  first_row_ago_ms: number | null;
};

/** Extends the lease and notes progress. Throws `LeaseLostError`: stop the work, then. */
export async function renewLease(
  db: Database,
  claim: Claim,
  leaseMs: number,
  progress: Progress,
): Promise<{ cancel_requested: boolean }> {
  const { rows } = await sql<{ cancel_requested: boolean }>`
    with renewed as (
      update runs set
        lease_until = clock_timestamp() + ${leaseMs} * interval '1 millisecond',
        started_at = coalesce(started_at, ${ago(progress.started_ago_ms)}),
        first_row_at = coalesce(first_row_at, ${ago(progress.first_row_ago_ms)}),
        rows = ${progress.rows}, bytes = ${progress.bytes}
      where ${held(claim)}
      returning id, cancel_requested_at is not null as cancel_requested
    )
    select cancel_requested, pg_notify('quern_runs', id::text) from renewed`.execute(db);
  if (!rows[0]) throw new LeaseLostError(claim);
  return { cancel_requested: rows[0].cancel_requested };
}

export type StoredPart = Part &
  ({ store: "postgres"; data: Uint8Array } | { store: "file" | "s3"; location: string });

export type Outcome = Progress & {
  status: "succeeded" | "failed" | "canceled";
  error: RunError | null;
  truncated: Truncated;
  cancel_confirmed: boolean | null;
  cpu_ms: number | null;
  peak_rss: number | null;
  notices: string[];
  statements: Statement[];
  parts: StoredPart[];
  report: ConnectionReport | null;
  snapshot: SchemaSnapshot | null;
};

/**
 * Ends a run: status, statistics, manifest and parts in one transaction. Throws `LeaseLostError` when the lease is no
 * longer held; then nothing was written and the caller deletes the parts that it stored elsewhere.
 */
export async function finishRun(db: Database, claim: Claim, outcome: Outcome): Promise<void> {
  await inTransaction(db, async (trx) => {
    const { rows } = await sql<{ datasource_id: string | null }>`
      update runs set
        status = ${outcome.status},
        finished_at = clock_timestamp(),
        started_at = coalesce(started_at, ${ago(outcome.started_ago_ms)}),
        first_row_at = coalesce(first_row_at, ${ago(outcome.first_row_ago_ms)}),
        rows = ${outcome.rows}, bytes = ${outcome.bytes}, truncated = ${outcome.truncated},
        error = ${outcome.error === null ? null : JSON.stringify(outcome.error)},
        notices = ${JSON.stringify(outcome.notices)},
        report = ${outcome.report === null ? null : JSON.stringify(outcome.report)},
        cpu_ms = ${outcome.cpu_ms}, peak_rss = ${outcome.peak_rss},
        cancel_confirmed = ${outcome.cancel_confirmed},
        connection = null, lease_token = null, lease_until = null,
        result_expires_at = case when ${outcome.parts.length > 0} then clock_timestamp() + result_ttl_s * interval '1 second' end
      where ${held(claim)}
      returning datasource_id, pg_notify('quern_runs', id::text), pg_notify('quern_queue', '')`.execute(
      trx,
    );
    if (!rows[0]) throw new LeaseLostError(claim);
    await insertManifest(trx, claim.id, outcome);
    if (outcome.snapshot && rows[0].datasource_id) {
      await sql`
        insert into datasource_schemas (datasource_id, snapshot, run_id)
        select id, ${JSON.stringify(outcome.snapshot)}, ${claim.id}
        from datasources where id = ${rows[0].datasource_id} and deleted_at is null
        on conflict (datasource_id) do update
          set snapshot = excluded.snapshot, run_id = excluded.run_id, introspected_at = now()
          where datasource_schemas.run_id < excluded.run_id`.execute(trx);
    }
  });
}

async function insertManifest(db: Database, runId: string, outcome: Outcome): Promise<void> {
  // One parameter, however many statements: PostgreSQL takes 65,535 at most.
  await sql`
    insert into run_statements
    select * from jsonb_populate_recordset(null::run_statements,
      (select jsonb_agg(statement || jsonb_build_object('run_id', ${runId}::text))
        from jsonb_array_elements(${JSON.stringify(outcome.statements)}::jsonb) as statement))`.execute(
    db,
  );
  for (let start = 0; start < outcome.parts.length; start += PARTS_AT_ONCE) {
    const parts = outcome.parts.slice(start, start + PARTS_AT_ONCE);
    await db
      .insertInto("result_parts")
      .values(parts.map((part) => ({ ...part, run_id: runId, data: dataOf(part) })))
      .execute();
  }
}

/** Ten parameters each. */
const PARTS_AT_ONCE = 500;

function dataOf(part: StoredPart): Buffer | null {
  if (part.store !== "postgres") return null;
  return Buffer.from(part.data.buffer, part.data.byteOffset, part.data.byteLength);
}

const RUNNER_LOST: RunError = {
  code: "runner_lost",
  message:
    "The runner that executed this run went away. Its SQL may have had effects; run it again if that is safe.",
  sqlstate: null,
  position: null,
  detail: null,
  hint: null,
};

/** Ends runs whose lease lapsed, at most `limit`, and returns their ids. Any number of runners may sweep at once. */
export async function sweepLapsedLeases(db: Database, limit = 100): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    with lapsed as (
      select id from runs
      where status = 'running' and lease_until < clock_timestamp()
      order by lease_until
      limit ${limit}
      for update skip locked
    )
    update runs set
      status = 'failed', error = ${JSON.stringify(RUNNER_LOST)}, finished_at = clock_timestamp(),
      cancel_confirmed = case when cancel_requested_at is not null then false end,
      connection = null, lease_token = null, lease_until = null
    from lapsed
    where runs.id = lapsed.id
    returning runs.id, pg_notify('quern_runs', runs.id::text), pg_notify('quern_queue', '')`.execute(
    db,
  );
  return rows.map(({ id }) => id);
}

/** Notes that a runner lives, for the people who look at the system. */
export async function noteRunner(
  db: Database,
  runner: { id: string; hostname: string; slots: number },
): Promise<void> {
  await sql`
    insert into runners (id, hostname, slots) values (${runner.id}, ${runner.hostname}, ${runner.slots})
    on conflict (id) do update set seen_at = now()`.execute(db);
  await sql`delete from runners where seen_at < now() - interval '1 day'`.execute(db);
}

export async function forgetRunner(db: Database, id: string): Promise<void> {
  await sql`delete from runners where id = ${id}`.execute(db);
}

function held(claim: Claim) {
  return sql`id = ${claim.id} and attempt = ${claim.attempt} and lease_token = ${claim.lease_token} and status = 'running'`;
}

function ago(ms: number | null) {
  return sql`(clock_timestamp() - ${ms}::float8 * interval '1 millisecond')`;
}
