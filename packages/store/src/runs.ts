import { createHash } from "node:crypto";
import { DEFAULT_LIMITS, type Limits } from "@quern/contract/datasources";
import type { Part } from "@quern/contract/results";
import type {
  Run,
  RunKind,
  RunPriority,
  RunStatus,
  RunSummary,
  RunTrigger,
} from "@quern/contract/runs";
import { type RawBuilder, sql } from "kysely";
import type { Actor } from "./actor.ts";
import { Conflict } from "./conflict.ts";
import type { Database } from "./db.ts";
import { visibleRun } from "./grants.ts";
import { containing, isUuid, toPage } from "./page.ts";
import { personRef } from "./queries.ts";

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
export async function enqueueRun(
  db: Database,
  actor: RunOwner,
  run: NewRun,
): Promise<{ id: string; status: RunStatus }> {
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
  return { id: enqueued.id, status: enqueued.status };
}

async function repeatedRun(
  db: Database,
  actor: RunOwner,
  key: string,
  requestHash: Buffer,
): Promise<{ id: string; status: RunStatus }> {
  const { rows } = await sql<{ id: string; status: RunStatus; same: boolean }>`
    select id, status, request_hash = ${requestHash} as same from runs
    where created_by = ${actor.user_id} and idempotency_key = ${key}`.execute(db);
  const { same, ...run } = rows[0]!;
  if (same) return run;
  throw new Conflict(
    "idempotency_mismatch",
    "This Idempotency-Key was used for another request. Use a new key for a new run.",
  );
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

const TIMES = [
  "queued_at",
  "claimed_at",
  "started_at",
  "first_row_at",
  "finished_at",
  "result_expires_at",
] as const;
type RunRow = Omit<RunSummary, (typeof TIMES)[number]> & { queued_at: Date } & Record<
    Exclude<(typeof TIMES)[number], "queued_at">,
    Date | null
  >;
type FullRow = RunRow & Pick<Run, "statements" | "notices" | "report">;

const SUMMARY = sql`
  runs.id, runs.kind, runs.status, runs.sql, runs.priority, runs.trigger, runs.attempt,
  case when datasources.id is not null then jsonb_build_object('id', datasources.id, 'name', datasources.name) end as datasource,
  case when query_versions.query_id is not null then jsonb_build_object(
    'id', query_versions.query_id, 'name', query_versions.name, 'version', query_versions.version) end as query,
  jsonb_build_object('timeout_ms', runs.timeout_ms, 'max_rows', runs.max_rows, 'max_bytes', runs.max_bytes) as limits,
  ${personRef("makers")} as created_by,
  runs.queued_at, runs.claimed_at, runs.started_at, runs.first_row_at, runs.finished_at,
  runs.rows, runs.bytes, runs.truncated, runs.error,
  case when runs.cancel_requested_at is not null then jsonb_build_object(
    'requested_at', to_char(runs.cancel_requested_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'by', ${personRef("cancelers")}, 'confirmed', runs.cancel_confirmed) end as cancel,
  runs.cpu_ms, runs.peak_rss, runs.result_expires_at,
  runs.result_deleted_at is not null as result_expired`;

const JOINED = sql`
  runs
  left join datasources on datasources.id = runs.datasource_id
  left join query_versions on query_versions.query_id = runs.query_id and query_versions.version = runs.query_version
  left join users as makers on makers.id = runs.created_by
  left join users as cancelers on cancelers.id = runs.cancel_requested_by`;

export type RunFilter = {
  status?: RunStatus | undefined;
  kind?: RunKind | undefined;
  datasource_id?: string | undefined;
  query_id?: string | undefined;
  created_by?: string | undefined;
  search?: string | undefined;
  limit: number;
  cursor?: string | undefined;
};

/** Runs that the actor may see, the newest first: ids are ordered by time. The cursor is the id to start below. */
export async function listRuns(
  db: Database,
  actor: Actor,
  filter: RunFilter,
): Promise<{ items: RunSummary[]; next_cursor: string | null }> {
  const conditions = [visibleRun(actor)];
  const add = (condition: RawBuilder<boolean>) => conditions.push(condition);
  if (filter.status) add(sql`runs.status = ${filter.status}`);
  if (filter.kind) add(sql`runs.kind = ${filter.kind}`);
  if (filter.datasource_id) add(sql`runs.datasource_id = ${filter.datasource_id}`);
  if (filter.query_id) add(sql`runs.query_id = ${filter.query_id}`);
  if (filter.created_by) add(sql`runs.created_by = ${filter.created_by}`);
  if (filter.search) add(sql`runs.sql ilike ${containing(filter.search)}`);
  if (isUuid(filter.cursor ?? "")) add(sql`runs.id < ${filter.cursor}`);
  const { rows } = await sql<RunRow>`
    select ${SUMMARY} from ${JOINED}
    where ${sql.join(conditions, sql` and `)}
    order by runs.id desc
    limit ${filter.limit + 1}`.execute(db);
  return toPage(rows.map(withIsoTimes), filter.limit, (last) => last.id);
}

/** What an event says of these runs: only those that the actor may see. */
export async function readRunSummaries(
  db: Database,
  actor: Actor,
  ids: readonly string[],
): Promise<RunSummary[]> {
  const { rows } = await sql<RunRow>`
    select ${SUMMARY} from ${JOINED} where runs.id = any (${ids}::uuid[]) and ${visibleRun(actor)}`.execute(
    db,
  );
  return rows.map(withIsoTimes);
}

/** One run with what its statements gave; undefined when there is none that the actor may see. */
export async function readRun(db: Database, actor: Actor, id: string): Promise<Run | undefined> {
  const { rows } = await sql<FullRow>`
    select ${SUMMARY}, runs.notices, runs.report,
      coalesce((
        select jsonb_agg(to_jsonb(run_statements) - 'run_id' order by run_statements.index)
        from run_statements where run_statements.run_id = runs.id
      ), '[]') as statements
    from ${JOINED} where runs.id = ${id} and ${visibleRun(actor)}`.execute(db);
  return rows[0] ? withIsoTimes(rows[0]) : undefined;
}

function withIsoTimes<T extends RunRow>(row: T): T & Record<(typeof TIMES)[number], string> {
  const times = TIMES.map((key) => [key, row[key]?.toISOString() ?? null]);
  return { ...row, ...Object.fromEntries(times) };
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

export type StoredPart = Part & { store: "postgres" | "file" | "s3"; location: string | null };

/** The parts of one statement's result in row order, without their bytes. */
export async function listParts(
  db: Database,
  runId: string,
  statement: number,
): Promise<StoredPart[]> {
  const { rows } = await sql<StoredPart>`
    select statement, part, first_row, rows, size, escapes, store, location
    from result_parts where run_id = ${runId} and statement = ${statement}
    order by part`.execute(db);
  return rows;
}

/** The bytes of a part that is kept in PostgreSQL. */
export async function readPartData(
  db: Database,
  runId: string,
  statement: number,
  part: number,
): Promise<Buffer | undefined> {
  const { rows } = await sql<{ data: Buffer }>`
    select data from result_parts
    where run_id = ${runId} and statement = ${statement} and part = ${part} and data is not null`.execute(
    db,
  );
  return rows[0]?.data;
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
