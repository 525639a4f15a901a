import type { Tour } from "@quern/contract/library";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import type { Database } from "./db.ts";

/** How far the actor came in the tour of the app. */
export async function readTour(db: Database, actor: Actor): Promise<Tour> {
  const { rows } = await sql<Tour>`
    select coalesce(tour_step, 0) as step, tour_step is not null as begun, tour_ended_at is not null as ended
    from memberships where org_id = ${actor.org_id} and user_id = ${actor.user_id}`.execute(db);
  return rows[0]!;
}

export async function writeTour(
  db: Database,
  actor: Actor,
  tour: Pick<Tour, "step" | "ended">,
): Promise<void> {
  await sql`
    update memberships set tour_step = ${tour.step},
      tour_ended_at = case when ${tour.ended}::boolean then coalesce(tour_ended_at, now()) end
    where org_id = ${actor.org_id} and user_id = ${actor.user_id}`.execute(db);
}
