import { createHash } from "node:crypto";
import { DEFAULT_LIMITS, type Limits } from "@quern/contract/datasources";
import type { RunStarted, RunStatus } from "@quern/contract/run-started";
import type { RunKind, RunPriority, RunTrigger } from "@quern/contract/runs";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { Conflict } from "./conflict.ts";
import type { Database } from "./db.ts";

export type NewRun = {
  kind: RunKind;
  datasource_id: string | null;
  /** Of a test of an unsaved form: type, config and the secret, sealed to this run. */
  id?: string;
  connection?: unknown;
  query?: { id: string; version: number };
  sql: string | null;
  limits: Limits;
  priority: RunPriority;
  trigger: RunTrigger;
  request_id: string;
  /** A repeat with the same key and the same request answers with the first run. */
  idempotency?: { key: string; request: string };
};

/** Who a run is for: a person, by token or not, or Quern itself. */
export type RunOwner = { org_id: string; user_id: string | null; token_id: string | null };

/** An id for a run that something has to be bound to before the run is there. Ordered by time, as all are. */
export async function newRunId(db: Database): Promise<string> {
  const { rows } = await sql<{ id: string }>`select uuid_v7() as id`.execute(db);
  return rows[0]!.id;
}

const CONNECTION_TIMEOUT_MS = { test: 30_000, introspect: 300_000 };

/** A test or an introspection of a saved datasource. */
export function connectionRun(
  kind: "test" | "introspect",
  datasource_id: string | null,
  owner: RunOwner,
  request_id: string,
): NewRun {
  return {
    kind,
    datasource_id,
    sql: null,
    limits: { ...DEFAULT_LIMITS, timeout_ms: CONNECTION_TIMEOUT_MS[kind] },
    priority: "interactive",
    trigger: owner.token_id === null && owner.user_id !== null ? "user" : "api",
    request_id,
  };
}

/**
 * Puts a run into the queue and tells the runners. With an idempotency key that the actor used before, returns that run
 * instead; throws `Conflict` (`idempotency_mismatch`) when it was used for another request.
 */
export async function enqueueRun(db: Database, actor: RunOwner, run: NewRun): Promise<RunStarted> {
  const requestHash = run.idempotency ? sha256(run.idempotency.request) : null;
  const { rows } = await sql<{ id: string; status: RunStatus }>`
    with enqueued as (
      insert into runs (id, org_id, kind, datasource_id, connection, query_id, query_version, sql, fingerprint, timeout_ms, max_rows,
        max_bytes, priority, trigger, created_by, token_id, idempotency_key, request_hash, request_id)
      values (coalesce(${run.id ?? null}::uuid, uuid_v7()), ${actor.org_id}, ${run.kind}, ${run.datasource_id},
        ${run.connection === undefined ? null : JSON.stringify(run.connection)}::jsonb, ${run.query?.id ?? null}, ${run.query?.version ?? null},
        ${run.sql}, ${run.sql === null ? null : sha256(run.sql)}, ${run.limits.timeout_ms}, ${run.limits.max_rows},
        ${run.limits.max_bytes}, ${run.priority}, ${run.trigger}, ${actor.user_id}, ${actor.token_id},
        ${run.idempotency?.key ?? null}, ${requestHash}, ${run.request_id})
      on conflict (created_by, idempotency_key) where idempotency_key is not null do nothing
      returning id, status
    )
    select id, status, pg_notify('quern_queue', ''), pg_notify('quern_runs', id::text) from enqueued`.execute(
    db,
  );
  const enqueued = rows[0];
  if (!enqueued) return repeatedRun(db, actor, run.idempotency!.key, requestHash!);
  return { id: enqueued.id, status: enqueued.status, reused: false };
}

async function repeatedRun(
  db: Database,
  actor: RunOwner,
  key: string,
  requestHash: Buffer,
): Promise<RunStarted> {
  const { rows } = await sql<{ id: string; status: RunStatus; same: boolean }>`
    select id, status, request_hash = ${requestHash} as same from runs
    where created_by = ${actor.user_id} and idempotency_key = ${key}`.execute(db);
  const { same, ...run } = rows[0]!;
  if (same) return { ...run, reused: false };
  throw new Conflict(
    "idempotency_mismatch",
    "This Idempotency-Key was used for another request. Use a new key for a new run.",
  );
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** Whether a run has ended; undefined when it does not exist. */
export async function isTerminal(db: Database, id: string): Promise<boolean | undefined> {
  const { rows } = await sql<{ terminal: boolean }>`
    select finished_at is not null as terminal from runs where id = ${id}`.execute(db);
  return rows[0]?.terminal;
}

/** Ends a queued run at once, asks the runner of a running one to cancel it, and leaves an ended one as it is. */
export async function requestCancel(db: Database, actor: Actor, id: string): Promise<void> {
  await sql`
    with asked as (
      update runs set
        cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()),
        cancel_requested_by = coalesce(cancel_requested_by, ${actor.user_id}),
        cancel_confirmed = case status when 'queued' then true else cancel_confirmed end,
        finished_at = case status when 'queued' then clock_timestamp() end,
        connection = case status when 'queued' then null else connection end,
        status = case status when 'queued' then 'canceled' else status end
      where id = ${id} and status in ('queued', 'running')
      returning id
    )
    select pg_notify('quern_cancel', id::text), pg_notify('quern_runs', id::text) from asked`.execute(
    db,
  );
}

/** How many runs are queued and running now, over all organisations. */
export async function countRuns(
  db: Database,
): Promise<{ status: "queued" | "running"; count: number }[]> {
  const { rows } = await sql<{ status: "queued" | "running"; count: number }>`
    select statuses.status, count(runs.id) as count
    from (values ('queued'), ('running')) as statuses (status)
    left join runs on runs.status = statuses.status and runs.status in ('queued', 'running')
    group by statuses.status`.execute(db);
  return rows;
}

/** How many runs the actor has in the queue now. */
export async function countQueued(db: Database, actor: Actor): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) from runs where created_by = ${actor.user_id} and status = 'queued'`.execute(
    db,
  );
  return rows[0]!.count;
}
