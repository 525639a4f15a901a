/** A firing that comes while the runs of the one before go on: it is passed over, waits for them, or ends them. */
import type { OverlapPolicy } from "@quern/contract/schedules";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import type { Database } from "./db.ts";
import { cancelFor } from "./run-cancel.ts";

/** Firings of one schedule that may wait; more are passed over. */
export const WAITING_AT_MOST = 100;

export type Overlap = {
  /** When the earlier firing was due whose runs go on; null when none do. */
  going_since: Date | null;
  waiting: number;
};

/** In a transaction that holds the schedule's row. Firings whose runs have all ended are not looked at again. */
export async function readOverlap(trx: Database, scheduleId: string): Promise<Overlap> {
  const { rows } = await sql<Overlap>`
    with ended as (
      update schedule_firings set settled = true
      where schedule_id = ${scheduleId} and outcome = 'enqueued' and not settled and not ${goesOn(sql`schedule_firings.id`)}
      returning id
    )
    select max(fire_at) filter (where outcome = 'enqueued') as going_since,
      count(*) filter (where outcome = 'waiting') as waiting
    from schedule_firings
    where schedule_id = ${scheduleId} and id not in (select id from ended)
      and ((outcome = 'enqueued' and not settled) or outcome = 'waiting')`.execute(trx);
  return rows[0]!;
}

/** Whether a run of the firing has not ended. */
export function goesOn(firing: ReturnType<typeof sql>) {
  return sql`exists (
    select from firing_runs join runs on runs.id = firing_runs.run_id
    where firing_runs.firing_id = ${firing} and runs.finished_at is null)`;
}

export type OverlapDecision = { do: "enqueue" } | { do: "wait" } | { do: "skip"; message: string };

/** What becomes of a firing by the policy. `cancel_previous` has ended what went on when this returns. */
export async function decideOverlap(
  trx: Database,
  scheduleId: string,
  owner: Actor,
  policy: OverlapPolicy,
): Promise<OverlapDecision> {
  const { going_since, waiting } = await readOverlap(trx, scheduleId);
  if (going_since === null && waiting === 0) return { do: "enqueue" };
  if (policy === "cancel_previous") {
    await cancelEarlier(trx, scheduleId, owner);
    return { do: "enqueue" };
  }
  if (policy === "queue") {
    if (waiting < WAITING_AT_MOST) return { do: "wait" };
    return { do: "skip", message: `${WAITING_AT_MOST} earlier firings wait already.` };
  }
  const since = going_since?.toISOString().slice(0, 16).replace("T", " ");
  const message = since
    ? `The runs of the firing of ${since} UTC still went on.`
    : "An earlier firing still waited.";
  return { do: "skip", message };
}

/** Whoever else shares one of the runs keeps it. */
async function cancelEarlier(trx: Database, scheduleId: string, owner: Actor): Promise<void> {
  const { rows } = await sql<{ id: string }>`
    select distinct runs.id
    from schedule_firings
    join firing_runs on firing_runs.firing_id = schedule_firings.id
    join runs on runs.id = firing_runs.run_id
    where schedule_firings.schedule_id = ${scheduleId} and schedule_firings.outcome = 'enqueued'
      and not schedule_firings.settled and runs.finished_at is null
    order by runs.id`.execute(trx);
  for (const { id } of rows) await cancelFor(trx, owner, id, false);
  await dropWaiting(trx, scheduleId, "A later firing took its place.");
}

/** Firings that wait will not run. */
export async function dropWaiting(
  trx: Database,
  scheduleId: string,
  message: string,
): Promise<void> {
  await sql`
    update schedule_firings set outcome = 'skipped_overlap', message = ${message}
    where schedule_id = ${scheduleId} and outcome = 'waiting'`.execute(trx);
}
