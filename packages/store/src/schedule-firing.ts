/**
 * Firing schedules, from any runner. What is due is locked, written down, put into the queue and moved on in one transaction:
 * whoever dies in between has done nothing, and whoever comes next does it. A schedule that throws is written down as
 * failed, in a transaction of its own, and holds up no other.
 */

import { openTimetable, type Timetable } from "@quern/contract/schedule-times";
import { RecurrenceError } from "@quern/contract/schedule-times/errors";
import type { FiringOutcome, MisfirePolicy, OverlapPolicy } from "@quern/contract/schedules";
import { sql } from "kysely";
import { type Database, inTransaction } from "./db.ts";
import { decideOverlap, goesOn, type OverlapDecision } from "./firing-overlap.ts";
import { enqueueRuns } from "./firing-runs.ts";
import { isPassing } from "./passing-errors.ts";
import type { DueSchedule } from "./schedule-due.ts";
import { planFirings } from "./schedule-plan.ts";
import {
  prepareFiring,
  readOwner,
  ScheduleTrouble,
  type TargetOfSchedule,
} from "./schedule-target.ts";

/** `clock` stands for the database's own clock, in tests. `passing` is told what has just been done. */
export type FiringOptions = {
  clock?: Date | null;
  passing?: (point: "schedule_locked" | "schedule_enqueued") => Promise<void> | void;
};

/** What became of one time that a schedule was due. `lateness_ms`: from then until it was fired. */
export type FiringReport = { outcome: FiringOutcome; lateness_ms: number; runs: number };

type Row = TargetOfSchedule & {
  id: string;
  recurrence: string;
  time_zone: string;
  overlap_policy: OverlapPolicy;
  misfire_policy: MisfirePolicy;
  owner_id: string | null;
  trouble: string | null;
  /** null: still to be computed. */
  due: Date | null;
  now: Date;
};

/**
 * Fires what `findDue` found, unless another runner does or has. Throws when the database is away or too busy: then nothing has
 * changed, and the next look finds it again.
 */
export async function fireDue(
  db: Database,
  { schedule_id, firing_id }: Pick<DueSchedule, "schedule_id" | "firing_id">,
  options: FiringOptions = {},
): Promise<FiringReport[]> {
  const fire = firing_id === null ? fireSchedule : releaseFiring;
  try {
    return await inTransaction(db, (trx) => fire(trx, schedule_id, options));
  } catch (error) {
    if (isPassing(error)) throw error;
    return inTransaction(db, (trx) =>
      giveUp(trx, { schedule_id, firing_id }, describe(error), options),
    );
  }
}

async function fireSchedule(
  trx: Database,
  id: string,
  { clock = null, passing }: FiringOptions,
): Promise<FiringReport[]> {
  const schedule = await lockDue(trx, id, clock);
  if (!schedule) return [];
  await passing?.("schedule_locked");
  const timetable = openTimetable(schedule.recurrence, schedule.time_zone);
  if (schedule.due === null) {
    await moveOn(trx, id, timetable.after(schedule.now.getTime())?.at ?? null);
    return [];
  }
  const now = schedule.now.getTime();
  const plan = planFirings(timetable, schedule.due.getTime(), now, schedule.misfire_policy);
  // First, since from the first run on the owner's other firings wait for this transaction: see queue_turn().
  await moveOn(trx, id, plan.next);
  await writeDownSkipped(trx, schedule, plan.skipped);
  const reports = plan.skipped.map(({ at }) => report("skipped_misfire", now - at));
  for (const { at, late } of plan.fired) {
    // Times that are caught up on run one after the other: that is what run_all asks for.
    const policy =
      late && schedule.misfire_policy === "run_all" ? "queue" : schedule.overlap_policy;
    const fired = await fireOnce(trx, { ...schedule, overlap_policy: policy }, new Date(at), late);
    if (fired) reports.push({ ...fired, lateness_ms: now - at });
  }
  await passing?.("schedule_enqueued");
  return reports;
}

