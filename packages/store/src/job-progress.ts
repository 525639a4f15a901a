/** What a sandbox notes of a job while it holds it. Every statement checks the lease. */

import type { LogLine } from "@quern/contract/job-logs";
import type { JobStage, JobStatus } from "@quern/contract/job-status";
import type { JobStep, Snapshot } from "@quern/contract/jobs";
import { storableText } from "@quern/contract/text";
import { type RawBuilder, sql } from "kysely";
import type { Database } from "./db.ts";
import { type JobClaim, JobLeaseLostError } from "./job-spec.ts";

/** Says of a row of `jobs` that this claim still holds it. */
export function heldJob(claim: JobClaim): RawBuilder<boolean> {
  return sql`jobs.id = ${claim.id} and jobs.attempt = ${claim.attempt} and jobs.lease_token = ${claim.lease_token}
    and jobs.status in ('preparing', 'running', 'publishing')`;
}

/** Sets `stage` and `stages`: the stage before ends now. `done` is no stage with a duration. */
export function nextStage(stage: JobStage): RawBuilder<unknown> {
  const now = sql`to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
  const begun =
    stage === "done"
      ? sql`'[]'::jsonb`
      : sql`jsonb_build_array(jsonb_build_object('stage', ${stage}::text, 'started_at', ${now}, 'duration_ms', null))`;
  return sql`
    stage = ${stage},
    stages = (case when stages -> -1 -> 'duration_ms' = 'null'
      then jsonb_set(stages, array[(jsonb_array_length(stages) - 1)::text, 'duration_ms'], to_jsonb(greatest(0,
        round((extract(epoch from clock_timestamp() - (stages -> -1 ->> 'started_at')::timestamptz) * 1000)::numeric, 3))))
      else stages end) || ${begun}`;
}

/** What is known by now; what is left out stays. */
export type StageNote = {
  status?: Extract<JobStatus, "preparing" | "running" | "publishing">;
  tail_hash?: Buffer;
  state_key?: Buffer;
  snapshot?: Snapshot;
  run_id?: string;
  instance_id?: string;
};

/**
 * Notes that `stage` begins. Note `head` before the head is sent: from then on, the job is not begun anew when this process dies.
 * Throws `JobLeaseLostError`.
 */
export async function noteStage(
  db: Database,
  claim: JobClaim,
  stage: Exclude<JobStage, "queued" | "done">,
  note: StageNote = {},
): Promise<{ cancel_requested: boolean }> {
  const { rows } = await sql<{ cancel_requested: boolean }>`
    update jobs set ${nextStage(stage)}, ${noted(note)}
    where ${heldJob(claim)}
    returning cancel_requested_at is not null as cancel_requested, pg_notify('quern_job_events', id::text)`.execute(
    db,
  );
  if (!rows[0]) throw new JobLeaseLostError(claim);
  return { cancel_requested: rows[0].cancel_requested };
}

function noted(note: StageNote): RawBuilder<unknown> {
  return sql`
    status = coalesce(${note.status ?? null}, status),
    tail_hash = coalesce(${note.tail_hash ?? null}, tail_hash),
    state_key = coalesce(${note.state_key ?? null}, state_key),
    snapshot = coalesce(${note.snapshot ? JSON.stringify(note.snapshot) : null}::jsonb, snapshot),
    run_id = coalesce(${note.run_id ?? null}::uuid, run_id),
    instance_id = coalesce(${note.instance_id ?? null}::uuid, instance_id)`;
}

export type StepNote = Omit<JobStep, "state_key"> & { state_key: Buffer };

/** Writes steps of the chain, or writes them anew, by their `n`. Throws `JobLeaseLostError`. */
export async function noteSteps(
  db: Database,
  claim: JobClaim,
  steps: readonly StepNote[],
): Promise<void> {
  if (steps.length === 0) return;
  const json = JSON.stringify(
    steps.map((step) => ({ ...step, state_key: `\\x${step.state_key.toString("hex")}` })),
  );
  const { rows } = await sql<{ held: boolean }>`
    with held as (
      select jobs.id from jobs where ${heldJob(claim)} for no key update
    ),
    written as (
      insert into job_steps (job_id, n, path, state_key, outcome, reason, layer_id, kept, duration_ms, statements, bytes, volatile)
      select held.id, steps.n, steps.path, steps.state_key, steps.outcome, steps.reason, steps.layer_id, steps.kept,
        steps.duration_ms, steps.statements, steps.bytes, steps.volatile
      from held cross join jsonb_to_recordset(${json}::jsonb) as steps (n integer, path text, state_key bytea, outcome text,
        reason text, layer_id uuid, kept boolean, duration_ms float8, statements integer, bytes bigint, volatile text[])
      on conflict (job_id, n) do update set
        path = excluded.path, state_key = excluded.state_key, outcome = excluded.outcome, reason = excluded.reason,
        layer_id = excluded.layer_id, kept = excluded.kept, duration_ms = excluded.duration_ms,
        statements = excluded.statements, bytes = excluded.bytes, volatile = excluded.volatile
    )
    select pg_notify('quern_job_events', id::text) from held`.execute(db);
  if (!rows[0]) throw new JobLeaseLostError(claim);
}

export type NewLogLine = Pick<LogLine, "stage" | "level" | "message"> &
  Partial<Pick<LogLine, "source" | "path" | "line" | "statement" | "sqlstate">> & { at: Date };

/** Lines that a job may have; what a script says beyond is counted by nobody. */
export const MAX_LOG_LINES = 20_000;
const MAX_LOG_MESSAGE = 8_192;
const FULL = `The log is full: it holds ${MAX_LOG_LINES} lines, and the job goes on without.`;

/** Adds lines to the job's log, in their order. Gather them: each call is one statement. Throws `JobLeaseLostError`. */
export async function appendLogs(
  db: Database,
  claim: JobClaim,
  lines: readonly NewLogLine[],
): Promise<void> {
  if (lines.length === 0) return;
  const json = JSON.stringify(
    lines.map((line, i) => ({
      ...line,
      i: i + 1,
      source: line.source ?? "quern",
      message: storableText(line.message).slice(0, MAX_LOG_MESSAGE).toWellFormed(),
      at: line.at.toISOString(),
    })),
  );
  const { rows } = await sql`
    with held as (
      update jobs set log_count = least(log_count + ${lines.length}, ${MAX_LOG_LINES})
      where ${heldJob(claim)}
      returning id, log_count
    ),
    before as (
      -- As it was: a statement does not see what it changes.
      select held.id, jobs.log_count from held join jobs on jobs.id = held.id
    ),
    written as (
      insert into job_logs (job_id, id, at, stage, level, source, message, path, line, statement, sqlstate)
      select before.id, before.log_count + lines.i, lines.at, lines.stage,
        case when before.log_count + lines.i = ${MAX_LOG_LINES} then 'warn' else lines.level end, lines.source,
        case when before.log_count + lines.i = ${MAX_LOG_LINES} then ${FULL} else lines.message end,
        lines.path, lines.line, lines.statement, lines.sqlstate
      from before cross join jsonb_to_recordset(${json}::jsonb) as lines (i integer, at timestamptz, stage text, level text,
        source text, message text, path text, line integer, statement integer, sqlstate text)
      where before.log_count + lines.i <= ${MAX_LOG_LINES}
    )
    select pg_notify('quern_job_events', id::text) from held`.execute(db);
  if (!rows[0]) throw new JobLeaseLostError(claim);
}
