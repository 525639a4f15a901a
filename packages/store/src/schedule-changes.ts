/** Making and changing schedules. Whoever says what a schedule runs owns it: it runs with their rights from then on. */
import type { ParameterValues } from "@quern/contract/parameters";
import { ParametersError } from "@quern/contract/parameters/errors";
import { openTimetable } from "@quern/contract/schedule-times";
import { RecurrenceError } from "@quern/contract/schedule-times/errors";
import { readTimeZone } from "@quern/contract/schedule-times/time-zone";
import type { MisfirePolicy, OverlapPolicy, ScheduleInput } from "@quern/contract/schedules";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { Conflict } from "./conflict.ts";
import { type Database, inTransaction } from "./db.ts";
import { dropWaiting } from "./firing-overlap.ts";
import { visibleSchedule } from "./grants.ts";
import { runFiring } from "./schedule-firing.ts";
import { prepareFiring, ScheduleTrouble, type TargetOfSchedule } from "./schedule-target.ts";
import type { ScheduleChange } from "./schedules.ts";

/**
 * Makes a schedule and returns its id. The caller has made sure that the actor sees the target. Throws `Conflict`
 * (`invalid_request`), which names the field, when it can never fire, or could not run anything now.
 */
export async function createSchedule(
  db: Database,
  actor: Actor,
  input: ScheduleInput,
): Promise<string> {
  return inTransaction(db, async (trx) => {
    const now = await readClock(trx);
    const { time_zone, next } = readTimes(input.recurrence, input.time_zone, now);
    const target = toColumns(input.target, input.params ?? {});
    await demandRunnable(trx, actor, target, now);
    const paused = input.paused === true;
    const { rows } = await sql<{ id: string }>`
      insert into schedules (org_id, name, query_id, dashboard_id, tile_ids, recurrence, time_zone, params, overlap_policy,
        misfire_policy, paused_at, pause_reason, next_fire_at, created_by, owner_id)
      values (${actor.org_id}, ${input.name.trim()}, ${target.query_id}, ${target.dashboard_id}, ${target.tile_ids},
        ${input.recurrence.trim()}, ${time_zone}, ${JSON.stringify(target.params)}, ${input.overlap_policy ?? "skip"},
        ${input.misfire_policy ?? "run_latest"}, ${paused ? now : null}, ${paused ? "person" : null},
        ${paused ? null : next}, ${actor.user_id}, ${actor.user_id})
      returning id`.execute(trx);
    return rows[0]!.id;
  });
}

type Current = TargetOfSchedule & {
  name: string;
  recurrence: string;
  time_zone: string;
  overlap_policy: OverlapPolicy;
  misfire_policy: MisfirePolicy;
  paused_at: Date | null;
  pause_reason: "person" | "deletion" | null;
  next_fire_at: Date | null;
  owner_id: string | null;
  trouble: string | null;
  now: Date;
};

/**
 * Changes what is given. New times, and resuming, start from now: what passed before is not caught up on. False when the
 * actor sees no such schedule. Throws like `createSchedule`, and `Conflict` (`conflict`) when one whose target was deleted is
 * to be resumed.
 */
export async function changeSchedule(
  db: Database,
  actor: Actor,
  id: string,
  change: ScheduleChange,
): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    const current = await lockCurrent(trx, actor, id);
    if (!current) return false;
    const { target, params, paused, ...rest } = change;
    const says = target !== undefined || params !== undefined;
    const given = params ?? (target === undefined ? current.params : {});
    const next = {
      ...current,
      ...(target === undefined ? { params: given } : toColumns(target, given)),
      name: rest.name?.trim() ?? current.name,
      recurrence: rest.recurrence?.trim() ?? current.recurrence,
      overlap_policy: rest.overlap_policy ?? current.overlap_policy,
      misfire_policy: rest.misfire_policy ?? current.misfire_policy,
    };
    if (says) {
      await demandRunnable(trx, actor, next, current.now);
      Object.assign(next, { owner_id: actor.user_id, trouble: null });
    }
    const times = readTimes(next.recurrence, rest.time_zone ?? current.time_zone, current.now);
    const pause = pauseOf(current, paused, target !== undefined);
    const isSame =
      current.paused_at === null &&
      next.recurrence === current.recurrence &&
      times.time_zone === current.time_zone;
    const next_fire_at =
      pause.paused_at !== null ? null : isSame ? current.next_fire_at : times.next;
    await writeChange(trx, id, { ...next, ...pause, next_fire_at, time_zone: times.time_zone });
    if (pause.paused_at !== null && current.paused_at === null)
      await dropWaiting(trx, id, "The schedule was paused.");
    return true;
  });
}

async function writeChange(trx: Database, id: string, next: Current): Promise<void> {
  await sql`
    update schedules set name = ${next.name}, query_id = ${next.query_id}, dashboard_id = ${next.dashboard_id},
      tile_ids = ${next.tile_ids}, recurrence = ${next.recurrence}, time_zone = ${next.time_zone},
      params = ${JSON.stringify(next.params)}, overlap_policy = ${next.overlap_policy},
      misfire_policy = ${next.misfire_policy}, paused_at = ${next.paused_at}, pause_reason = ${next.pause_reason},
      next_fire_at = ${next.next_fire_at}, owner_id = ${next.owner_id}, trouble = ${next.trouble}, updated_at = now()
    where id = ${id}`.execute(trx);
}

