/**
 * Runs that answer several callers. Runs with the same cache key give the same: one that goes on is joined, one that
 * succeeded lately answers again. Whoever asks has been allowed to run the work by itself; the result is shared within the
 * organisation, since a datasource has one credential, whoever runs on it.
 */
import type { RunStarted, RunStatus } from "@quern/contract/run-started";
import { type RawBuilder, sql } from "kysely";
import type { Database } from "./db.ts";
import type { NewRun, RunOwner } from "./new-run.ts";

/**
 * SHA-256 of all that decides what a run gives, as an expression; null for work that is not shared. The datasource is in it
 * with its address and the version of its secret, so that a changed one does not answer with what the old one said.
 */
export function cacheKey(owner: RunOwner, run: NewRun): RawBuilder<Buffer | null> {
  if (run.kind !== "query" || run.datasource_id === null) return sql`null::bytea`;
  return sql`(
    select ${queryKey(owner.org_id, sql`${workOf(run)}`)} from datasources where datasources.id = ${run.datasource_id})`;
}

/** What of a run, besides its datasource, decides what it gives. */
export function workOf({
  sql: text,
  params,
  limits,
}: Pick<NewRun, "sql" | "params" | "limits">): string {
  const { timeout_ms, max_rows, max_bytes } = limits;
  return JSON.stringify([text, params ?? [], timeout_ms, max_rows, max_bytes]);
}

/** The key of a query's run whose datasource is the row of `datasources` in scope. */
export function queryKey(org: string, work: RawBuilder<unknown>): RawBuilder<Buffer> {
  return sql`sha256(convert_to(jsonb_build_array(${org}::text, 'query', datasources.id, datasources.type,
    datasources.config, datasources.secret_version, ${work}::text)::text, 'UTF8'))`;
}

/**
 * Makes the transaction the only one that starts or joins these runs, until its end. Call it before several of them are
 * enqueued: all locks are taken in one order, so that two transactions with some of the same work never wait for each other.
 */
export async function lockWork(
  trx: Database,
  org: string,
  runs: readonly Pick<NewRun, "datasource_id" | "sql" | "params" | "limits">[],
): Promise<void> {
  const work = sql`unnest(
    ${runs.map(({ datasource_id }) => datasource_id)}::uuid[], ${runs.map(workOf)}::text[]) as asked (datasource_id, work)`;
  await sql`
    select pg_advisory_xact_lock(${lockOf(sql`ordered.key`)})
    from (
      select distinct encode(${queryKey(org, sql`asked.work`)}, 'hex') collate "C" as key
      from ${work} join datasources on datasources.id = asked.datasource_id
      order by key
    ) as ordered`.execute(trx);
}

function lockOf(key: RawBuilder<unknown>): RawBuilder<string> {
  return sql`hashtextextended(${key}, 0)`;
}

/**
 * The newest runs with this key that go on or succeeded, which are all that can answer: the first entries of the index
 * `runs_cache_key`, since a dashboard that refreshes itself leaves thousands of equal runs.
 */
export function newestOf(key: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    select equals.* from runs as equals
    where equals.cache_key = ${key} and (equals.finished_at is null or equals.status = 'succeeded')
    order by equals.queued_at desc limit 20`;
}

/**
 * A run of the same work that goes on, or succeeded within `max_age_s` seconds and still has its result: the owner shares it
 * from now on. Undefined when there is none: then make one in the same transaction. Requests with the same key wait for
 * each other here, so that any number at once make one run.
 */
export async function joinRun(
  trx: Database,
  owner: RunOwner,
  run: NewRun,
  max_age_s: number,
): Promise<RunStarted | undefined> {
  const { rows: keys } = await sql<{ key: Buffer | null }>`
    select ${cacheKey(owner, run)} as key`.execute(trx);
  const key = keys[0]?.key;
  if (!key) return undefined;
  // A statement of its own: what a request that held the lock did is seen by the next statement only.
  await sql`select pg_advisory_xact_lock(${lockOf(sql`${key.toString("hex")}`)})`.execute(trx);
  const { rows } = await sql<{ id: string; status: RunStatus; created_by: string | null }>`
    select id, status, created_by from runs
    where id = any (array(select newest.id from (${newestOf(sql`${key}`)}) as newest)) and org_id = ${owner.org_id} and (finished_at is null or status = 'succeeded')
      and case when finished_at is null then cancel_requested_at is null
        else finished_at >= clock_timestamp() - ${max_age_s} * interval '1 second'
          and result_deleted_at is null
          and (result_expires_at is null or result_expires_at > clock_timestamp()) end
    order by status = 'succeeded' desc, id desc
    limit 1
    for no key update`.execute(trx);
  const found = rows[0];
  if (!found) return undefined;
  if (owner.user_id !== null) await addCaller(trx, found.id, found.created_by, owner.user_id);
  // Whoever joins may be in more of a hurry than the one who made it.
  await sql`
    update runs set priority = ${run.priority}
    where id = ${found.id} and status = 'queued'
      and priority_rank > array_position(array['interactive', 'dashboard', 'schedule'], ${run.priority}::text)`.execute(
    trx,
  );
  return { id: found.id, status: found.status, reused: true };
}

/** Makes `joining` one of those who share the run. */
export async function addCaller(
  trx: Database,
  runId: string,
  maker: string | null,
  joining: string,
): Promise<void> {
  const people = [...new Set([maker, joining])].filter((person) => person !== null);
  if (people.length === 1 && maker !== null) {
    // The maker again: back, in case they had detached.
    await sql`update run_callers set detached_at = null where run_id = ${runId} and user_id = ${joining}`.execute(
      trx,
    );
    return;
  }
  await sql`
    insert into run_callers (run_id, user_id)
    select ${runId}, person from unnest(${people}::uuid[]) as person
    on conflict (run_id, user_id) do update set detached_at = null
      where run_callers.user_id = ${joining}`.execute(trx);
  await sql`select pg_notify('quern_runs', ${runId})`.execute(trx);
}
