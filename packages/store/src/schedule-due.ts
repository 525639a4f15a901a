import { sql } from "kysely";
import type { Database } from "./db.ts";
import { goesOn } from "./firing-overlap.ts";

export type DueSchedule = {
  schedule_id: string;
  /** Of a firing that waited for earlier runs, which have ended. */
  firing_id: string | null;
  /** Milliseconds from now; not positive: it is due. */
  in_ms: number;
};

/** Schedules that are due within `ahead_ms`, the earliest first, and firings whose wait is over. One statement. */
export async function findDue(
  db: Database,
  ahead_ms: number,
  limit: number,
  clock: Date | null = null,
): Promise<DueSchedule[]> {
  const now = sql`coalesce(${clock}::timestamptz, now())`;
  const { rows } = await sql<DueSchedule>`
    (select id as schedule_id, null::uuid as firing_id,
      case when isfinite(next_fire_at) then extract(epoch from next_fire_at - ${now})::float8 * 1000 else 0 end as in_ms
    from schedules
    where paused_at is null and next_fire_at is not null
      and next_fire_at <= ${now} + ${ahead_ms} * interval '1 millisecond'
    order by next_fire_at
    limit ${limit})
    union all
    (select distinct on (waiting.schedule_id) waiting.schedule_id, waiting.id, 0
    from schedule_firings as waiting
    where waiting.outcome = 'waiting' and not exists (
      select from schedule_firings as earlier
      where earlier.schedule_id = waiting.schedule_id and earlier.outcome = 'enqueued' and not earlier.settled
        and ${goesOn(sql`earlier.id`)})
    order by waiting.schedule_id, waiting.fire_at
    limit ${limit})`.execute(db);
  return rows;
}