const SCHEDULE = sql`
  schedules.id, schedules.query_id, schedules.dashboard_id, schedules.tile_ids, schedules.params, schedules.recurrence,
  schedules.time_zone, schedules.overlap_policy, schedules.misfire_policy, schedules.owner_id, schedules.trouble,
  case when isfinite(schedules.next_fire_at) then schedules.next_fire_at end as due`;

async function lockDue(trx: Database, id: string, clock: Date | null): Promise<Row | undefined> {
  const now = sql`coalesce(${clock}::timestamptz, now())`;
  const { rows } = await sql<Row>`
    select ${SCHEDULE}, ${now} as now from schedules
    where id = ${id} and paused_at is null and next_fire_at <= ${now}
    for no key update skip locked`.execute(trx);
  return rows[0];
}

async function writeDownSkipped(
  trx: Database,
  { id, now }: Row,
  skipped: readonly { at: number; message: string }[],
): Promise<void> {
  if (skipped.length === 0) return;
  await sql`
    insert into schedule_firings (schedule_id, fire_at, fired_at, outcome, message)
    select ${id}, fire_at, ${now}, 'skipped_misfire', message
    from unnest(${skipped.map(({ at }) => new Date(at))}::timestamptz[], ${skipped.map(({ message }) => message)}::text[])
      as skipped (fire_at, message)
    on conflict on constraint schedule_firings_once do nothing`.execute(trx);
}

/** One firing with its runs; undefined when this time was fired before. */
async function fireOnce(
  trx: Database,
  schedule: Row,
  fire_at: Date,
  late: boolean,
): Promise<FiringReport | undefined> {
  const { rows } = await sql<{ id: string }>`
    insert into schedule_firings (schedule_id, fire_at, fired_at, outcome)
    values (${schedule.id}, ${fire_at}, ${schedule.now}, 'failed')
    on conflict on constraint schedule_firings_once do nothing
    returning id`.execute(trx);
  if (!rows[0]) return undefined;
  return runFiring(trx, schedule, {
    id: rows[0].id,
    fire_at,
    since: late ? schedule.now : fire_at,
  });
}

type OpenFiring = {
  id: string;
  fire_at: Date;
  /** Equal work that was queued since then answers, too. */
  since: Date;
};

/** Decides what becomes of a firing that is written down, and does it. */
export async function runFiring(
  trx: Database,
  schedule: Pick<Row, "id" | "overlap_policy" | "owner_id" | "trouble"> & TargetOfSchedule,
  firing: OpenFiring,
  hasWaited = false,
): Promise<FiringReport> {
  try {
    const owner = await readOwner(trx, schedule.owner_id);
    const decision: OverlapDecision = hasWaited
      ? { do: "enqueue" }
      : await decideOverlap(trx, schedule.id, owner, schedule.overlap_policy);
    if (decision.do === "skip")
      return await settle(trx, firing.id, "skipped_overlap", decision.message);
    if (decision.do === "wait") return await settle(trx, firing.id, "waiting", null);
    const { runs, problems } = await prepareFiring(trx, owner, schedule, firing.fire_at);
    const message = problems.length === 0 ? null : partly(problems, runs.length);
    await settle(trx, firing.id, "enqueued", message);
    if (schedule.trouble !== null) await setTrouble(trx, schedule.id, null);
    const count = await enqueueRuns(trx, owner, firing.id, runs, firing.since);
    return report("enqueued", 0, count);
  } catch (error) {
    if (!(error instanceof ScheduleTrouble)) throw error;
    await setTrouble(trx, schedule.id, error.message);
    return settle(trx, firing.id, "failed", error.message);
  }
}

function partly(problems: readonly string[], running: number): string {
  const all = problems.length + running;
  return `${problems.length} of ${all} tiles could not run. ${problems.slice(0, 5).join(" ")}`;
}