async function lockCurrent(trx: Database, actor: Actor, id: string): Promise<Current | undefined> {
  const { rows } = await sql<Current>`
    select name, query_id, dashboard_id, tile_ids, params, recurrence, time_zone, overlap_policy, misfire_policy, paused_at,
      pause_reason, case when isfinite(next_fire_at) then next_fire_at end as next_fire_at, owner_id, trouble, now() as now
    from schedules where id = ${id} and ${visibleSchedule(actor)}
    for update`.execute(trx);
  return rows[0];
}

function pauseOf(
  current: Current,
  paused: boolean | undefined,
  hasNewTarget: boolean,
): Pick<Current, "paused_at" | "pause_reason"> {
  const { paused_at, pause_reason, now, trouble } = current;
  const running = { paused_at: null, pause_reason: null };
  if (paused === true) return { paused_at: paused_at ?? now, pause_reason: "person" };
  if (hasNewTarget && pause_reason === "deletion") return running;
  if (paused === undefined) return { paused_at, pause_reason };
  if (pause_reason === "deletion" && !hasNewTarget)
    throw new Conflict("conflict", trouble ?? "What it runs was deleted. Restore that first.");
  return running;
}

async function readClock(trx: Database): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select now() as now`.execute(trx);
  return rows[0]!.now;
}

function readTimes(
  recurrence: string,
  timeZone: string,
  now: Date,
): { time_zone: string; next: Date | null } {
  try {
    const next = openTimetable(recurrence, timeZone).after(now.getTime());
    return { time_zone: readTimeZone(timeZone), next: next && new Date(next.at) };
  } catch (error) {
    if (!(error instanceof RecurrenceError)) throw error;
    const { message, field } = error;
    throw new Conflict("invalid_request", message, [{ path: `body.${field}`, message }]);
  }
}

function toColumns(target: ScheduleInput["target"], params: ParameterValues): TargetOfSchedule {
  return target.type === "query"
    ? { query_id: target.query_id, dashboard_id: null, tile_ids: null, params }
    : {
        query_id: null,
        dashboard_id: target.dashboard_id,
        tile_ids: target.tile_ids && [...new Set(target.tile_ids)],
        params,
      };
}

/** Throws `Conflict` when a firing now could not run anything, or when a chosen tile is not there. */
async function demandRunnable(
  trx: Database,
  actor: Actor,
  target: TargetOfSchedule,
  now: Date,
): Promise<void> {
  if (target.tile_ids !== null) {
    const { rows } = await sql`
      select from tiles where dashboard_id = ${target.dashboard_id} and id = any (${target.tile_ids}::uuid[])
        and type = 'visualization'`.execute(trx);
    if (rows.length < target.tile_ids.length) {
      const message =
        "One of the tiles is not on the dashboard any more, or shows no data. Choose again.";
      throw new Conflict("invalid_request", message, [{ path: "body.target.tile_ids", message }]);
    }
  }
  try {
    await prepareFiring(trx, actor, target, now);
  } catch (error) {
    if (!(error instanceof ScheduleTrouble)) throw error;
    const { cause } = error;
    const errors =
      cause instanceof ParametersError
        ? cause.problems.map(({ path, message }) => ({ path: `body.${path}`, message }))
        : [{ path: "body.target", message: error.message }];
    throw new Conflict("invalid_request", errors[0]!.message, errors);
  }
}

/**
 * Fires a schedule at this moment, paused or not; when it fires next stays as it is. Its overlap policy holds. Returns the id of
 * the firing, which may have failed and says why; undefined when the actor sees no such schedule.
 */
export async function fireNow(db: Database, actor: Actor, id: string): Promise<string | undefined> {
  return inTransaction(db, async (trx) => {
    const { rows: schedules } = await sql<
      TargetOfSchedule & Pick<Current, "overlap_policy" | "owner_id" | "trouble">
    >`
      select query_id, dashboard_id, tile_ids, params, overlap_policy, owner_id, trouble from schedules
      where id = ${id} and ${visibleSchedule(actor)} for no key update`.execute(trx);
    if (!schedules[0]) return undefined;
    // Never at a whole millisecond, which may be a time at which it fires by itself.
    const { rows } = await sql<{ id: string; fire_at: Date }>`
      insert into schedule_firings (schedule_id, trigger, fire_at, fired_at, outcome)
      select ${id}, 'manual', moment, moment, 'failed'
      from (select case when clock = date_trunc('milliseconds', clock) then clock + interval '1 microsecond' else clock end as moment
        from clock_timestamp() as clock) as moments
      returning id, fire_at`.execute(trx);
    const { id: firing, fire_at } = rows[0]!;
    await runFiring(trx, { id, ...schedules[0] }, { id: firing, fire_at, since: fire_at });
    return firing;
  });
}
