import { sql } from "kysely";
import type { Database } from "./db.ts";

/** `due`: schedules whose time has come and that no runner has fired; the oldest was due `oldest_s` seconds ago. */
export type ScheduleLag = { due: number; oldest_s: number; waiting: number; in_trouble: number };

/** What the database knows of schedules now, for people who look at the system and for metrics. */
export async function readScheduleLag(db: Database): Promise<ScheduleLag> {
  const { rows } = await sql<ScheduleLag>`
    select count(*) filter (where due) as due,
      coalesce(max(extract(epoch from now() - next_fire_at)) filter (where due), 0)::float8 as oldest_s,
      (select count(*) from schedule_firings where outcome = 'waiting') as waiting,
      count(*) filter (where trouble is not null) as in_trouble
    from (
      select next_fire_at, trouble,
        paused_at is null and isfinite(next_fire_at) and next_fire_at <= now() as due
      from schedules
    ) as seen`.execute(db);
  return rows[0]!;
}
