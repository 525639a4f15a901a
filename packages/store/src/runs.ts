import { createHash } from "node:crypto";
import { DEFAULT_LIMITS } from "@quern/contract/datasources";
import type { RunStarted, RunStatus } from "@quern/contract/run-started";
import { DEFAULT_SETTINGS } from "@quern/contract/settings";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { Conflict } from "./conflict.ts";
import { type Database, inTransaction } from "./db.ts";
import type { NewRun, RunOwner } from "./new-run.ts";
import { cacheKey, joinRun } from "./shared-runs.ts";

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
 * Puts a run into the queue and tells the runners; with `max_age_s`, unless another run of the same work answers. With an
 * idempotency key that the actor used before, returns that run instead; throws `Conflict` (`idempotency_mismatch`) when it was
 * used for another request.
 */
export async function enqueueRun(db: Database, actor: RunOwner, run: NewRun): Promise<RunStarted> {
  const { max_age_s = 0 } = run;
  if (max_age_s === 0) return (await repeatedRun(db, actor, run)) ?? insertRun(db, actor, run);
  return inTransaction(db, async (trx) => {
    const earlier = await repeatedRun(trx, actor, run);
    if (earlier) return earlier;
    const joined = await joinRun(trx, actor, run, max_age_s);
    if (!joined) return insertRun(trx, actor, run);
    if (run.idempotency === undefined || actor.user_id === null) return joined;
    const { rows } = await sql`
      insert into joined_requests (user_id, idempotency_key, request_hash, run_id)
      values (${actor.user_id}, ${run.idempotency.key}, ${sha256(run.idempotency.request)}, ${joined.id})
      on conflict do nothing returning run_id`.execute(trx);
    return rows[0] ? joined : (await repeatedRun(trx, actor, run))!;
  });
}

/** Puts a run into the queue whatever others do the same work. */
export async function insertRun(db: Database, actor: RunOwner, run: NewRun): Promise<RunStarted> {
  const { rows } = await sql<{ id: string; status: RunStatus }>`
    with enqueued as (
      insert into runs (id, org_id, kind, datasource_id, connection, query_id, query_version, sql, fingerprint, timeout_ms, max_rows,
        max_bytes, priority, trigger, created_by, token_id, idempotency_key, request_hash, request_id, traceparent,
        params, source_run_id, source_statement, spec, retry_of, result_ttl_s, cache_key)
      values (coalesce(${run.id ?? null}::uuid, uuid_v7()), ${actor.org_id}, ${run.kind}, ${run.datasource_id},
        ${run.connection === undefined ? null : JSON.stringify(run.connection)}::jsonb, ${run.query?.id ?? null}, ${run.query?.version ?? null},
        ${run.sql}, ${run.sql === null ? null : sha256(run.sql)}, ${run.limits.timeout_ms}, ${run.limits.max_rows},
        ${run.limits.max_bytes}, ${run.priority}, ${run.trigger}, ${actor.user_id}, ${actor.token_id},
        ${run.idempotency?.key ?? null}, ${run.idempotency ? sha256(run.idempotency.request) : null}, ${run.request_id},
        ${run.traceparent ?? null}, ${JSON.stringify(run.params ?? [])}, ${run.source?.run_id ?? null},
        ${run.source?.statement ?? null}, ${run.source === undefined ? null : JSON.stringify(run.source.spec)}::jsonb,
        ${run.retry_of ?? null}, ${run.result_ttl_s ?? DEFAULT_SETTINGS.limits.result_ttl_s.default}, ${cacheKey(actor, run)})
      on conflict (created_by, idempotency_key) where idempotency_key is not null do nothing
      returning id, status
    )
    select id, status, pg_notify('quern_queue', ''), pg_notify('quern_runs', id::text) from enqueued`.execute(
    db,
  );
  if (rows[0]) return { id: rows[0].id, status: rows[0].status, reused: false };
  return (await repeatedRun(db, actor, run))!;
}

/** The run that answered the same request before; undefined when the key is new or there is none. */
async function repeatedRun(
  db: Database,
  actor: RunOwner,
  { idempotency }: NewRun,
): Promise<RunStarted | undefined> {
  if (idempotency === undefined) return undefined;
  const { rows } = await sql<RunStarted & { same: boolean }>`
    select id, status, false as reused, request_hash = ${sha256(idempotency.request)} as same from runs
    where created_by = ${actor.user_id} and idempotency_key = ${idempotency.key}
    union all
    select runs.id, runs.status, true, joined_requests.request_hash = ${sha256(idempotency.request)}
    from joined_requests join runs on runs.id = joined_requests.run_id
    where joined_requests.user_id = ${actor.user_id} and joined_requests.idempotency_key = ${idempotency.key}`.execute(
    db,
  );
  if (!rows[0]) return undefined;
  const { same, ...run } = rows[0];
  if (same) return run;
  throw new Conflict(
    "idempotency_mismatch",
    "This Idempotency-Key was used for another request. Use a new key for a new run.",
  );
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
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

/** Whether somebody asked for the end of a run. A notification alone does not say so: whoever may connect may send one. */
export async function isCancelRequested(db: Database, id: string): Promise<boolean> {
  const { rows } = await sql`
    select from runs where id = ${id} and cancel_requested_at is not null`.execute(db);
  return rows.length > 0;
}

/** How many more runs the actor may put into the queue now. */
export async function queueRoom(db: Database, actor: Actor): Promise<number> {
  const { rows } = await sql<{ room: number }>`
    select bound.max - (
      select count(*)::integer from (select from queue where person = ${actor.user_id} limit bound.max) as waiting) as room
    from (
      select coalesce((settings ->> 'max_queued_per_person')::integer, ${DEFAULT_SETTINGS.max_queued_per_person}) as max
      from orgs where id = ${actor.org_id}
    ) as bound`.execute(db);
  return Math.max(rows[0]?.room ?? 0, 0);
}

/** The most runs that the actor may have in the queue, when that many are there now; else undefined. */
export async function fullQueue(db: Database, actor: Actor): Promise<number | undefined> {
  const { rows } = await sql<{ max: number }>`
    select bound.max
    from (
      select coalesce((settings ->> 'max_queued_per_person')::integer, ${DEFAULT_SETTINGS.max_queued_per_person}) as max
      from orgs where id = ${actor.org_id}
    ) as bound
    where exists (
      select from queue where person = ${actor.user_id} order by lane offset bound.max - 1 limit 1)`.execute(
    db,
  );
  return rows[0]?.max;
}