async function settle(
  trx: Database,
  firingId: string,
  outcome: FiringOutcome,
  message: string | null,
): Promise<FiringReport> {
  await sql`
    update schedule_firings set outcome = ${outcome}, message = ${message} where id = ${firingId}`.execute(
    trx,
  );
  return report(outcome, 0);
}

async function setTrouble(trx: Database, id: string, trouble: string | null): Promise<void> {
  await sql`
    update schedules set trouble = ${trouble} where id = ${id} and trouble is distinct from ${trouble}`.execute(
    trx,
  );
}

async function moveOn(trx: Database, id: string, next: number | null): Promise<void> {
  await sql`
    update schedules set next_fire_at = ${next === null ? null : new Date(next)} where id = ${id}`.execute(
    trx,
  );
}

/** Runs the oldest firing that waits, now that the runs before it have ended. */
async function releaseFiring(
  trx: Database,
  id: string,
  { clock = null, passing }: FiringOptions,
): Promise<FiringReport[]> {
  const { rows: schedules } = await sql<Row>`
    select ${SCHEDULE}, coalesce(${clock}::timestamptz, now()) as now from schedules
    where id = ${id} for no key update skip locked`.execute(trx);
  if (!schedules[0]) return [];
  await passing?.("schedule_locked");
  const { now } = schedules[0];
  const { rows } = await sql<{ id: string; fire_at: Date }>`
    update schedule_firings set fired_at = ${now}
    where id = (
      select waiting.id from schedule_firings as waiting
      where waiting.schedule_id = ${id} and waiting.outcome = 'waiting' and not exists (
        select from schedule_firings as earlier
        where earlier.schedule_id = ${id} and earlier.outcome = 'enqueued' and not earlier.settled
          and ${goesOn(sql`earlier.id`)})
      order by waiting.fire_at limit 1)
    returning id, fire_at`.execute(trx);
  if (!rows[0]) return [];
  const released = await runFiring(trx, schedules[0], { ...rows[0], since: now }, true);
  await passing?.("schedule_enqueued");
  return [{ ...released, lateness_ms: now.getTime() - rows[0].fire_at.getTime() }];
}

function report(outcome: FiringOutcome, lateness_ms: number, runs = 0): FiringReport {
  return { outcome, lateness_ms, runs };
}

function describe(error: unknown): string {
  if (error instanceof RecurrenceError) return error.message;
  const why = error instanceof Error ? error.message : String(error);
  return `Quern could not fire it: ${why}. The runner's log says more.`;
}

/** Writes down that a schedule failed in a way that trying again does not mend, and moves it on. */
async function giveUp(
  trx: Database,
  { schedule_id, firing_id }: Pick<DueSchedule, "schedule_id" | "firing_id">,
  trouble: string,
  { clock = null }: FiringOptions,
): Promise<FiringReport[]> {
  if (firing_id !== null) {
    await sql`
      update schedule_firings set outcome = 'failed', message = ${trouble}
      where id = ${firing_id} and outcome = 'waiting'`.execute(trx);
    await setTrouble(trx, schedule_id, trouble);
    return [report("failed", 0)];
  }
  const schedule = await lockDue(trx, schedule_id, clock);
  if (!schedule) return [];
  const { due, now } = schedule;
  if (due !== null) {
    await sql`
      insert into schedule_firings (schedule_id, fire_at, fired_at, outcome, message)
      values (${schedule_id}, ${due}, ${now}, 'failed', ${trouble})
      on conflict on constraint schedule_firings_once do nothing`.execute(trx);
  }
  await setTrouble(trx, schedule_id, trouble);
  await moveOn(trx, schedule_id, readTimetable(schedule)?.after(now.getTime())?.at ?? null);
  return [report("failed", due === null ? 0 : now.getTime() - due.getTime())];
}

/** null when the recurrence cannot be read any more, such as when a zone was taken out of the time zone database. */
function readTimetable({ recurrence, time_zone }: Row): Timetable | null {
  try {
    return openTimetable(recurrence, time_zone);
  } catch (error) {
    if (error instanceof RecurrenceError) return null;
    throw error;
  }
}
