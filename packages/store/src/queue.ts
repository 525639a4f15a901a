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
import type { RunParameter } from "@quern/contract/parameters";
import type { Statement, Truncated } from "@quern/contract/results";
import type { RunError } from "@quern/contract/run-error";
import type { RunKind } from "@quern/contract/runs";
import type { RunnerVitals } from "@quern/contract/system";
import { sql } from "kysely";
import type { SealedConnection } from "./datasources.ts";
import { type Database, inTransaction } from "./db.ts";
import { fitsAtOnce, insertManifest, type StoredPart, withManifest } from "./manifest.ts";
import { indexSchemaNames } from "./schema-names.ts";
import { packSchema, saveSchema } from "./schema-replies.ts";

export type Claim = { id: string; attempt: number; lease_token: string };

export type ClaimedRun = Claim & {
  org_id: string;
  kind: RunKind;
  datasource_id: string | null;
  /** Of a test of an unsaved form; its secret is sealed to this run. */
  connection: { type: DatasourceType; config: PostgresConfig; secret: string | null } | null;
  /** As it was when the run was claimed; null when it was deleted before, or there is none. */
  datasource: SealedConnection | null;
  sql: string | null;
  params: RunParameter[];
  /** What to do with the source of a run that has one; `analyze` of an explain. */
  spec: Record<string, unknown> | null;
  limits: Limits;
  cancel_requested: boolean;
  /** Of the request that made it, for logs and traces. */
  request_id: string | null;
  traceparent: string | null;
  /** Milliseconds from queued to claimed. */
  waited_ms: number;
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
    select claimed.id, claimed.attempt, claimed.lease_token, claimed.org_id, claimed.kind, claimed.datasource_id,
      claimed.connection, claimed.sql, claimed.params, claimed.spec,
      jsonb_build_object('timeout_ms', timeout_ms, 'max_rows', max_rows, 'max_bytes', max_bytes) as limits,
      cancel_requested_at is not null as cancel_requested, request_id, traceparent,
      extract(epoch from claimed_at - queued_at)::float8 * 1000 as waited_ms,
      case when claimed.datasource_id is not null then claimed_datasource(claimed.datasource_id) end as datasource
    -- Most looks for work find none: they take neither the lock nor a transaction that writes.
    from (select where exists (select from queue)) as waiting
    cross join lateral claim_runs(${runner}, ${max}, ${leaseMs}) as claimed
    order by claimed.queued_at, claimed.id`.execute(db);
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
  /** Whether rows of this run may have been readable before its end. */
  had_early_rows?: boolean;
  report: ConnectionReport | null;
  snapshot: SchemaSnapshot | null;
  /** Of an explain. */
  plan?: unknown[] | null;
};

/**
 * Ends a run: status, statistics, manifest and parts in one transaction. Throws `LeaseLostError` when the lease is no
 * longer held; then nothing was written and the caller deletes the parts that it stored elsewhere. `cancel_ms` is the
 * time since somebody asked to cancel it, null when nobody did.
 */
export async function finishRun(
  db: Database,
  claim: Claim,
  outcome: Outcome,
  beforeCommit?: () => Promise<void>,
): Promise<{ cancel_ms: number | null }> {
  const end = endOf(claim, outcome);
  // Most runs give little: theirs is one statement, which is one round trip and not five.
  const atOnce = beforeCommit === undefined && outcome.snapshot === null && fitsAtOnce(outcome);
  if (atOnce) {
    const { rows } = await withManifest<Ended>(claim.id, end, outcome).execute(db);
    if (!rows[0]) throw new LeaseLostError(claim);
    return { cancel_ms: rows[0].cancel_ms };
  }
  const packed = outcome.snapshot === null ? null : await packSchema(db, outcome.snapshot);
  return inTransaction(db, async (trx) => {
    const { rows } = await end.execute(trx);
    if (!rows[0]) throw new LeaseLostError(claim);
    await insertManifest(trx, claim.id, outcome);
    if (outcome.snapshot && packed && rows[0].datasource_id) {
      await saveSchema(trx, rows[0].datasource_id, claim.id, outcome.snapshot, packed);
      await indexSchemaNames(trx, rows[0].datasource_id);
    }
    await beforeCommit?.();
    return { cancel_ms: rows[0].cancel_ms };
  });
}

type Ended = { datasource_id: string | null; cancel_ms: number | null };

function endOf(claim: Claim, outcome: Outcome) {
  return sql<Ended>`
    update runs set
      status = ${outcome.status},
      finished_at = clock_timestamp(),
      started_at = coalesce(started_at, ${ago(outcome.started_ago_ms)}),
      first_row_at = coalesce(first_row_at, ${ago(outcome.first_row_ago_ms)}),
      rows = ${outcome.rows}, bytes = ${outcome.bytes}, truncated = ${outcome.truncated},
      error = ${outcome.error === null ? null : JSON.stringify(outcome.error)},
      notices = ${JSON.stringify(outcome.notices)},
      report = ${outcome.report === null ? null : JSON.stringify(outcome.report)},
      plan = ${outcome.plan ? JSON.stringify(outcome.plan) : null},
      cpu_ms = ${outcome.cpu_ms}, peak_rss = ${outcome.peak_rss},
      cancel_confirmed = ${outcome.cancel_confirmed},
      connection = null, lease_token = null, lease_until = null,
      result_expires_at = case when ${outcome.parts.length > 0} then clock_timestamp() + result_ttl_s * interval '1 second' end
    where ${held(claim)}
    returning datasource_id, pg_notify('quern_runs', id::text), pg_notify('quern_queue', ''),
      extract(epoch from clock_timestamp() - cancel_requested_at)::float8 * 1000 as cancel_ms`;
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
    ),
    -- What was readable while they went on; nobody knows whether it is all.
    forgotten as (
      delete from run_statements using lapsed where run_statements.run_id = lapsed.id
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

/** Notes that a runner lives and how it is, for the people who look at the system. */
export async function noteRunner(
  db: Database,
  runner: { id: string; hostname: string; slots: number; vitals: RunnerVitals },
): Promise<void> {
  await sql`
    insert into runners (id, hostname, slots, vitals)
    values (${runner.id}, ${runner.hostname}, ${runner.slots}, ${JSON.stringify(runner.vitals)})
    on conflict (id) do update set seen_at = now(), vitals = excluded.vitals`.execute(db);
  await sql`delete from runners where seen_at < now() - interval '1 day'`.execute(db);
}

export async function forgetRunner(db: Database, id: string): Promise<void> {
  await sql`delete from runners where id = ${id}`.execute(db);
}

/** Says of a row of `runs` that this claim still holds it. */
export function held(claim: Claim) {
  return sql`id = ${claim.id} and attempt = ${claim.attempt} and lease_token = ${claim.lease_token} and status = 'running'`;
}

function ago(ms: number | null) {
  return sql`(clock_timestamp() - ${ms}::float8 * interval '1 millisecond')`;
}
